"""20,000 songs that are renamed, moved, replaced, removed, brought back and given new keys: the truth comes out."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from features_stand_in import VERSION, FeaturesStandIn
from plex_stand_in import TOKEN, Control
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, Audio, InPlex, Track, Vector
from portal.orchestration.start import start_extract, start_sync
from portal.runs.models import Run
from portal.verdicts.models import Override, Prediction
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in
from standalone.plex_stand_in.world import World

SONGS = 20_000
MUSIC, MORE_MUSIC = 2, 3
FIRST_KEY = 10_000
EXTRACTED_FOR_REAL = 40
GENRES = (("Rock", "Pop"), ("Jazz",), (), ("Electronic", "Soundtrack", "Hip-Hop/Rap"))
# A run must end, however busy the machine is.
WITHIN_SECONDS = 200


def song(number: int) -> StandInTrack:
    artist, album = f"Artist {number // 100}", f"Album {number // 10}"
    return StandInTrack(
        rating_key=FIRST_KEY + number,
        guid=f"plex://track/{number:024x}",
        title=f"Song {number}",
        file=f"/music/{artist}/{album}/{number}.flac",
        album_artist=artist,
        artist=artist,
        album=album,
        year=1950 + number % 70,
        duration_seconds=100 + number / 20,
        genres=GENRES[number % len(GENRES)],
        size_bytes=10_000_000 + number,
        modified_time=1_500_000_000 + number,
    )


def content_of(item: StandInTrack) -> str:
    """What makes two files the same here: a copy or a move keeps both."""
    return f"{item.size_bytes} bytes of {item.modified_time}"


class ContentOfFiles(dict[str, str]):
    """Content keys as the files of the stand-in have them at the time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def get(self, key: str, default: Any = None) -> Any:
        item = self._world.track(int(key))
        return content_of(item) if item else default


class Expected:
    """Where each song is, by its number, and what was done to it."""

    def __init__(self, plex: Control) -> None:
        self.plex = plex
        self.world = plex.stand_in.world
        self.keys: dict[int, int | None] = {number: FIRST_KEY + number for number in range(SONGS)}
        self.items = {number: song(number) for number in range(SONGS)}
        self.to_be_extracted: set[str] = set()
        """Contents that were not analysed before."""
        self._untouched = iter(range(100, SONGS, 3))
        self._next_key = 500_000

    def some(self, count: int) -> list[int]:
        """Songs that nothing was done to so far."""
        return list(islice(self._untouched, count))

    def put(self, numbers: Iterable[int], library: int | None = None, **changes: Any) -> None:
        """The same rating keys, other metadata. Values are made of the number."""
        tracks: dict[int, list[dict[str, Any]]] = {}
        for number in numbers:
            made = {name: make(number) for name, make in changes.items()}
            self.items[number] = item = replace(self.items[number], **made)
            if content_of(item) != content_of(song(number)) and {"size_bytes", "modified_time"} & set(
                changes
            ):
                self.to_be_extracted.add(content_of(item))
            tracks.setdefault(library or self.library(number), []).append(asdict(item))
            self.keys[number] = item.rating_key
        self.plex.ask("POST", "changes", {"put": tracks})

    def remove(self, numbers: Iterable[int]) -> None:
        keys = [self.keys[number] for number in numbers]
        self.plex.ask("POST", "changes", {"remove": keys})
        self.keys.update(dict.fromkeys(numbers))

    def rekey(self, numbers: Iterable[int], library: int | None = None, **changes: Any) -> None:
        """New rating keys for what was there, at the end of the listing, with other metadata besides."""
        numbers = list(numbers)
        homes = {number: library or self.library(number) for number in numbers}
        self.remove([number for number in numbers if self.keys[number] is not None])
        for home in sorted(set(homes.values())):
            here = [number for number in numbers if homes[number] == home]
            self.put(here, library=home, rating_key=lambda _: self.new_key(), **changes)

    def new_key(self) -> int:
        self._next_key += 1
        return self._next_key

    def present(self) -> list[int]:
        """The rating keys that there are."""
        libraries = [key for key in (MUSIC, MORE_MUSIC) if key in self.world.libraries]
        return [key for library in libraries for key in self.world.ordered(library, "id")]

    def library(self, number: int) -> int:
        key = self.keys[number]
        if key is not None:
            return self.world.library_of(key).key
        return MUSIC if number % 10 else MORE_MUSIC


@pytest.fixture
def big(portal_of, tmp_path) -> Iterator[tuple[Any, Expected]]:
    """A portal before two libraries of music, and what is done to them."""
    numbers = range(SONGS)
    catalogue = Catalogue(
        libraries=(
            StandInLibrary(key=1, title="Films", type="movie"),
            StandInLibrary(key=MUSIC, title="Music", tracks=tuple(song(n) for n in numbers if n % 10)),
            StandInLibrary(
                key=MORE_MUSIC, title="More", tracks=tuple(song(n) for n in numbers if n % 10 == 0)
            ),
        )
    )
    with running_stand_in(catalogue, tmp_path, token=TOKEN) as stand_in:
        plex = Control(stand_in=stand_in)
        features = FeaturesStandIn(contents=ContentOfFiles(stand_in.world))
        with portal_of(plex, features) as portal:
            yield portal, Expected(plex)


