"""The sync run against a stand-in for Plex."""

import pytest
from plex_stand_in import TOKEN
from portal.genres.models import Genre
from portal.library.models import Analysis, Track
from portal.library.names import name_key
from portal.orchestration.start import (
    start_sync,
)
from portal.runs.models import Run
from run_steps import synced


def test_a_sync_takes_metadata_genres_and_labels_and_names_the_song_without_media(portal):
    run = synced(portal)
    assert run.state == Run.State.DONE
    song = Track.objects.get(rating_key="1001")
    assert (song.title, song.plex_genres) == ("Song 011", ["Rock", "Pop", "Soundtrack"])
    assert song.tag_genre == Genre.objects.get(name="Pop_Rock")
    silent = Track.objects.get(rating_key="2001")
    assert (silent.analysis, silent.analysis_reason) == (Analysis.SKIPPED, "NO_MEDIA")
    assert "13 songs, 13 new" in run.message


def test_a_second_sync_asks_for_details_of_changed_songs_only(portal):
    synced(portal)
    portal.plex.ask("PUT", "tracks/1002/genres", {"genres": ["Jazz"], "locked": True})
    run = synced(portal)
    assert run.song_count == 1
    asked = [each["path"] for each in portal.plex.requests() if each["path"].startswith("/library/metadata")]
    assert asked[-1] == "/library/metadata/1002"
    song = Track.objects.get(rating_key="1002")
    assert (song.plex_genres, song.plex_genres_locked, song.tag_genre.name) == (["Jazz"], True, "Jazz")


def test_a_song_that_is_gone_is_marked_and_one_that_returns_is_unmarked(portal):
    synced(portal)
    portal.plex.ask("DELETE", "tracks/1003")
    assert "1 removed" in synced(portal).message
    song = Track.objects.get(rating_key="1003")
    assert song.removed_time is not None
    portal.plex.ask("POST", "reset")
    synced(portal)
    song.refresh_from_db()
    assert song.removed_time is None


def test_a_listing_with_fewer_than_half_of_the_songs_marks_nothing_and_says_so(portal):
    synced(portal)
    for number in range(1, 9):
        portal.plex.ask("DELETE", f"tracks/{1000 + number}")
    run = synced(portal)
    assert "fewer than half" in run.message
    assert not Track.objects.exclude(removed_time=None).exists()


def test_an_unknown_library_is_refused_with_those_that_exist(portal):
    run = portal.finish(start_sync(["Musik"]))
    assert run.state == Run.State.FAILED
    assert "“Musik”" in run.message
    assert "“Music”, “Audiobooks”" in run.message


@pytest.mark.parametrize("typed", ["MUSIC", " music ", "\N{FULLWIDTH LATIN CAPITAL LETTER M}usic"])
def test_a_library_is_the_same_in_whichever_form_its_title_was_typed(portal, typed):
    assert portal.finish(start_sync([typed])).state == Run.State.DONE


def test_letters_with_accents_are_the_same_in_both_forms_of_unicode():
    assert name_key("Mu\N{COMBINING ACUTE ACCENT}sica") == name_key("MÚSICA")
    assert name_key("Musica") != name_key("Música")


def test_a_server_that_is_too_old_is_refused(portal):
    portal.plex.behave(version="1.32.5.1")
    run = synced(portal)
    assert run.state == Run.State.FAILED
    assert "1.40" in run.message


def test_a_refused_token_ends_the_sync_with_what_to_do(portal):
    portal.plex.fail("status", status=401, times=-1)
    run = synced(portal)
    assert run.state == Run.State.FAILED
    assert "token" in run.message
    assert TOKEN not in run.message
