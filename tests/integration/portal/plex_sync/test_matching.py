"""Which track under a new key is the song that is gone, and which is another one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from features_stand_in import FeaturesStandIn
from plex_stand_in import TOKEN, Control
from portal.genres.models import Genre
from portal.library.models import Analysis, InPlex, Library, Track
from portal.orchestration.start import start_extract, start_sync
from portal.runs.models import Run
from portal.verdicts.models import Override
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.server import running_stand_in

MUSIC, MORE_MUSIC = 2, 3


def song(key: int, **fields: Any) -> StandInTrack:
    given: dict[str, Any] = {
        "title": f"Song {key}",
        "file": f"/music/{key}.mp3",
        "guid": f"plex://track/{key:024x}",
        "duration_seconds": 100.0 + key,
        "size_bytes": 1_000_000 + key,
        "modified_time": 1_500_000_000 + key,
        "genres": ("Jazz",),
    }
    return StandInTrack(rating_key=key, **{**given, **fields})


@pytest.fixture
def small(portal_of: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Any]:
    """A portal before songs 1 to 6 in Music and 11 to 16 in More, all of them analysed, each with a person's word."""
    with before(portal_of, tmp_path, "one server") as portal:
        sync(portal)
        extract(portal)
        yield portal


@contextmanager
def before(portal_of: Callable[..., AbstractContextManager[Any]], folder: Path, server: str) -> Iterator[Any]:
    catalogue = Catalogue(
        libraries=(
            StandInLibrary(key=MUSIC, title="Music", tracks=tuple(song(key) for key in range(1, 7))),
            StandInLibrary(key=MORE_MUSIC, title="More", tracks=tuple(song(key) for key in range(11, 17))),
        ),
        machine_identifier=server,
    )
    with running_stand_in(catalogue, folder / server, token=TOKEN) as stand_in:
        plex = Control(stand_in=stand_in)
        with portal_of(plex, FeaturesStandIn()) as portal:
            yield portal


def sync(portal: Any, *libraries: str) -> Run:
    run: Run = portal.finish(start_sync(libraries))
    assert run.state == Run.State.DONE, run.message
    return run


def extract(portal: Any) -> None:
    portal.finish(start_extract())
    for track in Track.objects.filter(override=None, removed_time=None):
        Override.objects.create(track=track, genre=Genre.objects.get(name="Blues"), note=track.title)


def change(portal: Any, **changes: Any) -> None:
    puts = {library: [asdict(each) for each in tracks] for library, tracks in changes.pop("put", {}).items()}
    portal.plex.ask("POST", "changes", {**changes, "put": puts})


def present() -> dict[str, tuple[str, str]]:
    """Title as it was when a person gave their word (empty where nobody did), and state, by rating key."""
    tracks = Track.objects.filter(removed_time=None).select_related("override")
    return {t.rating_key: (t.override.note if hasattr(t, "override") else "", t.analysis) for t in tracks}


def gone() -> set[str]:
    return set(Track.objects.exclude(removed_time=None).values_list("rating_key", flat=True))


def decoded(portal: Any) -> list[str]:
    extracted: list[str] = portal.features.decoded
    return extracted


def test_a_guid_that_copies_share_does_not_tell_which_of_them_has_a_new_key(small: Any) -> None:
    change(small, put={MUSIC: [song(1, guid="plex://track/twins"), song(2, guid="plex://track/twins")]})
    sync(small)
    new = song(90, guid="plex://track/twins", file="/music/other.mp3")
    change(small, remove=[1], put={MUSIC: [new]})
    sync(small)
    assert gone() == {"1"}
    assert present()["90"] == ("", Analysis.PENDING)
    assert present()["2"] == ("Song 2", Analysis.EXTRACTED)


def test_copies_are_told_apart_by_their_files(small: Any) -> None:
    twins = [song(key, guid="plex://track/twins") for key in (1, 2)]
    change(small, put={MUSIC: twins})
    sync(small)
    change(
        small,
        remove=[1, 2],
        put={MUSIC: [replace(twins[0], rating_key=91), replace(twins[1], rating_key=92)]},
    )
    sync(small)
    assert not gone()
    assert (present()["91"], present()["92"]) == (
        ("Song 1", Analysis.EXTRACTED),
        ("Song 2", Analysis.EXTRACTED),
    )


