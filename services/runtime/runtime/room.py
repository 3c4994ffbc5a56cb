"""How much of a stream of songs may be in the works: reading on waits until there is room."""

import threading


class Room:
    """Counts the songs in the works, and the bytes that were sent with them; who finds no room waits.

    A single song may be larger than `content_bytes`.
    """

    def __init__(self, *, songs: int, content_bytes: int) -> None:
        self._limit_of_songs = songs
        self._limit_of_bytes = content_bytes
        self._changed = threading.Condition()
        self._songs = 0
        self._bytes = 0
        self._closed = False

    def enter(self, size: int) -> bool:
        """Wait for room for a song with a file of so many bytes; False when the room was closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(size))
            self._songs += 1
            self._bytes += size
            return not self._closed

    def _fits(self, size: int) -> bool:
        if self._songs == 0:
            return True
        return self._songs < self._limit_of_songs and self._bytes + size <= self._limit_of_bytes

    def leave(self, size: int, songs: int = 1) -> None:
        """Songs with files of so many bytes in all were answered."""
        with self._changed:
            self._songs -= songs
            self._bytes -= size
            self._changed.notify()

    def is_empty(self) -> bool:
        """Whether nothing is in the works."""
        with self._changed:
            return self._songs == 0

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
