"""How the model is to run: parameters of Triton's model configuration, over variables of Triton's environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from musicnn_network.errors import OptionError

PREFIX = "TRITON_MUSICNN_"
DISTRIBUTION = "musicnn"
# Of the four models in the package, the one that was trained on the most music.
CHECKPOINT = "musicnn/MSD_musicnn"
WEIGHTS = "weights"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Checked, as far as can be without the weights."""

    weights: Path | None
    """Folder of the checkpoint; None takes that of the package."""

    @property
    def folder(self) -> Path:
        """Where the checkpoint is. Raises OptionError where nothing is named and the package is not installed."""
        return self.weights or packaged_folder()


def read_options(parameters: Mapping[str, str], environment: Mapping[str, str]) -> Options:
    """A parameter that is set wins, then the variable TRITON_MUSICNN_<NAME>. Raises OptionError."""
    for name in parameters.keys() - {WEIGHTS}:
        raise OptionError(f"there is no parameter {name}; there is {WEIGHTS}")
    weights = parameters.get(WEIGHTS) or environment.get(f"{PREFIX}{WEIGHTS.upper()}")
    return Options(weights=Path(weights) if weights else None)


def packaged_folder() -> Path:
    """The checkpoint in the package `musicnn`, which is data to us: nothing of it is imported. Raises OptionError."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise OptionError("MusiCNN is not in Triton's environment: see docs/install.md, 'MusiCNN'") from None
    return Path(str(distribution.locate_file(CHECKPOINT)))
