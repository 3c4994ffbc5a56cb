"""The constant-Q transform, 12 bins an octave over 7 octaves, folded into the 12 pitch classes.

librosa's way (`librosa.cqt`, recursive sub-sampling by Schörkhuber and Klapuri 2010, "Constant-Q transform toolbox for
music processing"): the top octave is read from the signal by 12 filters, then the signal is halved in rate and the same
filters read the next octave. The signals are librosa's (the same resampler), the filters are librosa's own;
here they are applied in time, by one product of matrices an octave, where librosa transforms each frame first.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

import librosa
import numba
import numpy as np
import numpy.typing as npt
import scipy.fft
import soxr
from scipy.sparse import csr_matrix

from features.fma.buffers import Buffers, FloatArray
from features.fma.spectrum import frame_count
from features.fma.transform import HOP_LENGTH

N_CHROMA = 12
N_OCTAVES = 7
# Filters drop their smallest parts in frequency, which hold this share of the magnitude.
SPARSITY = 0.01
BLOCK_FRAMES = 512
CHUNK_SAMPLES = 2**20
# Sums may be taken in any order, and so by several at a time.
ANY_ORDER = {"reassoc", "contract", "nsz", "arcp"}
# Of the loudest answer that there could be to what is in a frame.
FAINT = 3e-4


@dataclass(frozen=True)
class OctaveFilters:
    """The 12 filters of an octave, for a signal at the octave's own rate."""

    taps: FloatArray
    """[shape=(n, 24)] float32: real parts of the filters in time, then imaginary ones."""
    spectra: csr_matrix
    """[shape=(12, 1 + n / 2)] complex64: the filters in frequency."""
    scale: FloatArray
    """[shape=(12,)] what librosa divides by: the root of a filter's length."""
    bound: float
    """No answer to samples whose magnitudes add up to 1 is larger."""


@dataclass(frozen=True)
class FilterBank:
    """The filters of every octave."""

    early_halvings: int
    """How often the rate is halved before the top octave is read."""
    filters: tuple[OctaveFilters, OctaveFilters]
    """Those of the first octave, third, ..., and of the second, fourth, ..."""


@dataclass(frozen=True)
class Octave:
    """A signal that is slow enough for the filters to read the octave from it."""

    y: FloatArray
    hop_length: int
    filters: OctaveFilters


def lowest_rate_hz() -> float:
    """The lowest sample rate at which the transform is defined, in Hz: about 8.5 kHz.

    Below it the highest filter of some tuning would reach beyond half of the rate.
    """
    _, cutoff_hz = librosa.filters.wavelet_lengths(freqs=_frequencies(0.5), sr=1.0)
    return 2 * float(cutoff_hz)


@lru_cache(maxsize=400)
def filter_bank(sample_rate_hz: int, tuning: float) -> FilterBank:
    """The filters for a song: complex wavelets, each as long as 12 bins an octave ask for (`librosa.filters.wavelet`).

    Parameters
    ----------
    sample_rate_hz : int
        in Hz, at least `lowest_rate_hz`
    tuning : float
        deviation from A = 440 Hz in fractions of a semitone, a multiple of 0.01 in [-0.5, 0.5)
    """
    frequencies = _frequencies(tuning)
    _, cutoff_hz = librosa.filters.wavelet_lengths(freqs=frequencies, sr=sample_rate_hz)
    halvings = _early_halvings(sample_rate_hz / 2, float(cutoff_hz))
    rate_hz = sample_rate_hz / 2**halvings
    filters, lengths = librosa.filters.wavelet(freqs=frequencies[-N_CHROMA:], sr=rate_hz, norm=1)
    filters *= lengths[:, np.newaxis] / filters.shape[1]
    spectra = scipy.fft.fft(filters, axis=1)[:, : filters.shape[1] // 2 + 1]
    spectra = librosa.util.sparsify_rows(spectra, quantile=SPARSITY, dtype=np.complex64)
    return FilterBank(
        early_halvings=halvings,
        filters=(_octave_filters(spectra, lengths, 1), _octave_filters(spectra, lengths, 2)),
    )


def _octave_filters(spectra: csr_matrix, lengths: FloatArray, slowness: int) -> OctaveFilters:
    """librosa multiplies the filters by the root of how much slower than the first an octave is, and divides by the
    root of how much longer they are: powers of 2 cancel, and a root of 2 is left, with its rounding, in every other.
    """
    spectra = spectra.copy()
    spectra[:] *= np.sqrt(slowness)
    n_bins = spectra.shape[1]
    n_fft = 2 * (n_bins - 1)
    # The product of a frame's spectrum with the filters is the product of the frame itself with their transform.
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_bins), np.arange(n_fft)) / n_fft)
    taps = (spectra.toarray() @ waves).T
    scale = np.sqrt(lengths * slowness)
    return OctaveFilters(
        taps=np.ascontiguousarray(np.concatenate([taps.real, taps.imag], axis=1), dtype=np.float32),
        spectra=spectra,
        scale=scale,
        bound=float(np.max(np.abs(taps) / scale)),
    )


