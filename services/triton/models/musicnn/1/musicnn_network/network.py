"""The network of MusiCNN in numpy: its work is done in matrix products, and these are fewer than in convolutions.

Each block is a convolution, relu, batch norm. Where a maximum over frequency follows, it is taken of the convolution's
own values, since all that comes behind is monotonous for each filter; a filter whose norm turns the order round has the
sign of its weights turned. Source: Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio
tagging", and models.py of their package.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Tensors = Mapping[str, FloatArray]

FRAMES, BANDS = 187, 96
BINS = BANDS // 2 + 1
EPS = 1e-3
# Frames of zeros on each side of a convolution over seven.
PAD = 3
PADDED = FRAMES + 2 * PAD
TAPS = 2 * PAD + 1
# Windows that go through together: their products stay in the processor's caches.
BLOCK = 5
# Frames whose spectra are multiplied together: what comes of them stays in a core's own cache.
ROWS = 17
# Neighbouring output frames of a temporal kernel are computed in one product from the input frames that they share.
STEP = 8
STEPS = -(-FRAMES // STEP)
# Bands of a product of the temporal kernels.
BANDS_AT_ONCE = 4
LONGEST = 128


@dataclass(frozen=True, kw_only=True)
class Norm:
    """A batch norm as a scale and a shift for each channel."""

    scale: FloatArray
    shift: FloatArray

    @property
    def sign(self) -> FloatArray:
        """-1 for the channels whose order it turns round."""
        return np.where(self.scale < 0, -1, 1).astype(np.float32)

    def __call__(self, x: FloatArray) -> FloatArray:
        return x * self.scale + self.shift


class Timbral:
    """Kernels over seven frames and a part of the bands, and the maximum over all of their places among the bands.

    By the convolution theorem: a kernel at all its places is a product of Fourier transforms over the bands. That of
    the input is made once for all filters, and no wanted place wraps round.

    1. In each bin one matrix product sums the seven frames, for the real and for the imaginary part.
    2. Places that lie equally far before and behind the middle have the same part of cosines, and parts of sines that
       differ in their sign. The greater of both is the one and the size of the other, so half a transform leads back.
    """

    def __init__(self, tensors: Tensors, name: str, norm: Norm) -> None:
        kernel = tensors[f"{name}/kernel"][:, :, 0] * norm.sign
        middle = (BANDS - kernel.shape[1]) / 2
        bins = np.arange(BINS)
        turned = np.exp(2j * np.pi * bins * middle / BANDS)[:, np.newaxis]
        spectra = (np.fft.rfft(kernel, BANDS, axis=1).conj() * turned).transpose(1, 0, 2)
        self.real = _joined(spectra.real, -spectra.imag)
        self.imaginary = _joined(spectra.imag, spectra.real)
        angles = 2 * np.pi * np.outer(np.arange(middle, -0.25, -1), bins) / BANDS
        # The first bin and the last stand for themselves, each other one for its mirror image too.
        share = np.where((bins == 0) | (bins == BINS - 1), 1, 2) / BANDS
        self.cosines = (share * np.cos(angles)).astype(np.float32)
        self.sines = (share * -np.sin(angles)).astype(np.float32)
        self.bias, self.norm = tensors[f"{name}/bias"], norm

    def __call__(self, spectra: FloatArray) -> FloatArray:
        """spectra [BINS, rows, 2 * TAPS] to [rows, filters]."""
        parts = [
            self._greatest(spectra[:, first : first + ROWS]) for first in range(0, spectra.shape[1], ROWS)
        ]
        return _activated(np.concatenate(parts) * self.norm.sign, self.bias, self.norm)

    def _greatest(self, spectra: FloatArray) -> FloatArray:
        rows, filters = spectra.shape[1], len(self.bias)
        even = self.cosines @ np.matmul(spectra, self.real).reshape(BINS, -1)
        odd = self.sines @ np.matmul(spectra, self.imaginary).reshape(BINS, -1)
        even += np.abs(odd, out=odd)
        greatest: FloatArray = even.max(axis=0).reshape(rows, filters)
        return greatest


class Temporal:
    """Kernels over many frames of one band, and the maximum over bands."""

    def __init__(self, tensors: Tensors, name: str, norm: Norm) -> None:
        kernel = tensors[f"{name}/kernel"][:, 0, 0]
        self.length, filters = kernel.shape
        # [frames, STEP * filters]: for each of the neighbouring output frames the kernel, moved by one.
        self.weights = np.zeros((self.length + STEP - 1, STEP, filters), dtype=np.float32)
        for step in range(STEP):
            self.weights[step : step + self.length, step] = kernel * norm.sign
        self.weights = self.weights.reshape(len(self.weights), -1)
        # TensorFlow's "same" has the smaller half of an even kernel in front.
        self.first = (LONGEST - 1) // 2 - (self.length - 1) // 2
        self.bias, self.norm = tensors[f"{name}/bias"], norm

    def raise_to(self, greatest: FloatArray, frames: FloatArray) -> None:
        """frames [bands, windows * STEPS, LONGEST + STEP - 1] into greatest [windows * STEPS, STEP * filters]."""
        columns = frames.reshape(-1, frames.shape[2])[:, self.first : self.first + len(self.weights)]
        products = (columns @ self.weights).reshape(len(frames), *greatest.shape)
        for product in products:
            np.maximum(greatest, product, out=greatest)

    def __call__(self, greatest: FloatArray, windows: int) -> FloatArray:
        """The maxima to [windows, FRAMES, filters]."""
        filters = len(self.bias)
        by_frame = greatest.reshape(windows, STEPS * STEP, filters)[:, :FRAMES]
        return _activated(by_frame * self.norm.sign, self.bias, self.norm)


class Middle:
    """A kernel over seven frames and all channels."""

    def __init__(self, tensors: Tensors, name: str, norm: Norm) -> None:
        kernel = tensors[f"{name}/kernel"][:, :, 0]
        self.filters = kernel.shape[2]
        self.weights = np.ascontiguousarray(kernel.transpose(1, 0, 2).reshape(kernel.shape[1], -1))
        self.bias, self.norm = tensors[f"{name}/bias"], norm

    def __call__(self, x: FloatArray) -> FloatArray:
        """x [windows, PADDED, channels] to [windows, FRAMES, filters]: one product for all taps, then their sum."""
        products = (x.reshape(-1, x.shape[2]) @ self.weights).reshape(len(x), PADDED, TAPS, self.filters)
        total = products[:, :FRAMES, 0].copy()
        for tap in range(1, TAPS):
            total += products[:, tap : tap + FRAMES, tap]
        return _activated(total, self.bias, self.norm)


class Network:
    """x [windows, FRAMES, BANDS], logarithms of mel spectra, to `penultimate` [windows, 200] and tags [windows, 50]."""

    def __init__(self, tensors: Tensors) -> None:
        norms = [_norm(tensors, number) for number in range(11)]
        self.input_norm = norms[0]
        self.timbral = [
            Timbral(tensors, name, norm)
            for name, norm in zip(("conv2d", "conv2d_1"), norms[1:3], strict=True)
        ]
        names = [f"conv2d_{number}" for number in range(2, 8)]
        self.temporal = [
            Temporal(tensors, name, norm) for name, norm in zip(names[:3], norms[3:6], strict=True)
        ]
        self.middle = [Middle(tensors, name, norm) for name, norm in zip(names[3:], norms[6:9], strict=True)]
        weights = tensors["dense/kernel"].astype(np.float64)
        self.dense = (norms[9].scale[:, np.newaxis] * weights).astype(np.float32)
        self.dense_bias = (norms[9].shift @ weights + tensors["dense/bias"]).astype(np.float32)
        self.dense_norm = norms[10]
        self.tags, self.tags_bias = tensors["dense_1/kernel"], tensors["dense_1/bias"]

    def __call__(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        parts = [self._block(x[first : first + BLOCK]) for first in range(0, len(x), BLOCK)]
        penultimate, tags = zip(*parts, strict=True)
        return np.concatenate(penultimate), np.concatenate(tags)

    def _block(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        channels = self._middle(self._front(self.input_norm(x)))
        pooled = np.stack([channels.max(axis=1), channels.mean(axis=1)], axis=2).reshape(len(x), -1)
        penultimate = self.dense_norm(np.maximum(pooled @ self.dense + self.dense_bias, 0))
        return penultimate, 1 / (1 + np.exp(-(penultimate @ self.tags + self.tags_bias)))

    def _front(self, x: FloatArray) -> FloatArray:
        """[windows, PADDED, channels] with zeros around the frames."""
        spectra = _spectra(x)
        parts = [kernels(spectra).reshape(len(x), FRAMES, -1) for kernels in self.timbral]
        return _padded(np.concatenate([*parts, *self._temporal(x)], axis=2))

    def _temporal(self, x: FloatArray) -> list[FloatArray]:
        frames = _shared_frames(x)
        greatest = [
            np.full((len(x) * STEPS, kernels.weights.shape[1]), -np.inf, dtype=np.float32)
            for kernels in self.temporal
        ]
        for band in range(0, BANDS, BANDS_AT_ONCE):
            # A copy: the rows overlap in memory, which BLAS does not take.
            some = frames[band : band + BANDS_AT_ONCE].reshape(BANDS_AT_ONCE, len(x) * STEPS, -1)
            for kernels, maxima in zip(self.temporal, greatest, strict=True):
                kernels.raise_to(maxima, some)
        return [kernels(maxima, len(x)) for kernels, maxima in zip(self.temporal, greatest, strict=True)]

    def _middle(self, front: FloatArray) -> FloatArray:
        """Front and the three layers of the middle, of which the later two are added to what they come from."""
        inside = front[:, PAD : PAD + FRAMES]
        first = self.middle[0](front)
        second = first + self.middle[1](_padded(first))
        third = second + self.middle[2](_padded(second))
        return np.concatenate([inside, first, second, third], axis=2)


def _norm(tensors: Tensors, number: int) -> Norm:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    beta, gamma, mean, variance = (
        tensors[f"{name}/{part}"].astype(np.float64)
        for part in ("beta", "gamma", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + EPS)
    return Norm(scale=scale.astype(np.float32), shift=(beta - mean * scale).astype(np.float32))


def _activated(x: FloatArray, bias: FloatArray, norm: Norm) -> FloatArray:
    """What follows each convolution."""
    return norm(np.maximum(x + bias, 0))


def _padded(x: FloatArray) -> FloatArray:
    return np.pad(x, ((0, 0), (PAD, PAD), (0, 0)))


def _joined(one: NDArray[np.float64], other: NDArray[np.float64]) -> FloatArray:
    return np.ascontiguousarray(np.concatenate([one, other], axis=1), dtype=np.float32)


def _spectra(x: FloatArray) -> FloatArray:
    """[BINS, windows * FRAMES, 2 * TAPS]: of each frame its neighbourhood of seven, transformed over the bands."""
    found = np.fft.rfft(_padded(x), axis=2).transpose(2, 0, 1)
    spectra = np.empty((BINS, len(x), FRAMES, 2 * TAPS), dtype=np.float32)
    for tap in range(TAPS):
        spectra[..., tap] = found[:, :, tap : tap + FRAMES].real
        spectra[..., TAPS + tap] = found[:, :, tap : tap + FRAMES].imag
    return spectra.reshape(BINS, -1, 2 * TAPS)


def _shared_frames(x: FloatArray) -> FloatArray:
    """A view [BANDS, windows, STEPS, LONGEST + STEP - 1]: the input frames of each STEP output frames."""
    before, after = (LONGEST - 1) // 2, LONGEST // 2 + STEPS * STEP - FRAMES
    padded = np.pad(x.transpose(2, 0, 1), ((0, 0), (0, 0), (before, after)))
    by_band, by_window, by_frame = padded.strides
    return as_strided(
        padded,
        (BANDS, len(x), STEPS, LONGEST + STEP - 1),
        (by_band, by_window, STEP * by_frame, by_frame),
        writeable=False,
    )
