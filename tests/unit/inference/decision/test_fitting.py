"""What is learned of tags and albums, on libraries of known truth."""

import numpy as np
import pytest
from inference.decision.decision_model import STRENGTHS_AT, Reading
from inference.decision.evidence import NONE, AlbumKind, Evidence
from inference.decision.fitting import MAX_SONGS, fit_decision_model, sampled_artists
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
    strengths = fit_decision_model(library.evidence, NAMES).strengths(TAGS_WRONG)
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


def test_songs_that_sound_like_nothing_in_particular_do_not_speak_for_rare_genres() -> None:
    """Mates whose sound equals the prior tell nothing in any reading, for the prior is read as the sound is."""
    library = simulated(seed=8)
    model = fit_decision_model(library.with_tags(wrong_tags(library.truth, 0.2, 8)), NAMES)
    songs = library.evidence.only(np.arange(8))
    plain = Evidence(
        **{**vars(songs), "sound": np.tile(model.prior, (8, 1)), "tags": np.zeros_like(songs.tags)}
    )
    for reading in (TAGS_RIGHT, TAGS_WRONG):
        found = decide(model, plain, reading)
        np.testing.assert_allclose(found.final, found.sound, atol=1e-6)


def test_an_artist_speaks_to_songs_that_are_on_no_album() -> None:
    library = simulated(seed=9, strength=2.0, unity=1.0, shared=0.0)
    model = fit_decision_model(library.evidence, NAMES)
    alone = Evidence(**{**vars(library.evidence), "albums": np.full(len(library.truth), NONE)})
    found = decide(model, alone, TAGS_WRONG, Sources(tags=False))
    assert 1 - share_right(found.artist, library.truth) < 0.8 * (1 - share_right(found.sound, library.truth))


def test_a_sample_takes_whole_artists_and_some_albums_of_one_with_most_songs() -> None:
    library = simulated(seed=10, artists=400, albums=5, songs=10)
    artists = np.where(library.evidence.artists < 300, 0, library.evidence.artists)
    rows = sampled_artists(Evidence(**{**vars(library.evidence), "artists": artists}))
    assert 0.9 * MAX_SONGS <= len(rows) <= MAX_SONGS
    for artist in np.unique(artists[rows])[1:]:
        assert np.isin(np.flatnonzero(artists == artist), rows).all()


def test_what_albums_tell_is_learned_for_readings_and_lies_between_them_elsewhere() -> None:
    model = fit_decision_model(simulated(seed=1).evidence, NAMES)
    for share, strengths in zip(STRENGTHS_AT, model.strengths_at, strict=True):
        assert model.strengths(Reading(wrong_share=share)) == strengths
    assert model.strengths(Reading(wrong_share=1.15)) == model.strengths_at[-1]
    unity = [
        model.strengths(Reading(wrong_share=share)).albums[AlbumKind.ARTIST].unity for share in (0.5, 0.75, 1)
    ]
    assert unity[1] == pytest.approx((unity[0] + unity[2]) / 2)