def _frequencies(tuning: float) -> FloatArray:
    lowest_hz = librosa.note_to_hz("C1") * 2.0 ** (tuning / N_CHROMA)
    return np.asarray(
        librosa.interval_frequencies(
            N_OCTAVES * N_CHROMA, fmin=lowest_hz, intervals="equal", bins_per_octave=N_CHROMA
        )
    )


def _early_halvings(nyquist_hz: float, cutoff_hz: float) -> int:
    """As librosa decides it: as often as leaves room above the filters, and the hop even for every octave."""
    by_rate = max(0, ceil(log2(nyquist_hz / cutoff_hz)) - 2)
    by_hop = max(0, int(log2(HOP_LENGTH)) - N_OCTAVES + 1)
    return min(by_rate, by_hop)


def pitch_classes(y: FloatArray, bank: FilterBank, scratch: Buffers) -> FloatArray:
    """Magnitudes of the transform, summed over the seven octaves from C1 (33 Hz) on.

    Where an answer is so faint that its rounding could be seen in a chroma, the frame is computed anew, step by step as
    librosa does it.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32, finite, at the sample rate of `bank`

    Returns
    -------
    np.ndarray [shape=(frames, 12)], float64, C first; valid until the next call
    """
    count = frame_count(y)
    sums = scratch.take("pitch classes", (count, N_CHROMA), np.float64)
    bounds = scratch.take("cqt bounds", (count,), np.float64)
    sums[:], bounds[:] = 0.0, 0.0
    octaves = _octaves(y, bank)
    for octave in octaves:
        _add_octave(octave, sums, bounds, scratch)
    (faint,) = np.nonzero(sums.min(axis=1) < FAINT * bounds)
    for first in range(0, len(faint), BLOCK_FRAMES):
        numbers = faint[first : first + BLOCK_FRAMES]
        sums[numbers] = sum(_by_transform(octave, numbers) for octave in octaves)
    return sums


