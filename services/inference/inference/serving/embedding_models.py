"""The models of embeddings in Triton: features calls them and may load none, so this service watches over them."""

import numpy as np
from runtime.triton import Triton, TritonError
from runtime.watchdog import Probe

from inference.classify.stages import HEAD

# Such a model reads its weights, or computes a full batch of windows on a slow processor, before it answers.
PATIENCE_SECONDS = 300.0


class EmbeddingModels:
    """All models that Triton's repository has beside the heads; what each is called and takes, Triton says."""

    def __init__(self, triton: Triton) -> None:
        self._triton = triton
        self._known: dict[str, Probe] = {}

    def probes(self) -> list[Probe]:
        """A sign of life of each that is loaded or has been; raises TritonError while Triton has never answered."""
        try:
            loaded = self._loaded()
        except TritonError:
            if not self._known:
                raise
        else:
            self._known |= {model: self._probe(model) for model in loaded}
        return list(self._known.values())

    def _loaded(self) -> list[str]:
        ready = {model["name"] for model in self._triton.index() if model.get("state") == "READY"}
        return sorted(model for model in ready if not model.startswith(f"{HEAD}_"))

    def _probe(self, model: str) -> Probe:
        """One value, of which none computes an embedding. Asked for anew at each look: a model may be replaced."""
        name, dtype = next(iter(self._triton.input_types(model).items()))
        return Probe(
            model=model,
            inputs={name: np.zeros((1, 1), dtype=dtype)},
            outputs=["description"],
            patience_seconds=PATIENCE_SECONDS,
        )
