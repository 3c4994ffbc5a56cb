"""A Plex whose rating keys went to other songs: what is known of a song stays with it, and nothing wrong is written."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from features_stand_in import VERSION, FeaturesStandIn
from plex_stand_in import TOKEN, Control
from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow, WriteTest
from portal.library.identity import ANOTHER_SONG, is_another
from portal.library.models import Analysis, Audio, InPlex, Library, Track, Vector
from portal.orchestration.start import start_plan, start_push, start_rollback, start_sync
from portal.plex_sync.staging import begin_listing, close_staging, open_staging, stage
from portal.plex_sync.storing import take
from portal.remote.plex import Page
from portal.runs.models import Run, RunSong
from portal.teaching.models import TaughtSet, TaughtSong
from portal.verdicts.models import Override
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in
from sync.identity import TrackIdentity
from sync.identity import is_another as is_another_for_sync
from sync.tracks import GenreState, MediaPart
from sync.tracks import Track as SyncTrack

MUSIC = 2
SONGS = 36
KEYS = range(1, SONGS + 1)
ANOTHER = {"title": "Another", "guid": "plex://track/another", "file": "/music/another.mp3", "size_bytes": 3}
GENRES = ("Blues", "Folk", "Jazz", "Reggae")


def song(key: int, **fields: Any) -> StandInTrack:
    given: dict[str, Any] = {
        "title": f"Song {key}",
        "file": f"/music/{key}.mp3",
        "artist": "One band",
        "album_artist": "One band",
        "guid": f"plex://track/{key:024x}",
        "duration_seconds": 100.0 + key,
        "size_bytes": 1_000_000 + key,
        "modified_time": 1_500_000_000 + key,
        "genres": ("Country",),
    }
    return StandInTrack(rating_key=key, **{**given, **fields})


@pytest.fixture
def renumbered(portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A portal before 36 songs of one band, all of them analysed, with a person's genre each."""
    library = StandInLibrary(key=MUSIC, title="Music", tracks=tuple(song(key) for key in KEYS))
    with (
        running_stand_in(Catalogue(libraries=(library,)), tmp_path, token=TOKEN) as stand_in,
        portal_of(Control(stand_in=stand_in), FeaturesStandIn()) as portal,
    ):
        sync(portal)
        for track in Track.objects.all():
            extract(track)
            genre = Genre.objects.get(name=genre_of(track.title))
            Override.objects.create(track=track, genre=genre, note=track.title)
        yield portal


def extract(track: Track) -> None:
    """What an extraction leaves behind."""
    track.audio = Audio.objects.create(content_key=f"content of {track.title}")
    track.analysis = Analysis.EXTRACTED
    track.save(update_fields=("audio", "analysis"))
    Vector.objects.create(audio=track.audio, kind="fma", version=VERSION, values=[float(track.pk), 1.0])


def sync(portal: Any) -> Run:
    run: Run = portal.finish(start_sync(()))
    assert run.state == Run.State.DONE, run.message
    return run


def genre_of(title: str) -> str:
    return GENRES[int(title.split()[1]) % len(GENRES)]


def renumber(portal: Any, keys: dict[int, int], *, keep_genres: bool = True) -> None:
    portal.plex.ask("POST", "renumber", {"keys": keys, "keep_genres": keep_genres})


def shifted(by: int) -> dict[int, int]:
    """Each song has the key of the one so far behind it."""
    return {key: (key - 1 + by) % SONGS + 1 for key in KEYS}


def titles_in_plex(portal: Any) -> dict[str, str]:
    tracks = portal.plex.ask("GET", "tracks", library=MUSIC)["tracks"]
    return {str(track["rating_key"]): track["title"] for track in tracks}


def genres_in_plex(portal: Any) -> dict[str, tuple[list[str], bool]]:
    tracks = portal.plex.ask("GET", "tracks", library=MUSIC)["tracks"]
    return {track["title"]: (track["genres"], track["locked"]) for track in tracks}


