"""What judgements tell: whether contradictions are wrong tags, and how sure that is."""

from dataclasses import replace

import numpy as np
import pytest
from inference.decision.decision_model import Reading
from inference.decision.evidence import NONE, Evidence
from inference.decision.fitting import fit_decision_model
from inference.decision.judgements import Judgements
from inference.decision.noise_reading import NoiseReading, reading_of
from inference.decision.posterior import Sources, decide
from inference.decision.weighed_readings import (
    CONFUSION_GRID,
    LAPSE_GRID,
    MISTAKES,
    WRONG_GRID,
    log_likelihoods,
)
from simulated_albums import GENRES, SimulatedLibrary, one_hot, simulated, wrong_tags

NAMES = tuple(map(str, range(GENRES)))


def apart(library: SimulatedLibrary) -> SimulatedLibrary:
    """Every song by itself, so that contradictions are all there is."""
    songs = len(library.truth)
    evidence = Evidence(
        **{**vars(library.evidence), "albums": np.full(songs, -1), "artists": np.full(songs, -1)}
    )
    return SimulatedLibrary(evidence=evidence, truth=library.truth)


def judged(
    evidence: Evidence, truth: np.ndarray, rows: np.ndarray, acts: np.ndarray | None = None
) -> Judgements:
    return Judgements(
        evidence=evidence,
        rows=rows,
        genres=one_hot(truth[rows]),
        acts=np.arange(len(rows)) if acts is None else acts,
    )


def disagreements(evidence: Evidence, songs: int) -> np.ndarray:
    rows = np.arange(len(evidence.sound))
    best = evidence.sound.argmax(axis=1)
    return rows[~evidence.tags[rows, best] & (evidence.sound.max(axis=1) > 0.9)][:songs]


def read(truth_is: str, songs: int, *, seed: int = 1) -> NoiseReading:
    """After so many judged disagreements of a library whose tags are wrong, or whose sound misleads."""
    library = apart(simulated(seed=seed, strength=4.0, shared=0.0, artists=200))
    tags = wrong_tags(library.truth, 0.1, seed)
    evidence = library.with_tags(tags)
    truth = library.truth if truth_is == "sound" else tags
    model = fit_decision_model(evidence, NAMES)
    return reading_of(model, judged(evidence, truth, disagreements(evidence, songs)))


def test_without_judgements_everything_is_possible_and_decisions_trust_the_tags() -> None:
    library = simulated(seed=1)
    reading = reading_of(fit_decision_model(library.evidence, NAMES))
    assert (reading.wrong_share.low, reading.wrong_share.high) == (0.05, 0.95)
    assert reading.deciding.wrong_share == 0.05


def test_thirty_judgements_that_the_tag_is_wrong_say_at_least_nine_of_ten() -> None:
    reading = read("sound", 30)
    assert reading.wrong_share.low == pytest.approx(0.905, abs=0.02)
    assert reading.judgements == 30


def test_thirty_judgements_that_the_tag_is_right_say_at_most_one_of_ten() -> None:
    assert read("tags", 30).wrong_share.high == pytest.approx(0.1, abs=0.03)


def test_the_interval_shrinks_with_judgements() -> None:
    shares = [read("sound", judgements).wrong_share for judgements in (5, 60)]
    widths = [share.high - share.low for share in shares]
    assert widths[1] < widths[0] / 3


def test_an_album_that_was_judged_at_once_is_one_judgement() -> None:
    library = apart(simulated(seed=2, strength=4.0, shared=0.0))
    evidence = library.with_tags(wrong_tags(library.truth, 0.1, 2))
    model = fit_decision_model(evidence, NAMES)
    rows = disagreements(evidence, 30)
    at_once = reading_of(model, judged(evidence, library.truth, rows, np.zeros(30, dtype=np.intp)))
    one = reading_of(model, judged(evidence, library.truth, rows[:1]))
    assert at_once.judgements == 1
    assert at_once.wrong_share.low == pytest.approx(one.wrong_share.low, abs=0.03)


def test_mistakes_that_sound_and_tag_share_show_in_songs_on_which_they_agree() -> None:
    library = apart(simulated(seed=3, strength=4.0, shared=0.0))
    # Every fifth song that is tagged genre 0, and sounds like it, is of genre 1.
    truth = np.where((library.truth == 0) & (np.arange(len(library.truth)) % 5 == 0), 1, library.truth)
    evidence = library.evidence
    model = fit_decision_model(evidence, NAMES)
    of_genre = np.flatnonzero(library.truth == 0)[:100]
    reading = reading_of(model, judged(evidence, truth, of_genre))
    assert reading.slip_rate == pytest.approx(0.2, abs=0.06)
    agreeing = of_genre[evidence.sound[of_genre].argmax(axis=1) == 0]
    final = decide(model, evidence, reading.mean).final[agreeing]
    assert final[:, 0].mean() == pytest.approx((truth[agreeing] == 0).mean(), abs=0.06)
    assert final[:, 1].mean() == pytest.approx((truth[agreeing] == 1).mean(), abs=0.06)


def agreeing(songs: int, wrong: int) -> tuple[Evidence, NoiseReading]:
    """The reading of so many judged songs on which sound and tag agree, and what it rests on."""
    library = apart(simulated(seed=4, strength=4.0, shared=0.0))
    evidence = library.evidence
    model = fit_decision_model(evidence, NAMES)
    best = evidence.sound.argmax(axis=1)
    rows = np.flatnonzero(best == library.truth)[:songs]
    truth = library.truth.copy()
    truth[rows[:wrong]] = (truth[rows[:wrong]] + 1) % GENRES
    return evidence, reading_of(model, judged(evidence, truth, rows))


