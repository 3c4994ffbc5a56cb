"""Windows, 16-bit samples, means and versions of MERT: what needs no model."""

import json

import numpy as np
import pytest
from features.audio.excerpts import Part
from features.embeddings.mert.windows import SAMPLE_RATE_HZ, Description, mean_embedding, pcm_windows, version

SECOND = SAMPLE_RATE_HZ
WINDOW = 5 * SECOND
SAID = {
    "checkpoint": "MERT-v1-95M",
    "digest": "3f2a9c01d4e5",
    "layers": [7],
    "width": 768,
    "window_samples": WINDOW,
    "sample_rate_hz": 24_000,
    "normalize": "window",
    "device": "cpu",
    "device_name": "cpu",
    "dtype": "bf16",
    "for_trials": False,
    "batch_limit": 32,
}


def description(**changes: object) -> Description:
    return Description.parse(json.dumps(SAID | changes))


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


def test_the_vector_is_the_mean_over_windows_and_layers() -> None:
    answers = np.zeros((2, 2, 3), dtype=np.float32)
    answers[0, 0], answers[0, 1] = [1, 2, 3], [3, 4, 5]
    answers[1, 0], answers[1, 1] = [5, 6, 7], [7, 8, 9]
    found = mean_embedding(answers)
    assert found.tolist() == [4, 5, 6]
    assert found.dtype == np.float32


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_no_vector(value: float) -> None:
    answers = np.zeros((2, 1, 3), dtype=np.float32)
    answers[1, 0, 2] = value
    with pytest.raises(ValueError, match="not finite"):
        mean_embedding(answers)


def test_the_version_names_everything_that_changes_the_values() -> None:
    assert version(description(), Part.MIDDLE) == (
        "mert-v1-95m/3f2a9c01d4e5;layer=7;window=5s;norm=window;dtype=bf16;excerpt=middle-30s/2"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint": "MERT-v1-330M"},
        {"digest": "000000000000"},
        {"layers": [6]},
        {"layers": [6, 7]},
        {"layers": ["last"]},
        {"window_samples": 30 * SECOND},
        {"normalize": "none"},
        {"dtype": "fp32"},
        {"for_trials": True},
    ],
)
def test_each_thing_that_changes_the_values_makes_another_version(change: dict[str, object]) -> None:
    assert version(description(**change), Part.MIDDLE) != version(description(), Part.MIDDLE)


def test_the_device_alone_makes_no_other_version() -> None:
    on_gpu = description(device="cuda:0", device_name="NVIDIA H100", batch_limit=8)
    assert version(on_gpu, Part.FIRST) == version(description(), Part.FIRST)


def test_trial_weights_are_called_so_in_the_version_and_in_words() -> None:
    trial = description(for_trials=True)
    assert ";weights=trial;" in version(trial, Part.MIDDLE)
    assert "trial weights: verdicts mean nothing" in trial.in_words()


def test_a_description_says_in_words_what_runs_where() -> None:
    assert description().in_words() == "MERT-v1-95M on cpu in bf16"
    on_gpu = description(device="cuda:0", device_name="NVIDIA H100", dtype="fp16")
    assert on_gpu.in_words() == "MERT-v1-95M on cuda:0 (NVIDIA H100) in fp16"


@pytest.mark.parametrize("text", ['{"checkpoint": "MERT-v1-95M"}', "[]"])
def test_a_description_that_lacks_something_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        Description.parse(text)
