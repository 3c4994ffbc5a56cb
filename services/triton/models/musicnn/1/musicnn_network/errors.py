"""What can be wrong with the weights or with how the model is to run; the message says what to do."""


class MusicnnError(Exception):
    """The model cannot be loaded, or not as it is asked for."""


class CheckpointError(MusicnnError):
    """The folder does not hold the checkpoint of MusiCNN that was published."""


class OptionError(MusicnnError):
    """A parameter of the model has a value that means nothing, or nothing on this machine."""
