"""The samples of a frame that FFmpeg has decoded, in whatever format it holds them."""

from typing import Any

import av
import numpy as np
import numpy.typing as npt

from features.errors import NotAudioError
from features.vectors import FloatArray

# It has room for as many pointers, and no mark behind the last.
PLANES_OF_A_FRAME = 8
# What makes [-1, 1] of a decoder's integers: powers of two, so that nothing is rounded twice.
SCALES = {
    "u8": np.float32(2.0**-7),
    "s16": np.float32(2.0**-15),
    "s32": np.float32(2.0**-31),
    "flt": np.float32(1),
    "dbl": np.float32(1),
}


def _packed(frame: Any) -> Any:
    """The frame with its channels interleaved where PyAV cannot tell the planes of so many from what lies behind."""
    if not frame.format.is_planar or frame.layout.nb_channels < PLANES_OF_A_FRAME:
        return frame
    resampler = av.AudioResampler(
        format=frame.format.packed.name, layout=frame.layout, rate=frame.sample_rate
    )
    (packed,) = resampler.resample(frame)
    return packed


def samples_of(frame: Any) -> FloatArray:
    """Of a frame of any format [shape=(channels, n)], in [-1, 1]."""
    if frame.format.packed.name not in SCALES:
        raise NotAudioError(
            f"the file has samples of the format {frame.format.name}, which is not known here"
        )
    frame = _packed(frame)
    values: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    samples = values.astype(np.float32, copy=False)
    if values.dtype == np.uint8:
        samples -= 128
    scale = SCALES[frame.format.packed.name]
    return samples if scale == 1 else samples * scale
