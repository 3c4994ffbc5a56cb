"""One song of two rows: what a track that is gone leaves to the one that came in its place."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.adoption import adopt
from portal.library.models import Analysis, Audio, InPlex, Library, Track
from portal.runs.models import Run, RunSong
from portal.verdicts.models import Judgement, Override, Prediction

PART = "/library/parts/{key}00/1700000000/file.mp3"


@pytest.fixture
def library(genres: dict[str, int]) -> Library:
    return Library.objects.create(server_id="one server", key="2", title="Music")


def track(library: Library, key: int, **fields: object) -> Track:
    given = {"size_bytes": 5_000_000, "part_key": PART.format(key=key), "file": f"/music/{key}.mp3", **fields}
    return Track.objects.create(library=library, rating_key=str(key), title="A song", **given)


def gone(library: Library, key: int, **fields: object) -> Track:
    return track(library, key, removed_time=timezone.now(), **fields)


def predicted(song: Track, genre: str, version: str = "model/1", **fields: object) -> Prediction:
    given = {"confidence": 0.9, "model_version": version, "deciding_stage": 1, **fields}
    return Prediction.objects.create(track=song, genre=Genre.objects.get(name=genre), **given)


def written(song: Track, batch: WriteBatch) -> WriteRow:
    return WriteRow.objects.create(
        batch=batch, track=song, rating_key=song.rating_key, before_locked=False, state=WriteRow.State.WRITTEN
    )


def test_a_newcomer_takes_everything_that_was_known_of_the_track_that_is_gone(library: Library) -> None:
    audio = Audio.objects.create(content_key="content")
    old = gone(
        library, 1, audio=audio, analysis=Analysis.CLASSIFIED, in_plex=InPlex.WRITTEN, file_genres=["Jazz"]
    )
    new = track(library, 2)
    prediction = predicted(old, "Jazz", out_of_fold=True)
    Override.objects.create(
        track=old, genre=Genre.objects.get(name="Blues"), by=User.objects.create(username="me")
    )
    row = written(old, WriteBatch.objects.create(min_confidence=0.7))
    run = Run.objects.create(kind=Run.Kind.EXTRACT, request_id="r", state=Run.State.DONE)
    failed = RunSong.objects.create(run=run, track=old, state=RunSong.State.FAILED)
    assert adopt(old, new)
    assert not Track.objects.filter(pk=old.pk).exists()
    assert (new.rating_key, new.file, new.removed_time) == ("2", "/music/2.mp3", None)
    assert (new.audio, new.analysis, new.in_plex) == (audio, Analysis.CLASSIFIED, InPlex.WRITTEN)
    assert (new.file_genres, new.first_seen_time) == (["Jazz"], old.first_seen_time)
    for kept in (prediction, row, failed):
        kept.refresh_from_db()
        assert kept.track == new
    assert row.rating_key == "2", "a rollback goes to the key that Plex has now"
    assert (prediction.current, prediction.out_of_fold, new.override.genre.name) == (True, True, "Blues")


def test_with_another_file_the_song_keeps_its_override_and_is_analysed_anew(library: Library) -> None:
    audio = Audio.objects.create(content_key="content")
    old = gone(library, 1, audio=audio, analysis=Analysis.CLASSIFIED)
    new = track(library, 2, size_bytes=6_000_000)
    Override.objects.create(track=old, genre=Genre.objects.get(name="Blues"))
    predicted(old, "Jazz")
    assert adopt(old, new)
    assert (new.analysis, new.override.genre.name) == (Analysis.PENDING, "Blues")


def test_what_was_said_of_another_recording_is_history(library: Library) -> None:
    old = gone(library, 1, audio=Audio.objects.create(content_key="a"), analysis=Analysis.CLASSIFIED)
    new = track(library, 2, audio=Audio.objects.create(content_key="b"), analysis=Analysis.CLASSIFIED)
    predicted(old, "Jazz", "model/1", out_of_fold=True)
    predicted(old, "Jazz", "model/2", current=False)
    predicted(new, "Blues", "model/2")
    assert adopt(old, new)
    said = new.predictions.order_by("model_version").values_list("genre__name", "current", "out_of_fold")
    assert list(said) == [("Jazz", False, False), ("Blues", True, False)]


def test_of_one_recording_the_word_that_was_out_of_fold_stays(library: Library) -> None:
    audio = Audio.objects.create(content_key="content")
    old = gone(library, 1, audio=audio, analysis=Analysis.CLASSIFIED)
    new = track(library, 2, audio=audio, analysis=Analysis.EXTRACTED)
    predicted(old, "Jazz", "model/1", out_of_fold=True)
    predicted(new, "Blues", "model/1")
    assert adopt(old, new)
    assert [(said.genre.name, said.current) for said in new.predictions.all()] == [("Jazz", True)]
    assert new.analysis == Analysis.CLASSIFIED


def test_the_newer_of_two_overrides_stays(library: Library) -> None:
    old, new = gone(library, 1), track(library, 2)
    for song, genre, age in ((old, "Blues", 1), (new, "Jazz", 2)):
        word = Override.objects.create(track=song, genre=Genre.objects.get(name=genre))
        Override.objects.filter(pk=word.pk).update(created_time=timezone.now() - timedelta(hours=age))
    assert adopt(old, new)
    assert Override.objects.get(track=new).genre.name == "Blues"


@pytest.mark.parametrize(("hours_old", "hours_new", "stays"), [(1, 2, "Blues"), (2, 1, "Jazz")])
@pytest.mark.parametrize(
    ("old_says", "new_says"),
    [
        (("judged",), ("judged",)),
        (("overridden", "judged"), ("overridden", "judged")),
        (("overridden", "judged"), ("overridden",)),
        (("overridden",), ("overridden", "judged")),
        (("judged",), ("overridden",)),
    ],
)
def test_of_what_people_said_of_both_the_newer_stays_as_a_whole(
    library: Library,
    old_says: tuple[str, ...],
    new_says: tuple[str, ...],
    hours_old: int,
    hours_new: int,
    stays: str,
) -> None:
    old, new = gone(library, 1), track(library, 2)
    for song, name, hours, how in ((old, "Blues", hours_old, old_says), (new, "Jazz", hours_new, new_says)):
        said_by_a_person(song, name, timezone.now() - timedelta(hours=hours), how)
    assert adopt(old, new)
    genre = Genre.objects.get(name=stays)
    how = old_says if stays == "Blues" else new_says
    assert list(Override.objects.values_list("track", "genre")) == (
        [(new.pk, genre.pk)] if "overridden" in how else []
    )
    assert list(Judgement.objects.values_list("track", "genres")) == (
        [(new.pk, [genre.pk])] if "judged" in how else []
    )


def said_by_a_person(song: Track, name: str, when: datetime, how: tuple[str, ...]) -> None:
    genre = Genre.objects.get(name=name)
    if "overridden" in how:
        Override.objects.create(track=song, genre=genre)
    if "judged" in how:
        Judgement.objects.create(track=song, genres=[genre.pk], kind="disagreement", stratum="from 0.85")
    for model in (Override, Judgement):
        model.objects.filter(track=song).update(created_time=when)


def test_tracks_that_one_batch_has_written_are_two_songs(library: Library) -> None:
    old, new = gone(library, 1), track(library, 2)
    batch = WriteBatch.objects.create(min_confidence=0.7)
    written(old, batch), written(new, batch)
    assert not adopt(old, new)
    assert Track.objects.count() == 2


def test_neither_a_track_that_is_there_nor_one_of_another_server_is_adopted(library: Library) -> None:
    new = track(library, 3)
    other = Library.objects.create(server_id="another server", key="2", title="Music")
    assert not adopt(track(library, 1), new)
    assert not adopt(gone(other, 2), new)
    assert Track.objects.count() == 3