def test_a_guid_that_plex_made_up_tells_nothing(small: Any) -> None:
    change(small, put={MUSIC: [song(1, guid="local://77")]})
    sync(small)
    change(small, remove=[1], put={MUSIC: [song(90, guid="local://77")]})
    sync(small)
    assert gone() == {"1"}


def test_a_new_key_with_the_same_bytes_elsewhere_is_the_same_song_and_is_not_analysed_again(
    small: Any,
) -> None:
    bytes_of_1 = {
        name: getattr(song(1), name) for name in ("size_bytes", "modified_time", "duration_seconds", "title")
    }
    change(small, remove=[1], put={MUSIC: [song(90, file="/music/elsewhere.mp3", **bytes_of_1)]})
    row = Track.objects.get(rating_key="1")
    assert "1 song has a new key" in sync(small).message
    small.finish(start_extract())
    assert present()["90"] == ("Song 1", Analysis.EXTRACTED)
    assert Track.objects.get(rating_key="90").pk == row.pk
    assert "90" not in decoded(small)


def test_a_song_that_was_replaced_under_its_guid_keeps_its_words_and_is_analysed_again(small: Any) -> None:
    change(small, remove=[1], put={MUSIC: [song(90, guid=song(1).guid, file="/music/better.flac")]})
    sync(small)
    assert present()["90"] == ("Song 1", Analysis.PENDING)
    small.finish(start_extract())
    assert decoded(small).count("90") == 1


@pytest.mark.parametrize("library", [MUSIC, MORE_MUSIC])
def test_a_new_key_that_was_seen_before_the_old_one_vanished_takes_its_place(
    small: Any, library: int
) -> None:
    change(small, put={library: [replace(song(1), rating_key=90, file="/music/scanned.mp3")]})
    sync(small)
    assert present()["90"] == ("", Analysis.PENDING)
    change(small, remove=[1])
    sync(small)
    assert not gone()
    small.finish(start_extract())
    assert present()["90"] == ("Song 1", Analysis.EXTRACTED)
    assert "90" not in decoded(small), "its bytes were analysed under the old key"


def test_a_row_that_somebody_gave_a_word_of_its_own_stays_a_song_of_its_own(small: Any) -> None:
    change(small, put={MUSIC: [replace(song(1), rating_key=90, file="/music/copy.mp3")]})
    sync(small)
    extract(small)
    change(small, remove=[1])
    sync(small)
    assert gone() == {"1"}


def test_a_song_that_went_to_a_library_which_alone_is_read_is_asked_for(small: Any) -> None:
    change(small, remove=[1], put={MORE_MUSIC: [replace(song(1), rating_key=90)]})
    sync(small, "More")
    assert present()["90"] == ("Song 1", Analysis.EXTRACTED)
    assert Track.objects.get(rating_key="90").library.title == "More"
    assert not gone()


def test_a_copy_in_another_library_is_a_song_of_its_own(small: Any) -> None:
    change(small, put={MORE_MUSIC: [replace(song(1), rating_key=90)]})
    sync(small, "More")
    assert present()["90"] == ("", Analysis.PENDING)
    assert present()["1"] == ("Song 1", Analysis.EXTRACTED)


def test_a_library_that_was_made_anew_keeps_everything_and_the_old_one_is_marked(small: Any) -> None:
    again = [replace(song(key), rating_key=100 + key) for key in range(11, 17)]
    change(small, drop=[MORE_MUSIC], put={MUSIC: again})
    sync(small)
    assert not gone()
    assert {key: present()[str(100 + key)] for key in range(11, 17)} == {
        key: (f"Song {key}", Analysis.EXTRACTED) for key in range(11, 17)
    }
    assert Library.objects.get(title="More").removed_time is not None


def test_the_songs_of_a_library_that_vanished_are_kept_as_removed(small: Any) -> None:
    change(small, drop=[MORE_MUSIC])
    assert "“More” is no longer on the server: its 6 songs are kept as removed" in sync(small).message
    assert gone() == {str(key) for key in range(11, 17)}
    assert sync(small).message.startswith("Music: 6 songs, 0 new, 0 removed")