def sync(portal, libraries=()):
    run = portal.finish(start_sync(libraries), within_seconds=WITHIN_SECONDS)
    assert run.state == Run.State.DONE, run.message
    return run


def extract(portal) -> None:
    run = portal.finish(start_extract(), within_seconds=WITHIN_SECONDS)
    assert (run.state, run.failed_count) == (Run.State.DONE, 0), run.message


def extract_all_but_some(portal) -> None:
    """What the extraction of 20,000 songs leaves behind; some of them are really extracted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO library_audio (content_key, codec, sample_rate_hz, channels, duration_seconds, "
            "extracted_time) "
            "SELECT size_bytes || ' bytes of ' || split_part(part_key, '/', 5), 'flac', 44100, 2, duration_seconds, "
            "now() FROM library_track WHERE rating_key::int >= %s",
            [FIRST_KEY + EXTRACTED_FOR_REAL],
        )
        cursor.execute(
            "INSERT INTO library_vector (audio_id, kind, version, values, created_time) "
            "SELECT id, 'fma', %s, '[1, 2]', now() FROM library_audio",
            [VERSION],
        )
        cursor.execute(
            "UPDATE library_track t SET audio_id = a.id, analysis = 'extracted' FROM library_audio a "
            "WHERE a.content_key = size_bytes || ' bytes of ' || split_part(part_key, '/', 5)"
        )
    extract(portal)


def give_history(genres: dict[str, int]) -> None:
    """A verdict on every song, a person's word on every third of them, edits of every fifth, exclusions of others."""
    person = User.objects.create(username="somebody")
    batch = WriteBatch.objects.create(min_confidence=0.7, state=WriteBatch.State.APPLIED)
    tracks = {int(key) - FIRST_KEY: pk for pk, key in Track.objects.values_list("pk", "rating_key")}
    Track.objects.update(analysis=Analysis.CLASSIFIED)
    Prediction.objects.bulk_create(
        Prediction(
            track_id=pk, genre_id=genres["Jazz"], confidence=0.9, model_version="m/1", deciding_stage=1
        )
        for pk in tracks.values()
    )
    Override.objects.bulk_create(
        Override(
            track_id=pk, genre_id=genres["Blues"], note=str(number), by=person, created_time=timezone.now()
        )
        for number, pk in tracks.items()
        if number % 3 == 1
    )
    WriteRow.objects.bulk_create(
        WriteRow(batch=batch, track_id=pk, rating_key=str(FIRST_KEY + number), before_locked=False,
                 message=str(number), state=WriteRow.State.WRITTEN)
        for number, pk in tracks.items()
        if number % 5 == 0
    )  # fmt: skip
    Track.objects.filter(pk__in=[pk for n, pk in tracks.items() if n % 5 == 1]).update(
        in_plex=InPlex.EXCLUDED
    )


def check_tracks(truth: Expected) -> dict[int, Track]:
    """Every track of the stand-in has one row that says the same, and no other row is present; those rows by number."""
    rows = {
        int(row.rating_key): row
        for row in Track.objects.filter(removed_time=None).select_related("library", "audio")
    }
    assert Track.objects.filter(removed_time=None).count() == len(rows)
    keys = truth.present()
    assert set(rows) == set(keys)
    for key, row in rows.items():
        item, state = truth.world.track(key), truth.world.genre_state(key)
        assert item is not None
        said = (row.title, row.file, row.guid, row.size_bytes, row.year, row.duration_seconds)
        assert said == (item.title, item.file, item.guid, item.size_bytes, item.year, item.duration_seconds)
        assert (row.plex_genres, row.plex_genres_locked) == (list(state.genres), state.locked)
        assert row.library.key == str(truth.world.library_of(key).key)
        assert row.last_synced is not None
        assert row.audio is not None
        assert row.audio.content_key == content_of(item)
    return {number: rows[key] for number, key in truth.keys.items() if key is not None}


