"""The models of embeddings in Triton: features calls them and may load none, so this service watches over them."""

import numpy as np
from runtime.watchdog import Probe

MERT = "mert"
# It reads its weights, or computes a full batch of windows on a slow processor, before it answers.
PATIENCE_SECONDS = 300.0


def embedding_model_probes() -> list[Probe]:
    """A sign of life of each: one sample, of which none computes an embedding."""
    sample = np.zeros((1, 1), dtype=np.int16)
    return [
        Probe(
            model=MERT, inputs={"windows": sample}, outputs=["description"], patience_seconds=PATIENCE_SECONDS
        )
    ]
