"""Probabilities against mathematics: known posteriors, known temperatures, known errors."""

import numpy as np
import pytest
from inference.classify.probabilities import softmax
from inference.evaluation.calibration import expected_calibration_error, negative_log_likelihood
from inference.training.temperature_scaling import fit_temperature


def drawn_labels(probabilities: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (probabilities.cumsum(axis=1) > random.random((len(probabilities), 1))).argmax(axis=1)


def test_softmax_of_known_logits_is_what_the_formula_says() -> None:
    assert softmax(np.log([[1.0, 2.0, 5.0]])) == pytest.approx(np.array([[0.125, 0.25, 0.625]]))


def test_softmax_of_huge_logits_stays_finite() -> None:
    assert softmax(np.array([[1e5, 0.0, -1e5]])).tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again(true_temperature: float) -> None:
    logits = np.random.default_rng(1).normal(size=(20_000, 6)) * 2
    labels = drawn_labels(softmax(logits, true_temperature), seed=2)
    # The standard error of a temperature from 20,000 songs is about 1 %.
    assert fit_temperature(logits, labels) == pytest.approx(true_temperature, rel=0.05)


def test_calibrated_probabilities_have_an_error_near_zero_and_overconfident_ones_have_not() -> None:
    logits = np.random.default_rng(3).normal(size=(20_000, 6))
    labels = drawn_labels(softmax(logits), seed=4)
    overconfident = logits * 4
    temperature = fit_temperature(overconfident, labels)
    # Ten bins of 2,000 songs have a sampling error of about 0.01 each.
    assert expected_calibration_error(softmax(overconfident, temperature), labels) < 0.02
    assert expected_calibration_error(softmax(overconfident), labels) > 0.2


def test_calibration_error_of_a_hand_counted_case() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    labels = np.array([0, 1, 0, 0])
    # Bin 0.9-1.0: confidence 0.95, accuracy 0.5. Bin 0.6-0.7: confidence 0.65, accuracy 1.
    assert expected_calibration_error(probabilities, labels) == pytest.approx((2 * 0.45 + 2 * 0.35) / 4)


def test_likelihood_of_even_odds_is_the_logarithm_of_their_number() -> None:
    assert negative_log_likelihood(np.zeros((3, 8)), np.array([0, 3, 7])) == pytest.approx(np.log(8))
