"""The fast Fourier transform behind the spectrum: magnitudes and powers of windowed frames, in one compiled loop.

numpy's transform is compiled for processors of 2008 and was a third of the time of a song's 518 values. This one is
written so that the compiler takes several numbers at a time on whatever processor it runs on.

The method is Bailey's in four steps (1990, "FFTs in external or hierarchical memory"), on pairs of real samples.

A frame's 2048 real samples, even ones as real parts and odd ones as imaginary parts, are 1024 complex numbers:

1. They fill a square of 32 rows, row by row. Each column is transformed, all of them side by side.
2. Each number is turned by a root of unity, and the square is mirrored at its diagonal.
3. Each column is transformed again: row by row, that is the transform of the 1024 numbers.
4. The spectra of even and odd samples are told apart by their symmetry, and joined to that of the frame.

Columns are transformed by 32 = 4 * 8. Real parts lie in the first 1024 places of an array and imaginary parts in the
next, for pairs of them would have to be taken apart. Arrays are addressed as one piece, because the compiler compares
the addresses of a few arrays only, and where there are more it takes one number after the other.
"""

# ruff: noqa: N803 - S and P are the field's own names of spectrograms

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from features.fma.buffers import FloatArray

ComplexArray = npt.NDArray[np.complex128]

N_FFT = 2048
N_BINS = 1 + N_FFT // 2
HOP_LENGTH = 512
SIDE = 32
HALF = N_FFT // 2
QUARTER = N_FFT // 4
ROOT_HALF = np.sqrt(0.5)
# Roots are taken in single precision, which is several times as fast. Squares of what is hardly heard would vanish in
# it, so they are made larger by a power of two, which changes no digit: -500 dB is left as it is, and full scale times
# a billion is no infinity yet.
ENLARGED = 2.0**40
REDUCED = np.float32(2.0**-20)
# A product and a sum may be one instruction, which rounds once instead of twice.
FUSED = {"contract"}


@dataclass(frozen=True)
class TransformTables:
    """What the transform multiplies by."""

    window: FloatArray
    """[shape=(2048,)] half the window: its even places, then its odd ones."""
    column_roots: ComplexArray
    """[shape=(4, 8)] within the transform of a column."""
    square_roots: FloatArray
    """[shape=(2048,)] between the transforms of columns: real parts of the square, then imaginary ones."""
    frame_roots: FloatArray
    """[shape=(1024,)] between the spectra of even and odd samples: real parts, then imaginary ones."""


def transform_tables(window: FloatArray) -> TransformTables:
    """Tables for frames under this window [shape=(2048,)], float64."""
    square = roots_of_unity(np.outer(np.arange(SIDE), np.arange(SIDE)), HALF).ravel()
    frame = roots_of_unity(np.arange(QUARTER), N_FFT)
    return TransformTables(
        window=0.5 * np.concatenate([window[::2], window[1::2]]),
        column_roots=roots_of_unity(np.outer(np.arange(4), np.arange(8)), SIDE),
        square_roots=np.concatenate([square.real, square.imag]),
        frame_roots=np.concatenate([frame.real, frame.imag]),
    )


def roots_of_unity(powers: npt.NDArray[np.integer], order: int) -> ComplexArray:
    """The root of unity of this order that turns clockwise, exp(-2 pi i / order), to these powers; their shape."""
    return np.asarray(np.exp(-2j * np.pi * powers / order))


def transform(y: FloatArray, first: int, tables: TransformTables, S: FloatArray, P: FloatArray) -> None:
    """Magnitudes and powers of successive frames, as those of `librosa.stft`: 2048 samples each, 512 apart, zeros
    beyond the signal's ends.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        mono, float32, finite, up to 1e9
    first : int
        number of the first frame
    tables : TransformTables
        as `transform_tables` gives them
    S, P : np.ndarray [shape=(frames, 1025)]
        float32; filled with magnitudes, and with their squares
    """
    write_spectrum(
        y, first, tables.window, tables.column_roots, tables.square_roots, tables.frame_roots, S, P
    )