def _octaves(y: FloatArray, bank: FilterBank) -> list[Octave]:
    halvings = bank.early_halvings
    octaves = []
    for number in range(N_OCTAVES):
        factor = 2 if number else 2**halvings
        y = _slower(y, factor) if factor > 1 else y
        octaves.append(Octave(y, HOP_LENGTH // 2 ** (halvings + number), bank.filters[number % 2]))
    return octaves


def _slower(y: FloatArray, factor: int) -> FloatArray:
    """`librosa.resample(y, orig_sr=factor, target_sr=1, scale=True)` without its checks."""
    length = ceil(len(y) / factor)
    if len(y) > CHUNK_SAMPLES:
        resampled = _slower_by_chunks(y, factor, length)
    else:
        resampled = soxr.resample(y, factor, 1, quality="soxr_hq")
    if len(resampled) != length:
        resampled = librosa.util.fix_length(resampled, size=length)
    multiply(resampled, np.sqrt(factor))
    return np.asarray(resampled)


def _slower_by_chunks(y: FloatArray, factor: int, length: int) -> FloatArray:
    """The same to the bit, without soxr's copies of a whole song."""
    stream = soxr.ResampleStream(factor, 1, 1, dtype="float32", quality="HQ")
    resampled, end = np.empty(length, np.float32), 0
    for start in range(0, len(y), CHUNK_SAMPLES):
        is_last = start + CHUNK_SAMPLES >= len(y)
        chunk = stream.resample_chunk(y[start : start + CHUNK_SAMPLES], last=is_last)[: length - end]
        resampled[end : end + len(chunk)] = chunk
        end += len(chunk)
    return resampled[:end]


def _add_octave(octave: Octave, sums: FloatArray, bounds: FloatArray, scratch: Buffers) -> None:
    filters = octave.filters
    for first in range(0, len(sums), BLOCK_FRAMES):
        part = sums[first : first + BLOCK_FRAMES]
        frames = scratch.take("cqt frames", (len(part), len(filters.taps)))
        answers = scratch.take("cqt answers", (len(part), 2 * N_CHROMA))
        block_bounds = bounds[first : first + BLOCK_FRAMES]
        cut_frames(octave.y, first, octave.hop_length, frames, filters.bound, block_bounds)
        np.dot(frames, filters.taps, out=answers)
        add_magnitudes(answers, 1 / filters.scale, part)


def _by_transform(octave: Octave, numbers: npt.NDArray[np.intp]) -> FloatArray:
    """The magnitudes of some frames [shape=(frames, 12)], step by step as librosa computes them."""
    frames = np.empty((len(numbers), len(octave.filters.taps)))
    cut_numbered_frames(octave.y, numbers, octave.hop_length, frames)
    spectra = scipy.fft.rfft(frames, axis=1).astype(np.complex64)
    return np.asarray(np.abs(octave.filters.spectra.dot(spectra.T)).T / octave.filters.scale)


@numba.njit(cache=True, nogil=True)
def multiply(y, factor):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Multiply in double precision: librosa divides in it, and once in millions of samples the digits differ."""
    for i in range(y.shape[0]):
        y[i] = np.float32(np.float64(y[i]) * factor)


@numba.njit(cache=True, nogil=True, fastmath=ANY_ORDER)
def cut_frames(y, first, hop_length, out, bound, bounds):  # type: ignore[no-untyped-def] # numba infers the types
    """Centred frames from number `first` on, each less its middle sample; adds what no answer to them can exceed.

    No filter responds to a constant, so that changes no answer; but a constant signal gives exact zeros like librosa's,
    and not rounding errors that the normalisation of chroma would blow up.
    """
    n, length = y.shape[0], out.shape[1]
    for i in range(out.shape[0]):
        middle = (first + i) * hop_length
        start = middle - length // 2
        row, level = out[i], y[middle] if middle < n else np.float32(0)
        total = np.float32(0)
        if start >= 0 and start + length <= n:
            frame = y[start : start + length]
            for k in range(length):
                value = frame[k] - level
                row[k] = value
                total += abs(value)
        else:
            for k in range(length):
                row[k] = (y[start + k] if 0 <= start + k < n else np.float32(0)) - level
                total += abs(row[k])
        bounds[i] += bound * total


@numba.njit(cache=True, nogil=True)
def cut_numbered_frames(y, numbers, hop_length, out):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Centred frames of these numbers, as they are."""
    n, length = y.shape[0], out.shape[1]
    for i in range(out.shape[0]):
        start = numbers[i] * hop_length - length // 2
        for k in range(length):
            out[i, k] = y[start + k] if 0 <= start + k < n else 0.0


@numba.njit(cache=True, nogil=True)
def add_magnitudes(response, factors, sums):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Add the magnitudes of 12 complex answers, real parts first, times their factors to each frame."""
    for t in range(response.shape[0]):
        for j in range(N_CHROMA):
            real, imaginary = np.float64(response[t, j]), np.float64(response[t, N_CHROMA + j])
            sums[t, j] += np.sqrt(real * real + imaginary * imaginary) * factors[j]
