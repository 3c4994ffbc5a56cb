"""A song's tags are those of Plex and, where Plex has none, those of its file: wherever tags count, these do."""

from typing import Any

import pytest
import songs
from portal.genres.models import Genre, IgnoredTag
from portal.labels.tags import relabel
from portal.labels.unmapped_tags import unknown_tag_songs, unmapped_tags
from portal.library.models import Analysis, Track
from portal.library.tag_agreement import Agreement
from portal.orchestration.start import start_extract, start_plan, start_push, start_sync
from portal.pages.dashboard.counts import count_songs
from portal.training.readiness import survey_genres
from portal.writing.policy import objection

pytestmark = pytest.mark.usefixtures("genres")
KEY = "1003"


def labelled(number: int, **tags: list[str]) -> str | None:
    """The genre that a song's tags stand for."""
    song = songs.make_song(songs.make_library(str(number)), number, **tags)
    relabel()
    song.refresh_from_db()
    return song.tag_genre.name if song.tag_genre else None


def test_what_plex_has_comes_first_and_the_file_is_asked_where_plex_has_nothing() -> None:
    assert labelled(1, plex_genres=[], file_genres=["Jazz"]) == "Jazz"
    assert labelled(2, plex_genres=["Folk"], file_genres=["Jazz"]) == "Folk"
    assert labelled(3, plex_genres=["Unheard of"], file_genres=["Jazz"]) is None
    assert labelled(4, plex_genres=[], file_genres=[]) is None


def test_every_count_takes_the_tag_of_a_file_for_a_tag(admin_client: Any) -> None:
    library = songs.make_library()
    jazz = Genre.objects.get(name="Jazz")
    song = songs.make_song(library, 1, file_genres=["Jazz"], analysis=Analysis.CLASSIFIED)
    songs.add_prediction(song, jazz, 0.9)
    songs.make_song(library, 2, file_genres=["Unheard of"])
    relabel()
    counts = count_songs()
    assert (counts.tagged, counts.by_agreement[Agreement.AGREES]) == (1, 1)
    assert next(each.labelled for each in survey_genres().genres if each.genre == "Jazz") == 1
    assert [(each.tag, each.songs) for each in unmapped_tags()] == [("Unheard of", 1)]
    assert (unknown_tag_songs().songs, unknown_tag_songs().tags) == (1, (("Unheard of", 1),))
    found = admin_client.get("/admin/library/track/?agreement=agrees").context["cl"].result_list
    assert [each.pk for each in found] == [song.pk]
    page = admin_client.get("/admin/library/track/").content.decode()
    assert "Plex has no genre of it; its file has this one." in page


@pytest.fixture
def without_genre(portal: Any) -> Any:
    """A library in Plex of which one song has no genre."""
    portal.plex.ask("PUT", f"tracks/{KEY}/genres", {"genres": [], "locked": False})
    return portal


def song() -> Track:
    return Track.objects.get(rating_key=KEY)


def claimed() -> str | None:
    return Track.objects.values_list("tag_genre__name", flat=True).get(rating_key=KEY)


def extracted(portal: Any, *tags: str) -> Track:
    portal.features.tags = tags
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract(track_ids=[song().pk]))
    return song()


def test_an_extraction_brings_the_tag_of_the_file_and_a_later_sync_keeps_it(without_genre: Any) -> None:
    found = extracted(without_genre, "Jazz")
    assert (found.plex_genres, found.file_genres) == ([], ["Jazz"])
    assert claimed() == "Jazz"
    without_genre.finish(start_sync(["Music"], full=True))
    assert claimed() == "Jazz"


def test_the_tag_stands_after_we_wrote_the_genre_and_it_is_written_where_it_agrees(
    without_genre: Any,
) -> None:
    found = extracted(without_genre, "Jazz")
    songs.add_prediction(found, Genre.objects.get(name="Jazz"), 0.9, outcome="classified")
    Track.objects.filter(pk=found.pk).update(analysis=Analysis.CLASSIFIED)
    run = without_genre.finish(start_plan([found.pk], min_confidence=0.5))
    without_genre.finish(start_push(run.batch))
    without_genre.finish(start_sync(["Music"], full=True))
    relabel()
    assert (song().plex_genres, song().in_plex) == (["Jazz"], "written")
    assert claimed() == "Jazz"


def test_a_dry_run_leaves_a_song_alone_whose_file_has_a_tag_that_nobody_knows(without_genre: Any) -> None:
    found = extracted(without_genre, "Unheard of")
    songs.add_prediction(found, Genre.objects.get(name="Jazz"), 0.9, outcome="classified")
    Track.objects.filter(pk=found.pk).update(analysis=Analysis.CLASSIFIED)
    run = without_genre.finish(start_plan([found.pk], min_confidence=0.5))
    assert "Unheard of (1)" in run.message


def test_a_push_asks_again_what_the_tag_of_the_file_is(without_genre: Any) -> None:
    found = extracted(without_genre, "Unheard of")
    songs.add_prediction(found, Genre.objects.get(name="Jazz"), 0.9, outcome="classified")
    Track.objects.filter(pk=found.pk).update(analysis=Analysis.CLASSIFIED)
    ignored = IgnoredTag.objects.create(tag="Unheard of")
    run = without_genre.finish(start_plan([found.pk], min_confidence=0.5))
    batch = run.batch
    ignored.delete()
    without_genre.finish(start_push(batch))
    assert batch.rows.get().message == objection(["Unheard of"], {}, {})
