"""What can be wrong with the weights or with how the model is to run; the message says what to do."""


class MertError(Exception):
    """The model cannot be loaded, or not as it is asked for."""


class CheckpointError(MertError):
    """The folder does not hold a MERT-v1 that this code knows in every part."""


class OptionError(MertError):
    """A parameter of the model has a value that means nothing, or nothing on this machine."""


class NoRoomError(MertError):
    """Not even one window fits into the device's memory."""