def test_one_song_that_is_of_another_genre_does_not_condemn_a_model() -> None:
    _, reading = agreeing(1, 1)
    assert reading.slip_rate < 0.1


def test_slips_of_a_few_genres_make_no_song_one_of_another() -> None:
    evidence, reading = agreeing(6, 6)
    model = fit_decision_model(evidence, NAMES)
    with_slips = decide(model, evidence, reading.mean).final
    without = decide(model, evidence, Reading(wrong_share=reading.mean.wrong_share)).final
    changed = with_slips.argmax(axis=1) != decide(
        model,
        evidence,
        Reading(wrong_share=reading.mean.wrong_share, confusion_share=reading.mean.confusion_share),
    ).final.argmax(axis=1)
    assert not changed.any()
    assert with_slips.max(axis=1).mean() < without.max(axis=1).mean()


def test_judgements_that_tell_nothing_of_contradictions_leave_decisions_cautious() -> None:
    _, reading = agreeing(40, 0)
    assert reading.judgements == 40
    assert reading.deciding.wrong_share == reading.low.wrong_share
    library = apart(simulated(seed=2, strength=4.0, shared=0.0))
    evidence = library.with_tags(wrong_tags(library.truth, 0.1, 2))
    rows = disagreements(evidence, 40)
    none = Judgements(
        evidence=evidence, rows=rows, genres=np.zeros((40, GENRES), dtype=np.bool_), acts=np.arange(40)
    )
    unknown = reading_of(fit_decision_model(evidence, NAMES), none)
    assert unknown.deciding.wrong_share == unknown.low.wrong_share


def test_what_is_stated_rests_on_the_lower_end_until_enough_was_judged() -> None:
    few, many = read("sound", 10), read("sound", 60)
    assert few.stating == few.low
    assert many.stating == many.mean


def of_all_sorts(seed: int) -> tuple[Evidence, Judgements]:
    """Random judgements: songs of albums and alone, of no, one and several tags and genres, some judged together."""
    random = np.random.default_rng(seed)
    library = simulated(seed=seed)
    songs = len(library.truth)
    tags = one_hot(wrong_tags(library.truth, 0.3, seed)) | (random.random((songs, GENRES)) < 0.05)
    tags &= random.random((songs, 1)) < 0.8
    sound = np.where(random.random((songs, 1)) < 0.1, one_hot(library.truth), library.evidence.sound)
    albums = np.where(random.random(songs) < 0.3, NONE, library.evidence.albums)
    evidence = replace(library.evidence, tags=tags, sound=sound.astype(np.float64), albums=albums)
    rows = random.choice(songs, size=300, replace=False)
    said = one_hot(library.truth[rows]) | (random.random((300, GENRES)) < 0.05)
    said &= random.random((300, 1)) < 0.9
    return evidence, Judgements(
        evidence=evidence, rows=rows, genres=said, acts=random.integers(200, size=300)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_likelihood_of_judgements_is_that_of_decisions_by_sound_and_tags(seed: int) -> None:
    evidence, judgements = of_all_sorts(seed)
    model = fit_decision_model(evidence, NAMES)
    for learned in CONFUSION_GRID[[0, 3, 10]].tolist():
        found = log_likelihoods(model, judgements, learned)
        for lapses, wrong in ((0, 0), (2, 9), (5, 23)):
            reading = Reading(
                wrong_share=WRONG_GRID[wrong], confusion_share=learned, lapses=LAPSE_GRID[lapses]
            )
            judged_songs = evidence.only(judgements.rows)
            final = decide(model, judged_songs, reading, Sources(albums=False)).final
            right = (1 - MISTAKES) * (final * judgements.genres).sum(axis=1) + MISTAKES / GENRES
            assert found[lapses, wrong] == pytest.approx(judgements.weights @ np.log(right), rel=1e-6)


def test_where_two_ways_explain_the_wrong_tags_they_share_them() -> None:
    # Judgements say how many tags are wrong, and hardly by which way: with either alone at its usual value there would
    # be too many, and with both low too few.
    library = apart(simulated(seed=5, strength=1.8, shared=0.0, artists=200))
    evidence = library.with_tags(wrong_tags(library.truth, 0.15, 5))
    model = fit_decision_model(evidence, NAMES)
    reading = reading_of(model, judged(evidence, library.truth, np.arange(0, len(library.truth), 16)))
    true_share = (~evidence.tags[np.arange(len(library.truth)), library.truth]).mean()
    for each in (reading.mean, reading.deciding):
        assert model.wrong_tags(each) == pytest.approx(true_share, abs=0.05)
    assert model.wrong_tags(reading.low) < model.wrong_tags(reading.high)


def test_a_few_songs_of_which_the_model_is_far_too_sure_do_not_spare_the_wrong_tags() -> None:
    library = apart(simulated(seed=6, strength=4.0, shared=0.0, artists=200))
    tags = wrong_tags(library.truth, 0.1, 6)
    evidence = library.with_tags(tags)
    model = fit_decision_model(evidence, NAMES)
    rows = disagreements(evidence, 40)
    truth = library.truth.copy()
    truth[rows[:3]] = tags[rows[:3]]
    sound = evidence.sound.copy()
    # The model is sure of another genre than the true one, and leaves the true one more than it leaves to wrong tags.
    sound[rows[:3]] = 0.004
    sound[rows[:3], library.truth[rows[:3]]] = 1 - 0.004 * (GENRES - 1)
    misled = Evidence(**{**vars(evidence), "sound": sound})
    reading = reading_of(model, judged(misled, truth, rows))
    assert reading.mean.lapses > 0.01
    final = decide(model, misled, reading.mean).final
    others = np.setdiff1d(rows, rows[:3])
    assert final[others, library.truth[others]].mean() > final[rows[:3], library.truth[rows[:3]]].mean() + 0.1