def written(portal: Any, *, track_ids: Sequence[int] | None = None) -> WriteBatch:
    batch = planned(portal, track_ids=track_ids)
    portal.finish(start_push(batch))
    batch.refresh_from_db()
    return batch


def planned(portal: Any, *, track_ids: Sequence[int] | None = None) -> WriteBatch:
    run = portal.finish(start_plan(track_ids, min_confidence=0.7))
    return run.batch


def assert_own(portal: Any) -> None:
    """Every row is under the key that its song has in Plex now, with its own word, vectors and ledger."""
    titles = titles_in_plex(portal)
    present = Track.objects.filter(removed_time=None).select_related("override__genre", "audio")
    assert {track.rating_key: track.title for track in present} == titles
    for track in present:
        assert track.override.note == track.title
        assert track.audio is not None
        assert track.audio.content_key == f"content of {track.title}"
        assert track.analysis == Analysis.EXTRACTED
        assert track.last_synced is not None
    for row in WriteRow.objects.select_related("track"):
        assert row.rating_key == row.track.rating_key


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(shifted(1), id="all"),
        pytest.param({1: 2, 2: 3, 3: 1}, id="a circle", marks=pytest.mark.thorough),
        pytest.param({36: 37, 35: 36}, id="to a free key"),
    ],
)
def test_36_overrides_on_a_renumbered_server_are_on_their_own_songs_and_a_push_writes_none_wrongly(
    renumbered: Any, keys: dict[int, int]
) -> None:
    rows = {track.title: track.pk for track in Track.objects.all()}
    batch = written(renumbered, track_ids=[rows["Song 3"]])
    TaughtSet.objects.create(genre=Genre.objects.get(name="Jazz"), source="selection", title="chosen")
    for title in ("Song 1", "Song 2"):
        TaughtSong.objects.create(taught_set=TaughtSet.objects.get(), track_id=rows[title])
    Track.objects.filter(title="Song 2").update(in_plex=InPlex.EXCLUDED)
    later = planned(renumbered, track_ids=[rows["Song 1"], rows["Song 36"]])
    renumber(renumbered, keys)
    run = sync(renumbered)
    handed = len({old for old, new in keys.items() if new in keys})
    assert run.result["keys_changed_hands"] == handed
    have = "1 rating key in Plex has" if handed == 1 else f"{handed} rating keys in Plex have"
    assert f"{have} another song than before" in run.message
    assert {track.title: track.pk for track in Track.objects.all()} == rows
    assert_own(renumbered)
    assert set(TaughtSong.objects.values_list("track__title", flat=True)) == {"Song 1", "Song 2"}
    assert Track.objects.get(in_plex=InPlex.EXCLUDED).title == "Song 2"
    portal_push(renumbered, later)
    right = {title: ([genre_of(title)], True) for title in ("Song 1", "Song 3", "Song 36")}
    assert {title: state for title, state in genres_in_plex(renumbered).items() if state[1]} == right
    written(renumbered)
    everything = genres_in_plex(renumbered)
    assert everything.pop("Song 2") == (["Country"], False)
    assert everything == {title: ([genre_of(title)], True) for title in everything}
    portal_push(renumbered, batch, back=True)
    assert genres_in_plex(renumbered)["Song 3"] == (["Country"], False)


def portal_push(portal: Any, batch: WriteBatch, *, back: bool = False) -> None:
    if back:
        # Newer batches over the same song go first.
        for newer in WriteBatch.objects.filter(pk__gt=batch.pk, state=WriteBatch.State.APPLIED):
            portal.finish(start_rollback(newer))
    portal.finish(start_rollback(batch) if back else start_push(batch))


