"""Wrong tags among songs that calibrate: the confidence is that of the truth; a label by a person is never wrong."""

import numpy as np
import pytest
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import calibration_error
from inference.training.temperature_scaling import (
    TEMPERATURE,
    VECTOR,
    choose_scaling,
    fit_scaling,
    fit_temperature,
    fit_temperature_and_noise,
    noise_prior_of,
)

SONGS, GENRES = 8_000, 8


def drawn(seed: int, *, wrong: float, temperature: float = 1.6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits that are too bold by the temperature, true genres by their posterior, labels of which some are wrong."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(SONGS, GENRES)) * 4
    chosen = softmax(logits, temperature).cumsum(axis=1) < random.random((SONGS, 1))
    truth = chosen.sum(axis=1)
    at_random = random.permutation(truth)
    return logits, truth, np.where(random.random(SONGS) < wrong, at_random, truth)


@pytest.mark.parametrize("wrong", [0.0, 0.1, 0.3])
def test_temperature_and_share_of_wrong_tags_are_both_found_again(wrong: float) -> None:
    logits, truth, labels = drawn(1, wrong=wrong)
    noise_prior = noise_prior_of(labels, GENRES)
    temperature, label_noise_rate = fit_temperature_and_noise(
        logits, labels, np.ones(SONGS, dtype=np.bool_), noise_prior
    )
    assert temperature == pytest.approx(1.6, rel=0.05)
    assert label_noise_rate == pytest.approx(wrong, abs=0.02)
    probabilities = softmax(logits, temperature)
    right = probabilities.argmax(axis=1) == truth
    assert calibration_error(probabilities.max(axis=1), right) < 0.02


def test_where_no_label_may_be_wrong_it_is_the_temperature_alone() -> None:
    logits, _, labels = drawn(2, wrong=0.1)
    trusted = np.zeros(SONGS, dtype=np.bool_)
    temperature, label_noise_rate = fit_temperature_and_noise(
        logits, labels, trusted, noise_prior_of(labels, GENRES)
    )
    assert temperature == pytest.approx(fit_temperature(logits, labels), rel=1e-2)
    assert label_noise_rate < 1e-3


def test_what_persons_say_against_the_model_is_its_mistake_and_what_tags_say_may_be_theirs() -> None:
    logits, _, labels = drawn(3, wrong=0.2)
    tags = np.arange(SONGS) < SONGS // 2
    all_tags = fit_scaling(logits, labels, TEMPERATURE, np.ones(SONGS, dtype=np.bool_))
    half = fit_scaling(logits, labels, TEMPERATURE, tags)
    # The words that are never wrong are wrong here as often as tags: so the model must be less sure than it could be.
    assert half.temperature > 1.2 * all_tags.temperature


@pytest.mark.parametrize("kind", [TEMPERATURE, VECTOR])
def test_the_agreement_with_tags_is_what_the_report_promises(kind: str) -> None:
    logits, _, labels = drawn(4, wrong=0.15)
    may_be_mislabelled = np.ones(SONGS, dtype=np.bool_)
    scaling = fit_scaling(logits, labels, kind, may_be_mislabelled)
    of_label = scaling.label_probabilities(softmax(scaling.logits(logits)), may_be_mislabelled)
    assert of_label.sum(axis=1) == pytest.approx(np.ones(SONGS))
    assert calibration_error(of_label.max(axis=1), of_label.argmax(axis=1) == labels) < 0.02


def test_a_vector_is_taken_where_genres_are_bold_in_different_degrees_in_spite_of_wrong_tags() -> None:
    logits, truth, labels = drawn(5, wrong=0.15, temperature=1.0)
    bold = logits * np.linspace(1, 2.5, GENRES)
    scaling, scaled = choose_scaling(bold, labels, np.arange(SONGS) % 4, np.ones(SONGS, dtype=np.bool_))
    assert scaling.kind == VECTOR
    probabilities = softmax(scaled)
    assert calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth) < 0.03


def test_a_handful_of_contradictions_convicts_nobody() -> None:
    """Ten songs, one against the model: more likely one of its mistakes than a tag that is wrong."""
    logits = np.zeros((10, 3))
    logits[:, 0] = 3.0
    labels = np.zeros(10, dtype=int)
    labels[0] = 1
    _, label_noise_rate = fit_temperature_and_noise(
        logits, labels, np.ones(10, dtype=np.bool_), noise_prior_of(labels, 3)
    )
    assert label_noise_rate < 0.05
