"""MusiCNN as Triton's Python backend runs it: mel spectra of windows in, `penultimate` and the tags of each out."""

from embedding_model import EmbeddingModel
from musicnn_network.embedder import load_embedder
from musicnn_network.errors import CheckpointError, MusicnnError, OptionError
from musicnn_network.options import read_options


class TritonPythonModel(EmbeddingModel):
    name = "musicnn"
    errors = (OptionError, MusicnnError)
    damaged = (CheckpointError,)

    def read_options(self, parameters, environment):
        return read_options(parameters, environment)

    def load(self, options):
        return load_embedder(options, batch_limit=self.batch_limit)