def test_keys_that_change_between_sync_and_push_or_rollback_write_nothing(renumbered: Any) -> None:
    batch = planned(renumbered)
    renumber(renumbered, shifted(1))
    portal_push(renumbered, batch)
    assert renumbered.plex.edits() == []
    row = batch.rows.get(track__title="Song 1")
    assert row.state == WriteRow.State.FAILED
    assert "was given to another track" in row.message
    assert row.attempted_time is None
    sync(renumbered)
    batch = written(renumbered)
    after = genres_in_plex(renumbered)
    renumber(renumbered, shifted(1))
    edits = len(renumbered.plex.edits())
    renumbered.finish(start_rollback(batch))
    assert len(renumbered.plex.edits()) == edits
    batch.refresh_from_db()
    assert batch.state == WriteBatch.State.APPLIED
    sync(renumbered)
    assert genres_in_plex(renumbered) == after
    renumbered.finish(start_rollback(batch))
    assert set(map(str, genres_in_plex(renumbered).values())) == {"(['Country'], False)"}


def test_keys_that_change_before_a_dry_run_plan_nothing(renumbered: Any) -> None:
    renumber(renumbered, shifted(1))
    run = renumbered.finish(start_plan(min_confidence=0.7))
    assert run.batch is None
    skipped = run.songs.filter(state=RunSong.State.SKIPPED)
    assert skipped.count() == SONGS
    assert "another song under its key" in skipped[0].message


def test_genres_and_their_originals_are_read_anew_from_the_song_s_own_new_key(renumbered: Any) -> None:
    renumbered.plex.ask("PUT", "tracks/1/genres", {"genres": ["Latin"], "locked": True})
    sync(renumbered)
    renumber(renumbered, {1: 2, 2: 1})
    sync(renumbered)
    labels = {track.title: track for track in Track.objects.select_related("tag_genre")}
    assert labels["Song 1"].plex_genres == ["Latin"]
    assert labels["Song 1"].tag_genre.name == "Latin"
    assert labels["Song 2"].plex_genres == ["Country"]


def test_a_key_that_went_to_a_new_song_leaves_the_old_one_removed_with_everything(renumbered: Any) -> None:
    batch = written(renumbered, track_ids=[Track.objects.get(title="Song 1").pk])
    new = replace(song(90), rating_key=1)
    renumbered.plex.ask("POST", "changes", {"put": {str(MUSIC): [vars_of(new)]}})
    run = sync(renumbered)
    assert run.result["keys_changed_hands"] == 1
    old = Track.objects.get(title="Song 1")
    assert old.removed_time is not None
    assert old.override.note == "Song 1"
    assert (old.in_plex, old.audio is not None) == (InPlex.WRITTEN, True)
    newcomer = Track.objects.get(rating_key="1")
    assert (newcomer.title, newcomer.in_plex, newcomer.analysis) == (
        "Song 90", InPlex.UNTOUCHED, Analysis.PENDING,
    )  # fmt: skip
    assert not hasattr(newcomer, "override")
    edits = len(renumbered.plex.edits())
    renumbered.finish(start_rollback(batch))
    assert len(renumbered.plex.edits()) == edits, "its key is another song's"
    # Back under a third key, it has all of it again.
    renumbered.plex.ask("POST", "changes", {"put": {str(MUSIC): [vars_of(replace(song(1), rating_key=91))]}})
    sync(renumbered)
    old.refresh_from_db()
    assert (old.rating_key, old.removed_time) == ("91", None)
    assert batch.rows.get().rating_key == "91"


def test_a_key_of_a_song_that_was_removed_before_is_no_return_of_it(renumbered: Any) -> None:
    renumbered.plex.ask("DELETE", "tracks/1")
    sync(renumbered)
    renumbered.plex.ask("POST", "changes", {"put": {str(MUSIC): [vars_of(replace(song(90), rating_key=1))]}})
    sync(renumbered)
    assert Track.objects.get(title="Song 1").removed_time is not None
    assert not hasattr(Track.objects.get(rating_key="1"), "override")


def test_copies_of_a_recording_whose_keys_were_exchanged_are_told_apart_by_their_files(
    renumbered: Any,
) -> None:
    twins = [replace(song(key), guid="plex://track/twins") for key in (1, 2)]
    renumbered.plex.ask("POST", "changes", {"put": {str(MUSIC): [vars_of(each) for each in twins]}})
    sync(renumbered)
    renumber(renumbered, {1: 2, 2: 1})
    assert sync(renumbered).result["keys_changed_hands"] == 2
    assert_own(renumbered)


