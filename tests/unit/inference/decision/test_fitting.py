"""What is learned of tags and albums, on libraries of known truth."""

import numpy as np
import pytest
from inference.decision.decision_model import Reading
from inference.decision.evidence import AlbumKind
from inference.decision.fitting import fit_decision_model
from inference.decision.posterior import Sources, decide
from simulated_albums import GENRES, simulated, wrong_tags

NAMES = tuple(map(str, range(GENRES)))
TAGS_WRONG, TAGS_RIGHT = Reading(wrong_share=0.95), Reading(wrong_share=0.05)


def share_right(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


@pytest.mark.parametrize("planted", [0.0, 0.1, 0.3])
def test_finds_the_planted_share_of_contradictions(planted: float) -> None:
    library = simulated(seed=1)
    model = fit_decision_model(library.with_tags(wrong_tags(library.truth, planted, 2)), NAMES)
    assert model.contradictions.rate == pytest.approx(planted, abs=0.03)


@pytest.mark.parametrize(("shared", "falls"), [(0.0, 0.5), (0.3, 0.3), (0.7, 0.0)])
def test_albums_take_away_errors_and_confidence_stays_true(shared: float, falls: float) -> None:
    library = simulated(seed=3, shared=shared)
    evidence = library.with_tags(wrong_tags(library.truth, 0.1, 4))
    found = decide(fit_decision_model(evidence, NAMES), evidence, TAGS_WRONG)
    sound, album = 1 - share_right(found.sound, library.truth), 1 - share_right(found.artist, library.truth)
    assert album <= (1 - falls) * sound
    assert found.artist.max(axis=1).mean() == pytest.approx(1 - album, abs=0.03)


def test_an_album_says_nothing_where_its_songs_have_nothing_in_common() -> None:
    library = simulated(seed=5, unity=0.0, shared=0.0)
    strengths = fit_decision_model(library.evidence, NAMES).if_wrong
    assert strengths.albums[AlbumKind.ARTIST].unity * strengths.albums[AlbumKind.ARTIST].weight < 0.1


def test_right_tags_are_left_alone_although_the_sound_contradicts_them() -> None:
    library = simulated(seed=6, strength=2.0, shared=0.7)
    found = decide(fit_decision_model(library.evidence, NAMES), library.evidence, TAGS_RIGHT)
    alone = (found.sound.argmax(axis=1) != library.truth) & (found.sound.max(axis=1) >= 0.7)
    written = (found.final.argmax(axis=1) != library.truth) & (found.final.max(axis=1) >= 0.7)
    assert alone.sum() >= 20
    assert written.sum() <= alone.sum() / 10


def test_sources_that_are_switched_off_say_nothing() -> None:
    library = simulated(seed=7)
    model = fit_decision_model(library.evidence, NAMES)
    found = decide(model, library.evidence, TAGS_RIGHT, Sources(albums=False, artists=False, tags=False))
    np.testing.assert_allclose(found.final, found.sound, atol=1e-9)
