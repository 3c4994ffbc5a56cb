"""How much of a stream is in the works at the same time."""

import threading

from runtime.room import Room


def enters(room: Room, size: int) -> threading.Thread:
    thread = threading.Thread(target=room.enter, args=(size,))
    thread.start()
    return thread


def test_a_song_waits_until_another_one_has_left() -> None:
    room = Room(songs=2, content_bytes=100)
    assert room.enter(0)
    assert room.enter(0)
    waiting = enters(room, 0)
    waiting.join(0.1)
    assert waiting.is_alive()
    room.leave(0)
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_file_waits_until_there_is_room_for_its_bytes_and_one_alone_may_be_larger() -> None:
    room = Room(songs=4, content_bytes=100)
    assert room.enter(1000)
    waiting = enters(room, 1)
    waiting.join(0.1)
    assert waiting.is_alive()
    room.leave(1000)
    waiting.join(10)
    assert not waiting.is_alive()
    assert room.enter(99)


def test_a_room_that_is_closed_lets_nobody_wait() -> None:
    room = Room(songs=1, content_bytes=100)
    assert room.enter(0)
    waiting = enters(room, 0)
    room.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert not room.enter(0)


def test_songs_may_leave_together() -> None:
    room = Room(songs=2, content_bytes=100)
    assert room.enter(30)
    assert room.enter(70)
    room.leave(100, songs=2)
    assert room.is_empty()
    assert room.enter(100), "their bytes have left too"
