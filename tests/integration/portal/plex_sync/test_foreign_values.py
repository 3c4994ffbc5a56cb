"""Values that cannot be: each costs its own field of its own song, which is named, and never the sync."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from features_stand_in import FeaturesStandIn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plex_stand_in import TOKEN, Control
from portal.extraction.extraction_run import store_extraction
from portal.library.models import Analysis, Library, Track
from portal.orchestration.start import start_sync
from portal.plex_sync.staging import begin_listing, close_staging, open_staging, stage
from portal.plex_sync.storing import store_details, take
from portal.remote.audio import extraction_result
from portal.remote.plex import Page
from portal.remote.sync import _track
from portal.runs.models import Run
from reclass.features.v1 import features_pb2
from reclass.sync.v1 import sync_pb2 as pb
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in

MUSIC = 2
# What does not compress: artist, album and title stand in one index, which takes 2.7 kB a row.
LETTERS = "".join(map(chr, range(0x4E00, 0x9FA5)))
LONG = ("title", "parentTitle", "originalTitle")
ODD = (
    {"addedAt": "910692730085"},
    {"updatedAt": "1700000000000"},
    {"year": "20110112"},
    {"year": "-1", "parentYear": "-1"},
    {"index": "2147483648"},
    {"parentIndex": "9223372036854775808"},
    {"Part.size": "9223372036854775808"},
    {"duration": "NaN"},
    {"title": "x" * 100_000},
    {"guid": "plex://" + "x" * 1000},
    {"Part.file": "/music/" + "x" * 20_000},
    {"index": "seven", "duration": "-1", "addedAt": "", "Part.size": "--5"},
)


def song(key: int, **fields: Any) -> StandInTrack:
    return StandInTrack(
        rating_key=key, title=f"Song {key}", album_artist="A band", file=f"/{key}.mp3", **fields
    )


@pytest.fixture
def odd(portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A portal before a library in which every second song has something that cannot be."""
    strange = [song(2 * number, odd=values) for number, values in enumerate(ODD, 1)]
    plain = [song(2 * number - 1) for number in range(1, len(ODD) + 1)]
    library = StandInLibrary(key=MUSIC, title="Music", tracks=(*strange, *plain))
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
    ):
        yield portal


def test_songs_with_values_that_cannot_be_are_read_and_named_and_so_at_every_later_sync(
    odd: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        run = odd.finish(start_sync(()))
        assert run.state == Run.State.DONE, run.message
        assert "Music: 24 songs" in run.message
        assert (
            "Plex has values that cannot be, which stay unknown, of “A band – Song 2” (addedAt)"
            in run.message
        )
        assert "and 7 more" in run.message
    assert Track.objects.filter(removed_time=None).count() == 2 * len(ODD)
    song_2, song_6 = (Track.objects.get(rating_key=key) for key in ("2", "6"))
    assert (song_2.added_time, song_2.updated_time is None) == (None, False)
    assert song_6.year is None
    assert Track.objects.get(rating_key="14").size_bytes == 0
    assert Track.objects.get(rating_key="22").file == ""
    assert Track.objects.get(rating_key="22").analysis == Analysis.SKIPPED


def test_a_song_whose_names_fill_no_index_costs_only_the_ends_of_its_names(odd: Any) -> None:
    names = {name: "".join(random.Random(name).choices(LETTERS, k=1000)) for name in LONG}  # noqa: S311 # no secret
    odd.plex.ask("POST", "changes", {"put": {MUSIC: [asdict(song(99, odd=names))]}})
    for _ in range(2):
        run = odd.finish(start_sync(()))
        assert run.state == Run.State.DONE, run.message
    long = Track.objects.get(rating_key="99")
    kept = (long.title, long.album, long.artist)
    assert all(
        whole.startswith(part) and len(part) > 250 for whole, part in zip(names.values(), kept, strict=True)
    )


numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 2**31, 2**53, 910692730085]))
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["a\0b", "\0", "x" * 5000, "\u202e", "x" * 20_000]),
)


@st.composite
def messages(draw: st.DrawFn) -> pb.Track:
    """Whatever a message of the contract can hold."""
    message = pb.Track(rating_key=draw(st.one_of(texts, st.just("7"))))
    for name in ("guid", "title", "artist", "album_artist", "album", "library_key"):
        setattr(message, name, draw(texts))
    for name in ("year", "track_number", "disc_number"):
        setattr(message, name, draw(st.integers(-(2**31), 2**31 - 1)))
    message.duration_seconds = draw(st.floats())
    message.add_time.seconds, message.update_time.seconds = draw(numbers), draw(numbers)
    message.genres.extend(draw(st.lists(texts, max_size=3)))
    for _ in range(draw(st.integers(0, 2))):
        message.parts.add(key=draw(texts), file=draw(texts), size_bytes=draw(numbers), container=draw(texts))
    return message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=messages())
def test_whatever_a_producer_sends_the_database_takes_it(genres: dict[str, int], message: pb.Track) -> None:
    library, _ = Library.objects.get_or_create(server_id="s", key="2", title="Music")
    open_staging()
    listing = begin_listing(library)
    found = _track(message)
    stage(listing, Page(tracks=(found, _track(pb.Track(rating_key="9", title="Plain"))), total_size=2))
    with transaction.atomic():
        take([listing], vanished=(), still_there=set)
        rows = list(Track.objects.filter(library=library))
        assert "9" in {row.rating_key for row in rows}
        store_details({row.pk: found.state for row in rows}, {row.pk: row.file_genres for row in rows})
        for row in rows:
            row.refresh_from_db()
            str(row.added_time)
        transaction.set_rollback(True)
    close_staging()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.integers(-(2**31), 2**31 - 1),
    channels=st.integers(-(2**31), 2**31 - 1),
    seconds=st.floats(),
    texts=st.lists(texts),
)
def test_whatever_features_says_of_a_file_the_database_takes_it(
    genres: dict[str, int], rate: int, channels: int, seconds: float, texts: list[str]
) -> None:
    properties = features_pb2.AudioProperties(
        codec=texts[0] if texts else "", sample_rate_hz=rate, channels=channels,
        duration_seconds=seconds,
    )  # fmt: skip
    tags = features_pb2.FileTags(genres=texts)
    library, _ = Library.objects.get_or_create(server_id="s", key="2", title="Music")
    with transaction.atomic():
        track = Track.objects.create(library=library, rating_key="1", title="A song")
        assert store_extraction(track, extraction_result("content", properties, tags, []))
        track.save()
        transaction.set_rollback(True)


def test_the_stand_in_keeps_odd_values_over_a_restart() -> None:
    assert StandInTrack.from_json(asdict(song(1, odd={"year": "-1"}))).odd == {"year": "-1"}
