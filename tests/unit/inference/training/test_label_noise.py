"""Wrong tags among songs that calibrate: the confidence is that of the truth, and no person is doubted."""

import numpy as np
import pytest
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import calibration_error
from inference.training.calibration_fit import TEMPERATURE, VECTOR, choose_scaling, fit_scaling
from inference.training.label_noise import chances_of, fit_with_doubt
from inference.training.temperature import fit_temperature

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
    chances = chances_of(labels, GENRES)
    temperature, doubt = fit_with_doubt(logits, labels, np.ones(SONGS, dtype=np.bool_), chances)
    assert temperature == pytest.approx(1.6, rel=0.05)
    assert doubt == pytest.approx(wrong, abs=0.02)
    probabilities = softmax(logits, temperature)
    right = probabilities.argmax(axis=1) == truth
    assert calibration_error(probabilities.max(axis=1), right) < 0.02


def test_without_doubt_it_is_the_temperature_alone() -> None:
    logits, _, labels = drawn(2, wrong=0.1)
    trusted = np.zeros(SONGS, dtype=np.bool_)
    temperature, doubt = fit_with_doubt(logits, labels, trusted, chances_of(labels, GENRES))
    assert temperature == pytest.approx(fit_temperature(logits, labels), rel=1e-2)
    assert doubt < 1e-3


def test_what_persons_say_against_the_model_is_its_mistake_and_what_tags_say_is_doubted() -> None:
    logits, _, labels = drawn(3, wrong=0.2)
    tags = np.arange(SONGS) < SONGS // 2
    doubted = fit_scaling(logits, labels, TEMPERATURE, np.ones(SONGS, dtype=np.bool_))
    half = fit_scaling(logits, labels, TEMPERATURE, tags)
    # The words that are never wrong are wrong here as often as tags: so the model must be less sure than it could be.
    assert half.temperature > 1.2 * doubted.temperature


@pytest.mark.parametrize("kind", [TEMPERATURE, VECTOR])
def test_the_agreement_with_tags_is_what_the_report_promises(kind: str) -> None:
    logits, _, labels = drawn(4, wrong=0.15)
    doubtful = np.ones(SONGS, dtype=np.bool_)
    scaling = fit_scaling(logits, labels, kind, doubtful)
    agreement = scaling.agreement(softmax(scaling.logits(logits)), doubtful)
    assert agreement.sum(axis=1) == pytest.approx(np.ones(SONGS))
    assert calibration_error(agreement.max(axis=1), agreement.argmax(axis=1) == labels) < 0.02


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
    _, doubt = fit_with_doubt(logits, labels, np.ones(10, dtype=np.bool_), chances_of(labels, 3))
    assert doubt < 0.05