def check_history(truth: Expected, rows: dict[int, Track]) -> None:
    """What people and the ledger said of a song stands with it, wherever it went."""
    gone = {number for number, key in truth.keys.items() if key is None}
    assert Track.objects.exclude(removed_time=None).count() == len(gone)
    places = {row.pk: number for number, row in rows.items()}
    removed = Track.objects.exclude(removed_time=None).values_list("pk", "guid")
    places.update({pk: int(guid.rpartition("/")[2], 16) for pk, guid in removed})
    words = dict(Override.objects.values_list("track", "note"))
    assert {places[pk]: int(note) for pk, note in words.items()} == {n: n for n in range(SONGS) if n % 3 == 1}
    edits = WriteRow.objects.values_list("track", "message", "rating_key")
    assert {places[pk]: int(note) for pk, note, _ in edits} == {n: n for n in range(0, SONGS, 5)}
    for pk, _, key in edits:
        if places[pk] in rows:
            assert key == rows[places[pk]].rating_key, "a rollback would not find it"
    excluded = Track.objects.filter(in_plex=InPlex.EXCLUDED).values_list("pk", flat=True)
    assert {places[pk] for pk in excluded} == set(range(1, SONGS, 5))


def check_predictions(truth: Expected, rows: dict[int, Track]) -> None:
    """A verdict stays with songs whose file is the one that was classified."""
    current = set(Prediction.objects.filter(current=True).values_list("track", flat=True))
    same_file = [
        n
        for n, row in rows.items()
        if n < SONGS and row.audio and row.audio.content_key == content_of(song(n))
    ]
    assert all(rows[n].pk in current and rows[n].analysis == Analysis.CLASSIFIED for n in same_file)


def check_decoded(truth: Expected, features: FeaturesStandIn) -> None:
    """No file was decoded twice, and none that was analysed before under another key or path."""
    decoded = Counter(features.decoded)
    assert not [key for key, count in decoded.items() if count > 1]
    assert Audio.objects.count() == Vector.objects.count() == SONGS + len(truth.to_be_extracted)
    assert len(decoded) == EXTRACTED_FOR_REAL + len(truth.to_be_extracted)


def change_much(truth: Expected) -> None:
    """One of everything, many times."""
    truth.put(truth.some(300), title=lambda n: f"Another title {n}")
    truth.put(truth.some(300), file=lambda n: f"/music/moved/{n}.flac")
    truth.put(truth.some(60), size_bytes=lambda n: 30_000_000 + n, modified_time=lambda n: 1_600_000_000 + n)
    truth.put(truth.some(20), file=lambda n: f"/music/new/{n}.mp3", size_bytes=lambda n: 40_000_000 + n)
    truth.remove(truth.some(300))
    # New keys: same guid and path; same path alone; same guid alone, and another file; same bytes alone; other library.
    truth.rekey(truth.some(200))
    truth.rekey(truth.some(100), guid=lambda n: f"local://{n}")
    truth.rekey(truth.some(20), file=lambda n: f"/music/x/{n}.mp3", size_bytes=lambda n: 50_000_000 + n)
    truth.rekey(truth.some(100), guid=lambda n: f"plex://track/f{n}", file=lambda n: f"/music/y/{n}.flac")
    truth.rekey(truth.some(100), library=MORE_MUSIC, file=lambda n: f"/more/{n}.flac")
    for number in truth.some(20):
        truth.plex.ask("PUT", f"tracks/{truth.keys[number]}/genres", {"genres": ["Folk"], "locked": True})


def add_new(truth: Expected, first: int, count: int) -> None:
    for number in range(first, first + count):
        truth.items[number] = song(number)
        truth.to_be_extracted.add(content_of(song(number)))
    truth.put(range(first, first + count), library=MUSIC, rating_key=lambda _: truth.new_key())


@pytest.mark.thorough
def test_whatever_becomes_of_20000_songs_the_truth_comes_out_and_nothing_is_analysed_twice(
    big: tuple[Any, Expected], genres: dict[str, int]
) -> None:
    portal, truth = big
    assert sync(portal).done_count == SONGS
    extract_all_but_some(portal)
    give_history(genres)
    back, back_with_new_key = truth.some(100), truth.some(100)
    truth.remove([*back, *back_with_new_key])
    change_much(truth)
    add_new(truth, SONGS, 40)
    portal.plex.fail("short_page", path="/library/sections/2/all", skip=3, rows=7)
    run = sync(portal)
    assert "520 songs have a new key" in run.message
    extract(portal)
    # Back again, some under new keys; and the library changes between two pages of the next listing.
    truth.put(back, rating_key=lambda n: FIRST_KEY + n)
    truth.rekey(back_with_new_key)
    vanishing, rekeyed = truth.some(30), truth.some(30)
    changes = {"remove": [truth.keys[n] for n in vanishing], "rekey": [truth.keys[n] for n in rekeyed]}
    portal.plex.fail("change_after", path="/library/sections/2/all", skip=5, changes=changes)
    sync(portal)
    truth.keys.update(dict.fromkeys(vanishing))
    by_guid = {truth.world.track(key).guid: key for key in truth.present()}
    truth.keys.update({n: by_guid[song(n).guid] for n in rekeyed})
    sync(portal)
    extract(portal)
    rows = check_tracks(truth)
    check_history(truth, rows)
    check_predictions(truth, rows)
    check_decoded(truth, portal.features)