def namesakes(portal: Any, **fields: Any) -> tuple[int, int]:
    """Two songs of one artist and title, of which Plex knows nothing else."""
    twins = [replace(song(key), guid=f"local://{key}", title="Intro", **fields) for key in (1, 2)]
    portal.plex.ask("POST", "changes", {"put": {str(MUSIC): [vars_of(each) for each in twins]}})
    sync(portal)
    Override.objects.filter(track__rating_key__in=("1", "2")).update(genre=Genre.objects.get(name="Folk"))
    first, second = (Track.objects.get(rating_key=key).pk for key in ("1", "2"))
    return first, second


def namesakes_in_plex(portal: Any) -> dict[str, list[str]]:
    tracks = portal.plex.ask("GET", "tracks", library=MUSIC)["tracks"]
    return {track["file"]: track["genres"] for track in tracks if track["title"] == "Intro"}


def test_namesakes_without_a_guid_whose_keys_were_exchanged_get_nothing_of_each_other_before_a_sync(
    renumbered: Any,
) -> None:
    first, _ = namesakes(renumbered)
    batch = planned(renumbered, track_ids=[first])
    renumber(renumbered, {1: 2, 2: 1})
    portal_push(renumbered, batch)
    assert "or 'Intro' has another file now" in batch.rows.get().message
    assert namesakes_in_plex(renumbered) == {"/music/1.mp3": ["Country"], "/music/2.mp3": ["Country"]}
    run = renumbered.finish(start_plan([first], min_confidence=0.7))
    assert run.batch is None
    sync(renumbered)
    batch = written(renumbered, track_ids=[first])
    assert namesakes_in_plex(renumbered) == {"/music/1.mp3": ["Folk"], "/music/2.mp3": ["Country"]}
    renumber(renumbered, {1: 2, 2: 1})
    portal_push(renumbered, batch, back=True)
    assert namesakes_in_plex(renumbered) == {"/music/1.mp3": ["Folk"], "/music/2.mp3": ["Country"]}
    sync(renumbered)
    portal_push(renumbered, batch, back=True)
    assert set(map(str, namesakes_in_plex(renumbered).values())) == {"['Country']"}


def test_namesakes_whose_sizes_plex_does_not_say_are_told_apart_by_their_files(renumbered: Any) -> None:
    namesakes(renumbered, size_bytes=0)
    files = dict(Track.objects.filter(title="Intro").values_list("pk", "file"))
    renumber(renumbered, {1: 2, 2: 1})
    assert sync(renumbered).result["keys_changed_hands"] == 2
    assert dict(Track.objects.filter(title="Intro").values_list("pk", "file")) == files


def test_a_listing_that_is_not_whole_removes_no_song_whose_key_has_another_one(renumbered: Any) -> None:
    first, second = (Track.objects.get(title=f"Song {key}") for key in (1, 2))
    tracks = tuple(renumbered.services.sync.get_tracks([str(key) for key in KEYS if key != 2]).values())
    seen = tuple(replace(track, **ANOTHER) if track.rating_key == "1" else track for track in tracks)
    open_staging()
    listing = begin_listing(Library.objects.get())
    stage(listing, Page(tracks=seen, total_size=SONGS))
    taken = take([listing], vanished=(), still_there=set)
    close_staging()
    assert (taken.handed, taken.removed) == (1, {})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.removed_time, first.override.note) == (None, "Song 1")
    assert first.rating_key != "1"
    assert (second.rating_key, second.override.note) == ("2", "Song 2")
    sync(renumbered)
    assert_own(renumbered)


