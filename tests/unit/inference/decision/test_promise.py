"""What can be promised in a reading: where people found tags wrong, where they found them right, and before."""

from dataclasses import dataclass

import numpy as np
import pytest
from inference.decision.decision_model import SILENCE, DecisionModel, prior_of
from inference.decision.evidence import Evidence
from inference.decision.judgements import Judgements
from inference.decision.noise_reading import reading_of
from inference.decision.promise import HeldOutSongs, ReadFigures, figures_in
from inference.decision.tag_noise import fit_contradictions
from inference.evaluation.coverage import PROMISED, TOLERATED
from simulated_albums import GENRES, one_hot, simulated, wrong_tags

NAMES = tuple(map(str, range(GENRES)))
SEEDS = range(4)


@dataclass(frozen=True, kw_only=True)
class Library:
    """Songs whose sound is calibrated, with the truth and with tags."""

    songs: HeldOutSongs
    truth: np.ndarray
    model: DecisionModel
    judgements: Judgements

    @property
    def right(self) -> np.ndarray:
        """The best genre by sound is the true one."""
        return self.songs.best == self.truth

    def figures(self, *, judged: bool) -> ReadFigures:
        return figures_in(self.model, self.songs, reading_of(self.model, self.judgements if judged else None))


def library(seed: int, *, wrong: float) -> Library:
    """With so many wrong tags, and judgements of a hundred songs, most of which contradict."""
    songs = simulated(seed=seed, strength=3.5, shared=0.0, artists=150)
    evidence = songs.with_tags(wrong_tags(songs.truth, wrong, seed))
    agrees = evidence.tags[np.arange(len(songs.truth)), evidence.sound.argmax(axis=1)]
    rows = np.concatenate([np.flatnonzero(~agrees)[:75], np.flatnonzero(agrees)[:25]])
    return Library(
        songs=HeldOutSongs(
            sound=evidence.sound,
            labels=evidence.tags,
            is_tag=np.ones(len(songs.truth), dtype=np.bool_),
            groups=evidence.artists,
        ),
        truth=songs.truth,
        model=without_albums(evidence),
        judgements=Judgements(
            evidence=evidence, rows=rows, genres=one_hot(songs.truth[rows]), acts=np.arange(len(rows))
        ),
    )


def without_albums(evidence: Evidence) -> DecisionModel:
    """What a training leaves, but for what albums and artists tell: the promise asks neither."""
    prior = prior_of(evidence.sound)
    return DecisionModel(
        genres=NAMES,
        prior=prior,
        contradictions=fit_contradictions(evidence, prior),
        strengths_at=(SILENCE,) * 3,
    )


def possible(songs: Library) -> float:
    """The largest share of songs of which 95 % are right, by the calibrated sound."""
    best = -np.sort(-songs.songs.sound.max(axis=1))
    good = np.cumsum(best) / np.arange(1, len(best) + 1) >= PROMISED
    return float(good.mean())


@pytest.mark.parametrize("wrong", [0.0, 0.1])
def test_after_judgements_there_is_a_promise_where_there_could_be_one_and_it_is_kept(wrong: float) -> None:
    kept = []
    for seed in SEEDS:
        found = library(seed, wrong=wrong)
        assert possible(found) > 0.3
        promise = found.figures(judged=True).coverage.promise
        assert promise is not None
        assert promise.coverage > 0.7 * possible(found)
        reached = found.songs.sound.max(axis=1) >= promise.threshold
        kept.append(found.right[reached].mean() >= TOLERATED)
    # One of the four may be out of luck.
    assert sum(kept) >= len(kept) - 1


def test_judgements_that_find_tags_wrong_raise_the_coverage() -> None:
    found = library(1, wrong=0.1)
    before, after = (found.figures(judged=judged).coverage.promise for judged in (False, True))
    assert after is not None
    assert before is None or after.coverage > before.coverage + 0.2


def test_judgements_that_find_tags_right_leave_it() -> None:
    found = library(1, wrong=0.0)
    before, after = (found.figures(judged=judged).coverage.promise for judged in (False, True))
    assert before is not None
    assert after is not None
    assert after.coverage == pytest.approx(before.coverage, abs=0.03)


def test_calibration_in_a_reading_counts_no_wrong_tag_as_a_mistake() -> None:
    found = library(2, wrong=0.2)
    before, after = (found.figures(judged=judged) for judged in (False, True))
    true = float(np.mean(found.songs.sound.max(axis=1) - found.right))
    assert before.overconfidence > true + 0.12
    assert after.overconfidence == pytest.approx(true, abs=0.03)
    assert after.calibration_error < before.calibration_error - 0.1


def test_what_a_person_said_of_a_song_stands_whatever_the_reading() -> None:
    found = library(3, wrong=0.1)
    said = HeldOutSongs(
        sound=found.songs.sound,
        labels=one_hot(found.truth),
        is_tag=np.zeros(len(found.truth), dtype=np.bool_),
        groups=found.songs.groups,
    )
    before, after = (
        figures_in(found.model, said, reading_of(found.model, judgements))
        for judgements in (None, found.judgements)
    )
    assert after.coverage == before.coverage
    assert after.overconfidence == before.overconfidence