def test_a_library_with_another_title_is_the_same_one(small: Any) -> None:
    change(small, titles={MUSIC: "My music"})
    sync(small)
    assert Library.objects.get(key=str(MUSIC)).title == "My music"
    assert Track.objects.filter(library__title="My music", removed_time=None).count() == 6


def test_two_servers_are_never_mixed(small: Any, portal_of: Any, tmp_path: Path) -> None:
    change(small, remove=[1])
    sync(small)
    with before(portal_of, tmp_path, "another server") as other:
        change(other, remove=[1], put={MUSIC: [replace(song(1), rating_key=90)]})
        sync(other)
    rows = Track.objects.filter(library__server_id="one server")
    assert (rows.filter(removed_time=None).count(), rows.exclude(removed_time=None).count()) == (11, 1)
    there = Track.objects.filter(library__server_id="another server", removed_time=None)
    assert there.count() == 12
    assert there.get(rating_key="90").analysis == Analysis.PENDING


def test_a_library_that_never_stops_changing_loses_nothing_and_says_so(small: Any) -> None:
    change(small, put={MUSIC: [song(key) for key in range(1001, 2101)]})
    sync(small)
    change(small, remove=[6])
    # Requests: how many there are, the first page, the second, two more because the list has moved; pages again.
    for listing, skip in enumerate((1, 4)):
        between_pages = {"put": {MUSIC: [asdict(song(3000 + listing))]}, "remove": [1 + listing]}
        small.plex.fail("change_after", path="/library/sections/2/all", skip=skip, changes=between_pages)
    message = sync(small, "Music").message
    assert "changed while it was read" in message
    assert not gone()
    sync(small)
    assert gone() == {"1", "2", "6"}


def test_a_moved_file_is_not_analysed_again_and_a_replaced_one_is(small: Any) -> None:
    moved, replaced = song(1, file="/music/moved.mp3"), song(2, size_bytes=7)
    touched = song(3, modified_time=5)
    change(small, put={MUSIC: [moved, replaced, touched]})
    sync(small)
    assert [present()[key][1] for key in "123"] == [Analysis.EXTRACTED, Analysis.PENDING, Analysis.PENDING]
    assert Track.objects.get(rating_key="1").file == "/music/moved.mp3"


def test_a_row_of_an_earlier_version_learns_the_size_of_its_file_and_is_not_read_again(small: Any) -> None:
    Track.objects.update(size_bytes=0)
    assert sync(small).song_count == 0
    assert Track.objects.get(rating_key="1").size_bytes == song(1).size_bytes
    assert present()["1"][1] == Analysis.EXTRACTED


def test_where_nothing_has_changed_no_row_is_written(small: Any) -> None:
    def written() -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, ctid, xmin::text FROM library_track ORDER BY id")
            return list(cursor.fetchall())

    before_it = written()
    sync(small)
    assert written() == before_it


def test_an_excluded_song_stays_excluded_under_its_new_key(small: Any) -> None:
    Track.objects.filter(rating_key="1").update(in_plex=InPlex.EXCLUDED)
    change(small, rekey=[1])
    sync(small)
    assert Track.objects.get(in_plex=InPlex.EXCLUDED).title == "Song 1"
    assert not gone()


def test_files_of_one_size_time_and_length_are_not_one_song_where_guid_and_names_differ(small: Any) -> None:
    """As clips of one length that were unpacked together."""
    clip: dict[str, Any] = {"size_bytes": 5_292_044, "modified_time": 315_532_800, "duration_seconds": 30.0}
    change(small, put={MUSIC: [song(51, **clip)]})
    sync(small)
    extract(small)

    change(small, remove=[51], put={MUSIC: [song(52, **clip)]})
    sync(small)

    assert gone() == {"51"}
    assert present()["52"][0] == ""


def test_clips_of_one_size_and_time_whose_keys_were_exchanged_keep_their_own_words(small: Any) -> None:
    clip: dict[str, Any] = {"size_bytes": 5_292_044, "modified_time": 315_532_800, "duration_seconds": 30.0}
    change(small, put={MUSIC: [song(51, **clip), song(52, **clip)]})
    sync(small)
    extract(small)

    small.plex.ask("POST", "renumber", {"keys": {"51": 52, "52": 51}})
    sync(small)

    assert (present()["51"][0], present()["52"][0]) == ("Song 52", "Song 51")