@numba.njit(cache=True, nogil=True)
def write_spectrum(y, first, window, column_roots, square_roots, frame_roots, S, P):  # type: ignore[no-untyped-def] # numba's
    """Magnitudes and powers of centred frames; beyond its ends the signal is zero."""
    square, other = np.empty(N_FFT), np.empty(N_FFT)
    for t in range(S.shape[0]):
        fill_square(y, (first + t) * HOP_LENGTH - N_FFT // 2, window, square)
        transform_square(square, other, column_roots, square_roots)
        write_magnitudes(other, square, frame_roots, S[t], P[t])


@numba.njit(cache=True, nogil=True)
def fill_square(y, start, window, square):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Step 1: the windowed frame that begins at `start`, as complex numbers."""
    if start >= 0 and start + N_FFT <= y.shape[0]:
        frame = y[start : start + N_FFT]
        for k in range(HALF):
            square[k] = window[k] * np.float64(frame[2 * k])
            square[k + HALF] = window[k + HALF] * np.float64(frame[2 * k + 1])
    else:
        for k in range(N_FFT):
            sample = y[start + k] if 0 <= start + k < y.shape[0] else np.float32(0)
            i = k // 2 + HALF * (k % 2)
            square[i] = window[i] * np.float64(sample)


@numba.njit(cache=True, nogil=True)
def transform_square(square, other, column_roots, square_roots):  # type: ignore[no-untyped-def] # numba's
    """Steps 1 to 3: the transform of `square` is in `other`, in order."""
    transform_fours(square, column_roots)
    transform_eights(square, other)
    turn(other, square_roots)
    mirror(other, square)
    transform_fours(square, column_roots)
    transform_eights(square, other)


@numba.njit(cache=True, nogil=True, fastmath=FUSED)
def transform_fours(square, roots):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Each four numbers of a column that are 8 rows apart, and what turns them before the next step."""
    for row in range(8):
        root_1, root_2, root_3 = roots[1, row], roots[2, row], roots[3, row]
        for column in range(SIDE):
            i = SIDE * row + column
            a, b, c, d = four(
                take(square, i), take(square, i + 256), take(square, i + 512), take(square, i + 768)
            )
            put(square, i, a)
            put(square, i + 256, b * root_1)
            put(square, i + 512, c * root_2)
            put(square, i + 768, d * root_3)


@numba.njit(cache=True, nogil=True, fastmath=FUSED)
def transform_eights(square, other):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Each eight successive numbers of a column; they end 4 rows apart in `other`."""
    for part in range(4):
        for column in range(SIDE):
            i, o = 256 * part + column, SIDE * part + column
            a, c, e, g = four(
                take(square, i), take(square, i + 64), take(square, i + 128), take(square, i + 192)
            )
            b, d, f, h = four(
                take(square, i + 32), take(square, i + 96), take(square, i + 160), take(square, i + 224)
            )
            d = scaled(d + quarter_turn(d), ROOT_HALF)
            f = quarter_turn(f)
            h = scaled(quarter_turn(h) - h, ROOT_HALF)
            put(other, o, a + b)
            put(other, o + 128, c + d)
            put(other, o + 256, e + f)
            put(other, o + 384, g + h)
            put(other, o + 512, a - b)
            put(other, o + 640, c - d)
            put(other, o + 768, e - f)
            put(other, o + 896, g - h)


@numba.njit(cache=True, nogil=True, fastmath=FUSED)
def turn(square, roots):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Multiply each number by its root."""
    for i in range(HALF):
        put(square, i, take(square, i) * take(roots, i))


@numba.njit(cache=True, nogil=True)
def mirror(square, other):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Rows of `square` become columns of `other`; real and imaginary parts each for themselves."""
    for part in (0, HALF):
        for row in range(SIDE):
            for column in range(SIDE):
                other[part + SIDE * column + row] = square[part + SIDE * row + column]


@numba.njit(cache=True, nogil=True, fastmath=FUSED)
def write_magnitudes(spectrum, squares, roots, S, P):  # type: ignore[no-untyped-def] # numba infers the types
    """Step 4, for bins from both ends at once; their squares are put into `squares`.

    Real and imaginary parts are rounded to single precision before they are squared, as librosa's are.
    """
    real, imaginary = spectrum[0], spectrum[HALF]
    squares[0] = square_of_magnitude(complex(2 * (real + imaginary), 0.0))
    squares[HALF] = square_of_magnitude(complex(2 * (real - imaginary), 0.0))
    squares[QUARTER] = square_of_magnitude(2 * take(spectrum, QUARTER))
    for k in range(1, QUARTER):
        z, mirrored = take(spectrum, k), complex(spectrum[HALF - k], -spectrum[N_FFT - k])
        even, odd = z + mirrored, quarter_turn(z - mirrored) * complex(roots[k], roots[k + QUARTER])
        squares[k] = square_of_magnitude(even + odd)
        squares[k + HALF] = square_of_magnitude(even - odd)
    for k in range(QUARTER + 1):
        magnitude = np.sqrt(np.float32(squares[k] * ENLARGED)) * REDUCED
        S[k], P[k] = magnitude, magnitude * magnitude
    for k in range(QUARTER):
        magnitude = np.sqrt(np.float32(squares[k + HALF] * ENLARGED)) * REDUCED
        S[HALF - k], P[HALF - k] = magnitude, magnitude * magnitude


@numba.njit(cache=True, nogil=True, fastmath=FUSED)
def four(a, b, c, d):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """The transform of four numbers."""
    s, t, u, v = a + c, a - c, b + d, quarter_turn(b - d)
    return s + u, t + v, s - u, t - v


@numba.njit(cache=True, nogil=True)
def quarter_turn(z):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Clockwise: times -i."""
    return complex(z.imag, -z.real)


@numba.njit(cache=True, nogil=True)
def scaled(z, factor):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Times a real number, which numba would make a complex one."""
    return complex(z.real * factor, z.imag * factor)


@numba.njit(cache=True, nogil=True)
def square_of_magnitude(z):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Of the number in single precision; the square in double."""
    real, imaginary = np.float64(np.float32(z.real)), np.float64(np.float32(z.imag))
    return real * real + imaginary * imaginary


@numba.njit(cache=True, nogil=True)
def take(square, i):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """The complex number at place `i`."""
    return complex(square[i], square[i + HALF])


@numba.njit(cache=True, nogil=True)
def put(square, i, z):  # type: ignore[no-untyped-def] # numba infers the types of kernels
    """Store a complex number at place `i`."""
    square[i], square[i + HALF] = z.real, z.imag
