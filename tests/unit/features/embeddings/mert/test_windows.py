"""Windows of MERT: where they lie, and their 16-bit samples."""

import numpy as np
import pytest
from features.embeddings.mert.windows import SAMPLE_RATE_HZ, PcmWindows

SECOND = SAMPLE_RATE_HZ
WINDOW = 5 * SECOND


def pcm_windows(y: np.ndarray, window_samples: int = WINDOW) -> np.ndarray:
    return PcmWindows(window_samples=window_samples).windows(y)


def ramp(samples: int) -> np.ndarray:
    """Every sample tells where it stood."""
    return np.linspace(-1, 1, samples, dtype=np.float32)


def normalised(windows: np.ndarray) -> np.ndarray:
    """As the model's preprocessor does."""
    windows = windows.astype(np.float64)
    return (windows - windows.mean(axis=1, keepdims=True)) / np.sqrt(
        windows.var(axis=1, keepdims=True) + 1e-7
    )


def starts(samples: int) -> list[int]:
    """Where each window begins, found again in the excerpt by its first sample before the scaling."""
    y = np.arange(1, samples + 1, dtype=np.float32)
    first = pcm_windows(y, WINDOW)[:, [0, -1]].astype(np.float64)
    # The scale cancels: (start + 1) / (start + WINDOW) is the ratio of both ends.
    return [
        round((ratio * WINDOW - 1) / (1 - ratio)) for ratio in (start / end for start, end in first.tolist())
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (5.0, [0]),
        (30.0, [0, 5, 10, 15, 20, 25]),
        (12.0, [0, 5, 7]),
        (5.5, [0, 0.5]),
        (30.04, [0, 5, 10, 15, 20, 25.04]),
        (5.04, [0.04]),
    ],
)
def test_windows_follow_one_another_and_the_last_one_ends_with_the_excerpt(
    seconds: float, expected: list[float]
) -> None:
    found = starts(round(seconds * SECOND))
    # Sixteen bits tell the place to a few samples.
    assert found == pytest.approx([second * SECOND for second in expected], abs=40)
    assert len(found) == len(expected)


def test_the_last_window_ends_with_the_last_sample() -> None:
    y = np.zeros(12 * SECOND, dtype=np.float32)
    y[-1], y[0] = 0.5, 0.25
    windows = pcm_windows(y, WINDOW)
    assert windows[-1, -1] == 32_767
    assert windows[0, 0] == 32_767


def test_an_excerpt_shorter_than_a_window_is_repeated_and_never_filled_with_zeros() -> None:
    y = ramp(2 * SECOND)
    (window,) = pcm_windows(y, WINDOW)
    expected = np.rint(np.concatenate([y, y, y[:SECOND]]) * 32_767)
    assert (window == expected).all()


@pytest.mark.parametrize("seconds", [4.95, 7.3, 30.0, 61.7])
@pytest.mark.parametrize("window_seconds", [5, 30])
def test_every_window_is_full_of_sound(seconds: float, window_seconds: int) -> None:
    y = np.full(round(seconds * SECOND), 0.1, dtype=np.float32)
    windows = pcm_windows(y, window_seconds * SECOND)
    assert windows.shape[1] == window_seconds * SECOND
    assert windows.dtype == np.int16
    assert (windows == 32_767).all()


@pytest.mark.parametrize("gain_db", [0, -20, -60, -90])
def test_quiet_music_keeps_its_precision(gain_db: int) -> None:
    y = (np.random.default_rng(1).normal(size=3 * WINDOW) * 0.2 * 10 ** (gain_db / 20)).astype(np.float32)
    sent = normalised(pcm_windows(y, WINDOW))
    meant = normalised(y.reshape(3, WINDOW) / np.abs(y).max())
    # Half a step of 16 bits at a peak of about five standard deviations.
    assert np.abs(sent - meant).max() < 2e-4


def test_each_window_has_the_full_range_for_itself() -> None:
    quiet, loud = ramp(WINDOW) * np.float32(1e-4), ramp(WINDOW)
    windows = pcm_windows(np.concatenate([quiet, loud]), WINDOW)
    assert np.abs(windows).max(axis=1).tolist() == [32_767, 32_767]
    assert (windows[0] == windows[1]).mean() > 0.99


def test_a_silent_window_stays_silent() -> None:
    y = np.concatenate([np.zeros(WINDOW, dtype=np.float32), ramp(WINDOW)])
    windows = pcm_windows(y, WINDOW)
    assert not windows[0].any()
    assert windows[1].any()


@pytest.mark.parametrize("y", [np.zeros(0, dtype=np.float32), np.zeros((2, WINDOW), dtype=np.float32)])
def test_what_is_no_single_channel_is_refused(y: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one channel"):
        pcm_windows(y, WINDOW)
