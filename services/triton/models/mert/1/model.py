"""MERT as Triton's Python backend runs it: windows of 16-bit PCM in, the mean over time of chosen layers out."""

from embedding_model import EmbeddingModel
from mert_encoder.errors import CheckpointError, MertError, OptionError
from mert_encoder.options import read_options


class TritonPythonModel(EmbeddingModel):
    name = "mert"
    errors = (OptionError, MertError)
    damaged = (CheckpointError,)

    def read_options(self, parameters, environment):
        return read_options(parameters, environment)

    def load(self, options):
        return loader()(options, batch_limit=self.batch_limit, log=self.log)


def loader():
    """Imported late: torch takes a second and 300 MB, for nothing where there are no weights."""
    try:
        from mert_encoder.embedder import load_embedder
    except ModuleNotFoundError as error:
        raise OptionError(
            f"{error.name} is not in Triton's environment: see docs/install.md, 'MERT'"
        ) from error
    return load_embedder