def test_a_probe_that_was_left_over_is_taken_back_from_its_own_song(renumbered: Any) -> None:
    track = Track.objects.get(title="Song 1")
    WriteTest.objects.create(track=track, rating_key="1", before_genres=["Country"], before_locked=False)
    renumber(renumbered, shifted(1))
    sync(renumbered)
    assert WriteTest.objects.get().rating_key == "2"


KNOWN = {"guid": "plex://track/a", "file": "/a.mp3", "title": "A", "artist": "X", "size": 5, "mtime": "7"}
# A sync takes it for the same song with another file; until then it is left alone.
UNTIL_A_SYNC = None
CASES: list[tuple[dict[str, Any], bool | None]] = [
    ({}, False),
    ({"guid": "plex://track/b"}, False),
    ({"file": "/b.mp3", "size": 6}, False),
    ({"guid": "plex://track/b", "file": "/b.mp3"}, False),
    ({"guid": "plex://track/b", "file": "/b.mp3", "title": "B"}, True),
    ({"guid": "local://9", "file": "/b.mp3", "title": "B"}, True),
    ({"guid": "plex://track/b", "file": "/b.mp3", "mtime": "8"}, True),
    ({"guid": "plex://track/b", "file": "/b.mp3", "size": 0}, True),
    ({"guid": "local://9", "file": "/b.mp3", "size": 6}, UNTIL_A_SYNC),
    ({"guid": "local://9", "file": "/b.mp3", "size": 6, "title": "a"}, UNTIL_A_SYNC),
    ({"guid": "local://9", "file": "/b.mp3", "size": 6, "title": "B"}, True),
    ({"guid": "", "file": "/b.mp3", "size": 6, "artist": "Y"}, True),
    ({"guid": "plex://track/b", "file": "", "size": 0}, False),
    ({"guid": "plex://track/b", "file": "", "size": 0, "title": "B"}, True),
    ({"guid": "", "file": "", "size": 0}, False),
    ({"guid": "", "file": "", "size": 0, "title": "B"}, True),
]


@pytest.mark.parametrize(("fields", "another"), CASES, ids=[str(fields) for fields, _ in CASES])
def test_one_rule_says_what_another_song_is_in_sql_in_the_portal_and_before_a_write(
    genres: dict[str, int], fields: dict[str, Any], another: bool | None
) -> None:
    now = {**KNOWN, **fields}
    known, present = row(1, KNOWN), row(2, now)
    left_alone = another is not False
    assert is_another(known, present) is left_alone
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {ANOTHER_SONG} FROM library_track t, library_track l WHERE t.id = %s AND l.id = %s",  # noqa: S608
            [known.pk, present.pk],
        )
        assert cursor.fetchone()[0] is bool(another)
    if now["size"] == KNOWN["size"] and now["mtime"] == KNOWN["mtime"] and now["file"] != KNOWN["file"]:
        return  # sync is not told size and time, and rather writes nothing
    meant = TrackIdentity(guid=known.guid, file=known.file, title=known.title, artist=known.artist)
    assert is_another_for_sync(as_sync_has_it(present), meant) is left_alone


def row(key: int, said: dict[str, Any]) -> Track:
    library, _ = Library.objects.get_or_create(server_id="s", key="2", title="Music")
    return Track.objects.create(
        library=library, rating_key=str(key), guid=said["guid"], file=said["file"], title=said["title"],
        artist=said["artist"], size_bytes=said["size"], part_key=f"/library/parts/{key}/{said['mtime']}/file.mp3",
    )  # fmt: skip


def as_sync_has_it(track: Track) -> SyncTrack:
    part = MediaPart(key=track.part_key, file=track.file, size_bytes=track.size_bytes, container="mp3")
    return SyncTrack(
        rating_key=1, guid=track.guid, title=track.title, artist=track.artist, album_artist="", album="", year=0,
        track_number=0, disc_number=0, duration_seconds=0.0, added_time=0, updated_time=0, library_key="2",
        parts=(part,), genre_state=GenreState(),
    )  # fmt: skip


def vars_of(track: StandInTrack) -> dict[str, Any]:
    return {name: getattr(track, name) for name in track.__slots__}
