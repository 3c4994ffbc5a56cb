"""The Fourier transform of our own against numpy's, and against what a sine is known to give."""

# ruff: noqa: N806 - S and P are the field's own names of spectrograms

import numpy as np
import pytest
from features.fma.transform import (
    HALF,
    HOP_LENGTH,
    N_BINS,
    N_FFT,
    transform,
    transform_square,
    transform_tables,
)

WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
TABLES = transform_tables(WINDOW)
# Real and imaginary part, the sum of their squares, its root: each rounded to 24 bits or more.
SINGLE_ROUNDINGS = 2.5e-7


def spectrum(y, first, count):
    S, P = np.empty((2, count, N_BINS), np.float32)
    transform(y, first, TABLES, S, P)
    np.testing.assert_array_equal(P, S * S)
    return S


def noise(samples):
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)


def expected(frames):
    return np.abs(np.fft.rfft(np.float64(frames) * WINDOW))


def test_a_square_is_transformed_as_numpy_does_it():
    z = np.random.default_rng(2).normal(size=(2, HALF))
    square, other = z.ravel().copy(), np.empty(N_FFT)
    transform_square(square, other, TABLES.column_roots, TABLES.square_roots)
    reference = np.fft.fft(z[0] + 1j * z[1])
    error = np.abs(other[:HALF] + 1j * other[HALF:] - reference).max()
    assert error < 1e-14 * np.abs(reference).max()


def test_magnitudes_are_numpys_up_to_single_precision():
    y = noise(N_FFT + 9 * HOP_LENGTH)
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP_LENGTH]
    np.testing.assert_allclose(spectrum(y, 2, 10), expected(frames), rtol=SINGLE_ROUNDINGS)


def test_beyond_its_ends_a_signal_is_zero():
    y = noise(3 * HOP_LENGTH + 7)
    padded = np.concatenate([np.zeros(N_FFT // 2), y, np.zeros(N_FFT)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH][:4]
    np.testing.assert_allclose(spectrum(y, 0, 4), expected(frames), rtol=SINGLE_ROUNDINGS)


def test_a_sine_on_a_bin_has_half_its_amplitude_under_the_sum_of_the_window():
    y = np.float32(0.5) * np.sin(2 * np.pi * 100 * np.arange(N_FFT) / N_FFT).astype(np.float32)
    S = spectrum(y, 2, 1)[0]
    assert S[100] == pytest.approx(0.25 * WINDOW.sum(), rel=1e-6)
    assert S[[99, 101]] == pytest.approx(0.125 * WINDOW.sum(), rel=1e-6)
    assert S[:98].max() < 1e-4
    assert S[103:].max() < 1e-4


def test_silence_is_zero():
    assert not spectrum(np.zeros(N_FFT, np.float32), 0, 5).any()


@pytest.mark.parametrize("level", [1e-22, 1e-12, 1e9])
def test_no_sound_is_too_faint_or_too_loud(level):
    y = (noise(N_FFT) * level).astype(np.float32)
    S = np.empty((1, N_BINS), np.float32)
    transform(y, 2, TABLES, S, np.empty_like(S))
    np.testing.assert_allclose(S[0], expected(y), rtol=SINGLE_ROUNDINGS)
