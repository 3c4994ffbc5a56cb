"""A library that is taken out of the setting is left alone everywhere, and goes on as it was once it is back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from features_stand_in import VERSION
from portal.commands.doctor.files import files
from portal.labels.unmapped_tags import unmapped_tags
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.census import counts, songs_as_data
from portal.library.models import Analysis, InPlex, Library, Track
from portal.library.presence import present
from portal.orchestration import schedule
from portal.orchestration.failed_songs import retry_due, try_again
from portal.orchestration.start import (
    CannotStart,
    start_classify,
    start_extract,
    start_plan,
    start_push,
    start_rollback,
    start_sync,
)
from portal.pages.dashboard.counts import count_songs
from portal.preferences.changing import change
from portal.runs.models import Run, RunSong
from portal.teaching.models import TaughtSet, TaughtSong
from portal.teaching.results import taught_songs
from portal.training.dataset import lacking_vectors, survey, training_songs
from portal.training.readiness import survey_genres
from portal.writing.write_test import write_test

OTHER = 3
MUSIC_SONGS = 13
BOOKS = range(3001, 3005)
VERSIONS = {"fma": VERSION}


@pytest.fixture
def both(portal: Any) -> Any:
    """A portal that has read "Music" and four songs of "Audiobooks"."""
    tracks = [
        {"rating_key": key, "title": f"Book {key}", "file": f"/books/{key}.mp3", "artist": "Reader",
         "album_artist": "Reader", "genres": ["Rock", "Spoken"], "duration_seconds": 60.0}
        for key in BOOKS
    ]  # fmt: skip
    portal.plex.ask("POST", "tracks", {"library_key": OTHER, "tracks": tracks})
    sync(portal)
    return portal


def sync(portal: Any, *titles: str) -> Run:
    run: Run = portal.finish(start_sync(titles))
    assert run.state == Run.State.DONE, run.message
    return run


def books() -> Any:
    return Track.objects.filter(library__title="Audiobooks").order_by("pk")


def states() -> list[tuple[Any, ...]]:
    """All that a run could change of these songs."""
    fields = ("pk", "analysis", "analysis_reason", "attempts", "next_try_time", "in_plex", "audio", "removed_time",
              "plex_genres", "plex_genres_locked", "predictions__model_version")  # fmt: skip
    return list(books().values_list(*fields))


def only_music() -> None:
    change({"plex_libraries": ["Music"]})


def every_library() -> None:
    change({"plex_libraries": []})


def planned(portal: Any, track_ids: list[int] | None = None) -> WriteBatch:
    run = portal.finish(start_plan(track_ids, min_confidence=0.7))
    return run.batch


def titles(batch: WriteBatch) -> set[str]:
    return set(batch.rows.values_list("track__library__title", flat=True))


def test_its_songs_are_neither_removed_nor_analysed_nor_classified_nor_planned(both: Any) -> None:
    only_music()
    before = states()
    assert len(before) == len(BOOKS)
    both.features.extracted.clear()
    sync(both)
    both.finish(start_extract())
    both.finish(start_classify(again=True))
    batch = planned(both)
    assert states() == before
    assert not set(both.features.extracted) & {str(key) for key in BOOKS}
    assert titles(batch) == {"Music"}


def test_once_it_is_chosen_again_everything_goes_on_as_it_was(both: Any) -> None:
    both.finish(start_classify([books()[0].pk, books()[1].pk]))
    before = states()
    only_music()
    sync(both)
    every_library()
    sync(both)
    assert states() == before
    both.finish(start_classify())
    assert set(books().values_list("analysis", flat=True)) == {Analysis.CLASSIFIED}
    assert titles(planned(both)) == {"Music", "Audiobooks"}


def test_a_push_of_an_earlier_plan_leaves_its_rows_out_and_says_why(both: Any) -> None:
    both.finish(start_classify())
    batch = planned(both)
    only_music()
    run = both.finish(start_push(batch))
    assert {both.plex.state(key)[1] for key in BOOKS} == {False}
    left = batch.rows.filter(track__library__title="Audiobooks")
    assert set(left.values_list("state", "attempted_time")) == {(WriteRow.State.FAILED, None)}
    message = left[0].message
    assert "its library is not among those that the setting plex_libraries names" in message.lower()
    assert "Choose it again, and make another dry run" in message
    assert set(books().values_list("in_plex", flat=True)) == {InPlex.UNTOUCHED}
    assert run.songs.filter(state=RunSong.State.SKIPPED, message=message).count() == len(BOOKS)
    written = batch.rows.filter(track__library__title="Music")
    assert set(written.values_list("state", flat=True)) == {WriteRow.State.WRITTEN}
    every_library()
    both.finish(start_push(planned(both)))
    assert {both.plex.state(key)[1] for key in BOOKS} == {True}


def test_what_was_written_there_can_be_rolled_back(both: Any) -> None:
    both.finish(start_classify())
    batch = planned(both)
    both.finish(start_push(batch))
    only_music()
    both.finish(start_rollback(batch))
    assert {tuple(map(str, both.plex.state(key))) for key in BOOKS} == {("['Rock', 'Spoken']", "False")}
    assert set(books().values_list("in_plex", flat=True)) == {InPlex.ROLLED_BACK}


def test_songs_that_are_asked_for_by_hand_are_left_alone_too_and_it_is_said(both: Any) -> None:
    only_music()
    ids = list(books().values_list("pk", flat=True))
    said = "4 songs were left alone: the library of each is not among those that the setting plex_libraries names."
    for run in (start_extract(track_ids=ids), start_classify(ids), start_plan(ids, min_confidence=0.7)):
        assert said in both.finish(run).message
    books().update(analysis=Analysis.FAILED)
    before = states()
    with pytest.raises(CannotStart, match="plex_libraries"):
        try_again(ids)
    assert states() == before


def test_a_song_that_failed_is_not_tried_again_by_itself(both: Any) -> None:
    books().update(analysis=Analysis.FAILED, attempts=1, next_try_time=timezone.now())
    only_music()
    runs = Run.objects.count()
    retry_due()
    assert Run.objects.count() == runs
    every_library()
    retry_due()
    assert Run.objects.latest("pk").arguments["track_ids"] == list(books().values_list("pk", flat=True))


def test_nothing_is_learned_from_its_songs(both: Any) -> None:
    both.finish(start_extract())
    books().update(tag_genre=Track.objects.exclude(tag_genre=None).first().tag_genre)
    everything = survey(VERSIONS)
    only_music()
    assert survey(VERSIONS).usable == everything.usable - len(BOOKS)
    learned = {int(song.song_id) for song in training_songs(VERSIONS)}
    assert not learned & set(books().values_list("pk", flat=True))
    assert not lacking_vectors({"mert": "1"}).filter(library__title="Audiobooks").exists()
    assert sum(genre.usable for genre in survey_genres().genres) == survey(VERSIONS).usable


def test_a_set_keeps_its_songs_there_and_counts_those_that_teach(both: Any, genres: dict[str, int]) -> None:
    taught = TaughtSet.objects.create(genre_id=genres["Jazz"], source="selection", title="chosen")
    for track in books():
        TaughtSong.objects.create(taught_set=taught, track=track)
    only_music()
    assert taught_songs(taught.genre) == 0
    sync(both)
    every_library()
    assert taught_songs(taught.genre) == len(BOOKS)


def test_tags_figures_and_checks_are_of_the_chosen_libraries(both: Any, admin_client: Client) -> None:
    assert "Spoken" in {each.tag for each in unmapped_tags()}
    only_music()
    assert "Spoken" not in {each.tag for each in unmapped_tags()}
    assert (counts()["synced"], counts()["not_chosen"]) == (MUSIC_SONGS, len(BOOKS))
    assert (count_songs().songs, count_songs().not_chosen, count_songs().gone) == (MUSIC_SONGS, len(BOOKS), 0)
    assert len(list(songs_as_data())) == MUSIC_SONGS
    metrics = admin_client.get("/metrics").content.decode()
    assert f'reclass_songs{{state="pending"}} {MUSIC_SONGS - 1}.0' in metrics
    both.features.extracted.clear()
    files(both.services)
    assert not set(both.features.extracted) & {str(key) for key in BOOKS}
    Track.objects.filter(present()).update(in_plex=InPlex.CONFLICT)
    with pytest.raises(Exception, match="no song is free to be written to"):
        write_test(both.services.sync, wait=lambda seconds: None)
    assert both.plex.edits() == []


def test_the_list_shows_them_where_they_are_asked_for_and_the_libraries_say_what_is_chosen(
    both: Any, admin_client: Client
) -> None:
    only_music()

    def listed(query: str) -> int:
        return int(admin_client.get(f"/admin/library/track/?{query}").context["cl"].result_count)

    assert listed("") == MUSIC_SONGS
    assert listed("presence=unchosen") == len(BOOKS)
    assert listed("presence=all") == MUSIC_SONGS + len(BOOKS)
    assert listed("presence=gone") == 0
    library = Library.objects.get(title="Audiobooks")
    assert listed(f"library__id__exact={library.pk}") == len(BOOKS)
    page = admin_client.get(f"/admin/library/track/{books()[0].pk}/change/").content.decode()
    assert "“Audiobooks” is not among the libraries that the setting plex_libraries names" in page
    libraries = admin_client.get("/admin/library/library/").content.decode()
    assert re.findall(r'href="[^"]+" [^>]*>(\w+)</a></th>.*?title="(True|False)"', libraries, re.DOTALL) == [
        ("Audiobooks", "False"),
        ("Music", "True"),
    ]


def test_a_library_that_is_read_by_name_is_left_alone_otherwise_and_that_is_said(both: Any) -> None:
    only_music()
    message = sync(both, "Audiobooks").message
    assert "“Audiobooks” was read and is left alone otherwise" in message
    assert "left alone" not in sync(both).message


def test_the_schedule_leaves_it_alone_and_takes_its_pending_songs_once_it_is_chosen(both: Any) -> None:
    only_music()
    sync(both)
    both.finish(start_classify())

    def goes_on(now: Any) -> Run | None:
        schedule.keep(now, both.services)
        run = Run.objects.latest("pk")
        return both.finish(run) if run.state in Run.ACTIVE else None

    decided = goes_on(timezone.now())
    assert decided is not None
    assert decided.kind == Run.Kind.DECIDE
    assert goes_on(timezone.now()) is None
    every_library()
    tomorrow = timezone.now() + timedelta(hours=25)
    synced = goes_on(tomorrow)
    assert synced is not None
    assert synced.kind == Run.Kind.SYNC
    classified = goes_on(tomorrow)
    assert classified is not None
    assert classified.arguments["track_ids"] == list(books().values_list("pk", flat=True))
    decided = goes_on(timezone.now())
    assert decided is not None
    assert decided.result["decided"] == books().count()
    assert goes_on(timezone.now()) is None
