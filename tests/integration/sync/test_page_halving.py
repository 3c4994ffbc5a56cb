"""Listings and metadata with a row for which Plex fails every time."""

from collections.abc import Iterator

import grpc
import pytest
from plex_stand_in import MUSIC, Control
from reclass.sync.v1 import sync_pb2 as pb
from reclass.sync.v1 import sync_pb2_grpc
from runtime.errors import RemoteError


@pytest.fixture
def poisoned(control: Control) -> Iterator[Control]:
    """The stand-in, as it was again afterwards."""
    yield control
    control.ask("POST", "poison", {"rating_keys": []})


def poison(control: Control, *keys: int, how: str = "status") -> None:
    control.ask("POST", "poison", {"rating_keys": keys, "how": how})


def listed(
    sync: sync_pb2_grpc.SyncServiceStub, page_size: int
) -> tuple[list[str], list[tuple[int, str, str]]]:
    keys, skipped, token = [], [], ""
    while True:
        answer = sync.ListTracks(
            pb.ListTracksRequest(library_key=MUSIC, page_size=page_size, page_token=token)
        )
        assert answer.total_size == 33
        keys += [track.rating_key for track in answer.tracks]
        skipped += [(row.position, row.before, row.after) for row in answer.skipped]
        token = answer.next_page_token
        if not token:
            return keys, skipped


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("bad", [(1001,), (1007,), (5008,), (1003, 1004), (1002, 1003, 1004, 1005)], ids=str)
def test_whatever_the_page_each_readable_row_comes_once_and_each_other_is_named(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub, page_size: int, bad: tuple[int, ...]
) -> None:
    everything, _ = listed(sync, 100)
    poison(poisoned, *bad)
    keys, skipped = listed(sync, page_size)
    assert keys == [key for key in everything if int(key) not in bad]
    assert [position for position, _, _ in skipped] == [everything.index(str(key)) for key in bad]


def test_rows_are_named_by_their_neighbours_and_broken_xml_counts_as_well(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub
) -> None:
    poison(poisoned, 1007, how="broken")
    _, skipped = listed(sync, 100)
    assert skipped == [(6, "The Band - Song 019", "The Band - Song 017")]


def test_one_row_costs_a_page_few_requests(poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub) -> None:
    listed(sync, 100)
    poison(poisoned, 1007)
    before = len(poisoned.requests())
    listed(sync, 100)
    assert len(poisoned.requests()) - before < 25


def test_metadata_of_the_others_are_read_and_the_one_is_named(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub
) -> None:
    poison(poisoned, 1007)
    asked = [str(key) for key in range(1001, 1021)] + ["999999"]
    answer = sync.GetTracks(pb.GetTracksRequest(rating_keys=asked))
    assert [track.rating_key for track in answer.tracks] == [key for key in asked[:20] if key != "1007"]
    assert list(answer.missing_rating_keys) == ["999999"]
    assert list(answer.unreadable_rating_keys) == ["1007"]
    alone = sync.GetTracks(pb.GetTracksRequest(rating_keys=["1007"]))
    assert list(alone.unreadable_rating_keys) == ["1007"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_is_down_is_said_to_be_and_no_row_is_blamed(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub, status: int
) -> None:
    listed(sync, 100)
    poisoned.fail("status", status=status, path="/library", times=-1)
    for call in (
        lambda: sync.ListTracks(pb.ListTracksRequest(library_key=MUSIC, page_size=100)),
        lambda: sync.GetTracks(pb.GetTracksRequest(rating_keys=["1001", "1002"])),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert RemoteError.from_rpc(caught.value).code == grpc.StatusCode.UNAVAILABLE
    poisoned.ask("DELETE", "faults")


def test_a_failure_that_passes_costs_no_row(poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub) -> None:
    listed(sync, 100)
    poisoned.fail("status", status=500, path="/library/sections/2/all", times=1)
    keys, skipped = listed(sync, 100)
    assert (len(keys), skipped) == (33, [])


def test_more_than_a_few_odd_songs_that_are_asked_for_together_are_named_all_of_them(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub
) -> None:
    odd = range(1001, 1019)
    poison(poisoned, *odd)
    answer = sync.GetTracks(pb.GetTracksRequest(rating_keys=[str(key) for key in (*odd, 1020)]))
    assert list(answer.unreadable_rating_keys) == [str(key) for key in odd]
    assert [track.rating_key for track in answer.tracks] == ["1020"]


def test_a_server_that_shows_no_track_at_all_is_ill_and_none_of_them_odd(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub
) -> None:
    listed(sync, 100)
    poisoned.fail("status", status=500, path="/library/metadata", times=-1)
    with pytest.raises(grpc.RpcError) as caught:
        sync.GetTracks(pb.GetTracksRequest(rating_keys=["1001", "1002"]))
    assert RemoteError.from_rpc(caught.value).code == grpc.StatusCode.UNAVAILABLE
    poisoned.ask("DELETE", "faults")


def test_a_long_run_of_rows_that_fail_is_an_ill_server(
    poisoned: Control, sync: sync_pb2_grpc.SyncServiceStub
) -> None:
    listed(sync, 100)
    poison(poisoned, *range(1001, 1026), *range(5001, 5004))
    with pytest.raises(grpc.RpcError) as caught:
        sync.ListTracks(pb.ListTracksRequest(library_key=MUSIC, page_size=100))
    assert RemoteError.from_rpc(caught.value).code == grpc.StatusCode.UNAVAILABLE
