"""How common each of MusiCNN's tags is in the music that it has learned from, out of its published checkpoint.

See `features.embeddings.musicnn.tags` for the reasoning. Prints the table that stands there.
"""

import numpy as np
from features.embeddings.musicnn.tags import SHARES
from musicnn_golden import WEIGHTS
from musicnn_network.bundle import DATA, INDEX, read_index, values
from musicnn_network.checkpoint import TAGS, read_checkpoint
from numpy.typing import NDArray

BATCH = 32
# A spread of the logits beyond this fits no tag better.
SPREADS = np.linspace(0, 12, 1201)
# With rock in a fifth of the songs; found so that the spreads of all tags exist.
SCALE_OF_SPREADS = 62_214
NODES, WEIGHTS_OF_NODES = np.polynomial.hermite_e.hermegauss(60)


def main() -> None:
    """Print tag, share as worked out now, share as shipped."""
    for (name, shipped), share in zip(SHARES.items(), shares(), strict=True):
        print(f"{name:18} {share:.2g} {shipped:g}")


def shares() -> NDArray[np.float64]:
    """[50] of all songs."""
    errors = squared_gradients()
    explained = np.array(
        [
            explained_share(logit, SCALE_OF_SPREADS * error)
            for logit, error in zip(mean_logits(), errors, strict=True)
        ]
    )
    variance = BATCH * TAGS**2 * errors / (1 - explained)
    found: NDArray[np.float64] = (1 - np.sqrt(1 - 4 * variance)) / 2
    return found


def squared_gradients() -> NDArray[np.float64]:
    """[50] the running mean that Adam has left of the gradient of each tag's bias."""
    entry = read_index(WEIGHTS / INDEX)["dense_1/bias/Adam_1"]
    return values((WEIGHTS / DATA).read_bytes(), entry).astype(np.float64)


def mean_logits() -> NDArray[np.float64]:
    """[50] a batch norm's values have the mean `beta` over the training."""
    tensors = read_checkpoint(WEIGHTS).tensors
    found: NDArray[np.float64] = (
        tensors["batch_normalization_10/beta"].astype(np.float64) @ tensors["dense_1/kernel"]
        + tensors["dense_1/bias"]
    )
    return found


def explained_share(mean_logit: float, error: float) -> float:
    """Of a tag's variance, with normal logits of this mean that leave this mean squared error."""
    logits = mean_logit + np.sqrt(SPREADS)[:, np.newaxis] * NODES
    p = 1 / (1 + np.exp(-logits))
    weights = WEIGHTS_OF_NODES / WEIGHTS_OF_NODES.sum()
    errors, means = (weights * p * (1 - p)).sum(axis=1), (weights * p).sum(axis=1)
    nearest = np.argmin(np.abs(errors[: errors.argmax() + 1] - error))
    return float(1 - error / (means[nearest] * (1 - means[nearest])))


if __name__ == "__main__":
    main()
