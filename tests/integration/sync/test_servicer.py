"""The contract of SyncService, call by call, over a socket against the stand-in."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from plex_stand_in import AUDIO, LONG_TITLE, MUSIC, ODD, ODD_KEY, Control
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError
from waiting import until

Sync = sync_pb2_grpc.SyncServiceStub
TRACKS = 25 + len(ODD)


def listed(sync: Sync, page_size: int) -> Iterator[pb.ListTracksResponse]:
    token = ""
    while True:
        page = sync.ListTracks(pb.ListTracksRequest(library_key=MUSIC, page_size=page_size, page_token=token))
        yield page
        token = page.next_page_token
        if not token:
            return


def get(sync: Sync, rating_key: int) -> pb.Track:
    return sync.GetTracks(pb.GetTracksRequest(rating_keys=[str(rating_key)])).tracks[0]


def refused(call: Callable[[], object]) -> RemoteError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return RemoteError.from_rpc(caught.value)


def test_check_server_says_who_answers_and_that_it_knows_genres_on_tracks(sync: Sync) -> None:
    server = sync.CheckServer(pb.CheckServerRequest())

    assert server.friendly_name == "Stand-in for Plex"
    assert server.machine_identifier
    assert server.version.startswith("1.41")
    assert server.supports_track_genres
    assert server.server_time.seconds == pytest.approx(time.time(), abs=30), (
        "its Date, of the same clock here"
    )


def test_list_libraries_names_music_only_and_counts_tracks_not_artists(sync: Sync) -> None:
    libraries = sync.ListLibraries(pb.ListLibrariesRequest()).libraries

    assert [(library.title, library.track_count) for library in libraries] == [
        ("Music", TRACKS),
        ("Audiobooks", 0),
    ]
    assert libraries[0].locations
    assert libraries[0].uuid


def test_list_tracks_gives_every_track_once_in_the_order_of_keys_whatever_the_page_size(sync: Sync) -> None:
    for page_size in (1, 7, 11, 5000):
        pages = list(listed(sync, page_size))
        keys = [int(track.rating_key) for page in pages for track in page.tracks]

        assert keys == [*range(1001, 1026), *range(ODD_KEY, ODD_KEY + len(ODD))]
        assert {page.total_size for page in pages} == {TRACKS}


def test_list_tracks_costs_one_request_to_plex_a_page_and_none_a_track(sync: Sync, control: Control) -> None:
    pages = list(listed(sync, 10))

    made = [request for request in control.requests() if request["path"] != "/"]
    assert len(made) == len(pages) == 4


@pytest.mark.parametrize("shown", ["none", "two", "all"])
def test_list_tracks_never_passes_on_the_genres_of_a_listing(
    sync: Sync, control: Control, shown: str
) -> None:
    control.behave(listing_genres=shown)

    assert not any(track.genres for page in listed(sync, 1000) for track in page.tracks)


def test_list_tracks_of_an_empty_library_is_an_empty_page(sync: Sync) -> None:
    page = sync.ListTracks(pb.ListTracksRequest(library_key="3"))

    assert (len(page.tracks), page.total_size, page.next_page_token) == (0, 0, "")


@pytest.mark.parametrize("key", ["99", "1", "Music", "2/../../x", ""])
def test_list_tracks_of_what_is_no_music_library_names_those_that_exist(sync: Sync, key: str) -> None:
    error = refused(lambda: sync.ListTracks(pb.ListTracksRequest(library_key=key)))

    assert (error.code, error.reason, error.permanent) == (
        grpc.StatusCode.NOT_FOUND,
        "LIBRARY_NOT_FOUND",
        True,
    )
    assert "2 (Music), 3 (Audiobooks)" in error.message


@pytest.mark.parametrize(
    "request_",
    [
        pb.ListTracksRequest(library_key=MUSIC, page_size=5001),
        pb.ListTracksRequest(library_key=MUSIC, page_size=-1),
        pb.ListTracksRequest(library_key=MUSIC, page_token="made up"),
    ],
)
def test_list_tracks_refuses_sizes_and_tokens_that_it_cannot_serve(
    sync: Sync, request_: pb.ListTracksRequest
) -> None:
    assert refused(lambda: sync.ListTracks(request_)).reason == "INVALID_REQUEST"


def test_get_tracks_carries_all_genres_the_lock_and_the_album_s_year_in_one_request(
    sync: Sync, control: Control
) -> None:
    control.ask("PUT", "tracks/1002/genres", {"genres": ["A", "B", "C", "D"], "locked": True})
    sync.GetTracks(pb.GetTracksRequest(rating_keys=["1001"]))
    before = len(control.requests())

    answer = sync.GetTracks(pb.GetTracksRequest(rating_keys=["1003", "1002", "1001"]))

    assert [track.rating_key for track in answer.tracks] == ["1003", "1002", "1001"]
    assert (list(answer.tracks[1].genres), answer.tracks[1].genres_locked) == (["A", "B", "C", "D"], True)
    assert (list(answer.tracks[2].genres), answer.tracks[2].genres_locked) == (
        ["Rock", "Pop", "Soundtrack"],
        False,
    )
    assert answer.tracks[2].year == 1999
    assert answer.tracks[2].library_key == MUSIC
    assert len(control.requests()) <= before + 2  # a second thread says hello first


def test_get_tracks_names_the_keys_that_plex_does_not_know(sync: Sync) -> None:
    asked = ["4711", "1001", "no-key", "1,2", "../sections"]

    answer = sync.GetTracks(pb.GetTracksRequest(rating_keys=asked))

    assert [track.rating_key for track in answer.tracks] == ["1001"]
    assert list(answer.missing_rating_keys) == ["4711", "no-key", "1,2", "../sections"]


def test_get_tracks_with_no_known_key_at_all_is_no_error(sync: Sync) -> None:
    answer = sync.GetTracks(pb.GetTracksRequest(rating_keys=["4711"]))

    assert list(answer.missing_rating_keys) == ["4711"]


@pytest.mark.parametrize("count", [0, 101])
def test_get_tracks_takes_1_to_100_keys(sync: Sync, count: int) -> None:
    request = pb.GetTracksRequest(rating_keys=[str(key) for key in range(count)])

    assert refused(lambda: sync.GetTracks(request)).reason == "INVALID_REQUEST"


def test_odd_tracks_come_through_unharmed(sync: Sync) -> None:
    no_media, no_genres, many, separators, unknown, compilation, scripts, long = (
        get(sync, ODD_KEY + i) for i in range(len(ODD))
    )

    assert not no_media.parts
    assert not no_genres.genres
    assert len(many.genres) == 12
    assert list(separators.genres) == ["Drum & Bass, UK", "Hip-Hop/Rap", "R&B; soul", "100% Pure", "a+b"]
    assert (unknown.year, unknown.duration_seconds, unknown.track_number) == (0, 0.0, 0)
    assert (compilation.album_artist, compilation.artist) == ("Various Artists", "Someone Else")
    assert scripts.title == "שלום Ünïcödé e\u0301 🎸 <&\"'>"
    assert long.title == LONG_TITLE


def test_read_audio_gives_the_header_and_then_the_file_in_small_pieces(sync: Sync) -> None:
    header, *pieces = sync.ReadAudio(pb.ReadAudioRequest(rating_key="1001"))

    assert (header.header.file_name, header.header.size_bytes) == ("song.mp3", len(AUDIO))
    assert b"".join(piece.data for piece in pieces) == AUDIO
    assert max(len(piece.data) for piece in pieces) <= 128 * 1024


def test_read_audio_resumes_where_it_is_told_to(sync: Sync, control: Control) -> None:
    _, *pieces = sync.ReadAudio(pb.ReadAudioRequest(rating_key="1001", offset=1_234_567))

    assert b"".join(piece.data for piece in pieces) == AUDIO[1_234_567:]


def test_read_audio_beyond_the_end_says_so(sync: Sync) -> None:
    error = refused(
        lambda: list(sync.ReadAudio(pb.ReadAudioRequest(rating_key="1001", offset=len(AUDIO) + 1)))
    )

    assert error.code == grpc.StatusCode.OUT_OF_RANGE


def test_read_audio_of_a_length_gives_the_whole_files_size_and_kind_and_these_bytes(sync: Sync) -> None:
    request = pb.ReadAudioRequest(rating_key="1001", offset=1000, length=500_000)

    header, *pieces = sync.ReadAudio(request)

    assert (header.header.size_bytes, header.header.media_type) == (len(AUDIO), "audio/mpeg")
    assert b"".join(piece.data for piece in pieces) == AUDIO[1000:501_000]


@pytest.mark.parametrize(("offset", "length"), [(-1, 0), (0, -1), (-(2**63), 2**63 - 1)])
def test_read_audio_counts_bytes_from_nought(sync: Sync, offset: int, length: int) -> None:
    request = pb.ReadAudioRequest(rating_key="1001", offset=offset, length=length)

    error = refused(lambda: list(sync.ReadAudio(request)))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


@pytest.mark.parametrize("length", [0, 60_000_000])
def test_who_ends_reading_in_the_middle_ends_it_at_plex_too(
    sync: Sync, control: Control, tmp_path: Path, length: int
) -> None:
    with (tmp_path / "long.flac").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    track = {"rating_key": 4003, "title": "Long", "file": str(tmp_path / "long.flac")}
    control.ask("POST", "tracks", {"library_key": int(MUSIC), "tracks": [track]})
    answers = sync.ReadAudio(pb.ReadAudioRequest(rating_key="4003", length=length))
    next(answers)
    next(answers)

    answers.cancel()

    until(lambda: states_of_files(control) == ["broken off"], seconds=10)


def states_of_files(control: Control) -> list[str]:
    """What became of the requests for files."""
    files = (each for each in control.requests() if each["path"].startswith("/library/parts/"))
    return [each.get("state", "answering") for each in files]


@pytest.mark.parametrize("fault", ["cut", "shorten"])
def test_read_audio_that_ends_before_the_file_is_data_loss(sync: Sync, control: Control, fault: str) -> None:
    control.fail(fault, path="/library/parts/")

    error = refused(lambda: list(sync.ReadAudio(pb.ReadAudioRequest(rating_key="1001"))))

    assert (error.code, error.reason, error.permanent) == (
        grpc.StatusCode.DATA_LOSS,
        "AUDIO_CUT_SHORT",
        False,
    )
    assert f"of {len(AUDIO)}" in error.message


@pytest.mark.parametrize(
    ("rating_key", "part_key", "reason"),
    [
        ("4711", "", "TRACK_NOT_FOUND"),
        (str(ODD_KEY), "", "NO_MEDIA"),
        ("1001", "/library/parts/1/2/x", "NO_MEDIA"),
    ],
)
def test_read_audio_of_what_is_not_there_says_what_is_missing(
    sync: Sync, rating_key: str, part_key: str, reason: str
) -> None:
    error = refused(
        lambda: list(sync.ReadAudio(pb.ReadAudioRequest(rating_key=rating_key, part_key=part_key)))
    )

    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, reason)


def meant(sync: Sync, rating_key: int) -> pb.TrackIdentity:
    """What a caller has noted of a track."""
    track = get(sync, rating_key)
    return pb.TrackIdentity(guid=track.guid, file=track.parts[0].file, title=track.title, artist=track.artist)


def fresh_songs(control: Control, *keys: int) -> None:
    """Songs of different files and guids beside the plain ones, which share a file."""
    tracks = [
        {"rating_key": key, "title": f"Own {key}", "file": f"/music/own {key}.mp3", "guid": f"plex://track/{key}",
         "artist": "A", "album_artist": "A"}
        for key in keys
    ]  # fmt: skip
    control.ask("POST", "tracks", {"library_key": int(MUSIC), "tracks": tracks})


@pytest.mark.parametrize("offset", [0, 100])
def test_read_audio_of_a_key_that_another_track_has_now_gives_none_of_its_bytes(
    sync: Sync, control: Control, offset: int
) -> None:
    fresh_songs(control, 4001, 4002)
    noted = meant(sync, 4001)
    control.ask("POST", "renumber", {"keys": {"4001": 4002, "4002": 4001}})
    request = pb.ReadAudioRequest(rating_key="4001", track=noted, offset=offset)

    error = refused(lambda: list(sync.ReadAudio(request)))

    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ANOTHER_TRACK")
    assert "'Own 4002'" in error.message
    assert "'Own 4001'" in error.message
    assert "Nothing was read" in error.message
    assert "read the library again" in error.message
    assert error.permanent
    assert not [each for each in control.requests() if each["path"].startswith("/library/parts/")]


def test_read_audio_of_the_track_that_is_meant_gives_its_bytes(sync: Sync, control: Control) -> None:
    noted = meant(sync, 1001)
    _, *pieces = sync.ReadAudio(pb.ReadAudioRequest(rating_key="1001", track=noted))
    assert b"".join(piece.data for piece in pieces) == AUDIO
    _, *pieces = sync.ReadAudio(
        pb.ReadAudioRequest(rating_key="1001", track=pb.TrackIdentity(guid=noted.guid))
    )
    assert b"".join(piece.data for piece in pieces) == AUDIO


def test_write_genres_sets_exactly_the_list_and_locks_it(sync: Sync, control: Control) -> None:
    answer = sync.WriteGenres(pb.WriteGenresRequest(rating_key="1001", genres=["Jazz", "Rock"]))

    assert (list(answer.before.genres), answer.before.locked) == (["Rock", "Pop", "Soundtrack"], False)
    assert (list(answer.after.genres), answer.after.locked, answer.changed) == (["Jazz", "Rock"], True, True)
    assert control.state(1001) == (["Jazz", "Rock"], True)


def test_write_genres_again_sends_nothing(sync: Sync, control: Control) -> None:
    request = pb.WriteGenresRequest(rating_key="1001", genres=["jazz"])
    sync.WriteGenres(request)
    sent = len(control.edits())

    answer = sync.WriteGenres(request)

    assert not answer.changed
    assert len(control.edits()) == sent


def test_write_genres_that_differ_from_what_is_expected_writes_nothing(sync: Sync, control: Control) -> None:
    control.ask("PUT", "tracks/1001/genres", {"genres": ["By hand"], "locked": True})
    expected = pb.GenreState(genres=["Rock", "Pop", "Soundtrack"])

    request = pb.WriteGenresRequest(rating_key="1001", genres=["Jazz"], expected=expected)
    error = refused(lambda: sync.WriteGenres(request))

    assert (error.code, error.reason, error.permanent) == (grpc.StatusCode.ABORTED, "GENRES_CHANGED", True)
    assert "[By hand, locked]" in error.message
    assert control.state(1001) == (["By hand"], True)
    assert not [edit for edit in control.edits() if edit["source"] == "edit"]


def test_write_genres_of_a_track_that_is_gone_says_so(sync: Sync) -> None:
    assert (
        refused(lambda: sync.WriteGenres(pb.WriteGenresRequest(rating_key="4711", genres=["x"]))).reason
        == "TRACK_NOT_FOUND"
    )


def test_many_callers_at_once_get_and_write_each_its_own(sync: Sync, control: Control) -> None:
    def rewrite(rating_key: int) -> tuple[list[str], bytes]:
        genre = f"Genre {rating_key}"
        sync.WriteGenres(pb.WriteGenresRequest(rating_key=str(rating_key), genres=[genre]))
        _, *pieces = sync.ReadAudio(pb.ReadAudioRequest(rating_key=str(rating_key), offset=rating_key))
        return list(get(sync, rating_key).genres), b"".join(piece.data for piece in pieces)

    keys = range(1001, 1026)
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(rewrite, keys))

    assert answers == [([f"Genre {key}"], AUDIO[key:]) for key in keys]


def test_write_genres_to_another_server_than_the_track_is_of_writes_nothing(
    sync: Sync, control: Control
) -> None:
    server = sync.CheckServer(pb.CheckServerRequest()).machine_identifier
    noted = meant(sync, 1001)
    noted.server_id = "another"
    request = pb.WriteGenresRequest(rating_key="1001", genres=["Jazz"], track=noted)

    error = refused(lambda: sync.WriteGenres(request))

    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ANOTHER_SERVER")
    assert "Stand-in for Plex" in error.message
    assert not control.edits()
    request.track.server_id = server
    assert list(sync.WriteGenres(request).after.genres) == ["Jazz"]
