"""What the service can do with a Plex server: look, list, read, write."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from runtime.telemetry import get_logger

from sync import audio, bounds, genres, listing
from sync.errors import (
    AnotherServerError,
    AnotherTrackError,
    GenresChangedError,
    InvalidRequestError,
    LibraryNotFoundError,
    NothingThereError,
    ServerFailedError,
    ServerTooOldError,
    SyncError,
    TrackNotFoundError,
    WriteNotTakenError,
)
from sync.identity import TrackIdentity, is_another
from sync.page_halving import Read, read_around
from sync.plex import Plex, PlexAddress
from sync.song_lists import ListPage, SongLists
from sync.tracks import (
    GenreState,
    MediaPart,
    MusicLibrary,
    ServerIdentity,
    Track,
    music_libraries_of,
    tracks_of,
)

TRACK_TYPE = "10"
LARGEST_BATCH = 100
# Two edits at most are needed; the others are for answers and edits that get lost on the way.
EDITS = 5
# Characters of an edit's address that any server takes; how many Plex does, nobody has said.
LONGEST_EDIT = 8000
# A server that is set back to an older version is noticed so soon, at no request more for each hundred songs read.
VERSION_AGE_SECONDS = 5.0


NAMED = 20
SAMPLE = 30
"""Tracks of a library of which one must be readable, or it is the server that is ill, and not the track asked for."""
log = get_logger(__name__)


class PlexMusic:
    """The music of one Plex server."""

    def __init__(self, plex: Plex) -> None:
        self._plex = plex
        self.song_lists = SongLists(plex)
        """Playlists, and what is in lists; collections are asked for here, by their library."""

    def close(self) -> None:
        """Close the connections."""
        self._plex.close()

    def check_server(self, address: PlexAddress | None = None) -> ServerIdentity:
        """Who answers there (else at the address in use), and which version."""
        with self._plex.held(address):
            return self._plex.identity()

    def libraries(self) -> list[MusicLibrary]:
        """The server's music libraries, without a count of their tracks."""
        return music_libraries_of(self._plex.get("/library/sections"))

    def track_count(self, library_key: str) -> int:
        """Tracks in a library."""
        return self._window(library_key, 0, 0).total_size

    def page(self, library_key: str, page_size: int, page_token: str) -> listing.Page:
        """One page of a library's tracks. One request, see `listing` for the exceptions."""
        with self._plex.held():
            return self._page(library_key, page_size, page_token)

    def _page(self, library_key: str, page_size: int, page_token: str) -> listing.Page:
        size = listing.page_size_asked(page_size)
        token = listing.PageToken.parse(page_token) if page_token else None
        if not library_key.isdecimal():
            self._no_such_library(library_key)
        fetch = listing.around_unreadable(lambda start, size: self._window(library_key, start, size))
        page = listing.next_page(fetch, size, token)
        for row in page.skipped:
            log.error(
                "Plex fails for this row of a listing; it was passed over", row=row.position, after=row.before
            )
        if not page.total_size:
            # A library of films has no tracks either.
            self._require_music(library_key)
        return page

    def _window(self, library_key: str, start: int, size: int) -> listing.Window[Track]:
        path = f"/library/sections/{library_key}/all"
        try:
            answer = self._plex.get(path, {"type": TRACK_TYPE, "sort": "id"}, start=start, size=size)
        except NothingThereError:
            self._no_such_library(library_key)
        total = bounds.count(answer.get("totalSize", ""))
        if total is None:
            raise ServerFailedError("Plex did not say how many tracks the library has; try again")
        rows = _told(tracks_of(answer, library_key))
        # A track without a key cannot be asked for by anybody.
        nameless = [start + place for place, track in enumerate(rows) if not track.rating_key]
        tracks = [track for track in rows if track.rating_key] if nameless else rows
        return listing.Window(start=start, tracks=tracks, unreadable=nameless, total_size=total)

    def _require_music(self, library_key: str) -> None:
        if library_key not in {library.key for library in self.libraries()}:
            self._no_such_library(library_key)

    def _no_such_library(self, library_key: str) -> NoReturn:
        known = ", ".join(f"{library.key} ({library.title})" for library in self.libraries())
        raise LibraryNotFoundError(
            f"there is no music library with key {library_key!r}; "
            + (f"there are {known}" if known else "this server has none at all: add one in Plex")
        )

    def collections(self, library_key: str, page_size: int, page_token: str) -> ListPage:
        """One page of a music library's collections."""
        with self._plex.held():
            self._require_music(library_key)
            return self.song_lists.collections(library_key, page_size, page_token)

    def tracks(self, rating_keys: Iterable[str]) -> tuple[list[Track], list[str], list[str]]:
        """Full metadata in the order asked for; keys that Plex does not know, and those for which it fails.

        One request, unless Plex fails.
        """
        asked = list(dict.fromkeys(rating_keys))
        if not 1 <= len(asked) <= LARGEST_BATCH:
            raise InvalidRequestError(
                f"{len(asked)} rating keys were sent: 1 to {LARGEST_BATCH} can be asked for"
            )
        with self._plex.held():
            self._require_track_genres(max_age_seconds=VERSION_AGE_SECONDS)
            read = read_around(
                lambda start, size: Read(rows=[self._details(asked[start : start + size])]),
                0,
                len(asked),
                alive=self._answers,
            )
        found = {str(track.rating_key): track for tracks in read.rows for track in tracks}
        unreadable = [asked[place] for place in read.unreadable]
        if unreadable:
            log.error("Plex fails whenever it is asked for these tracks", rating_keys=unreadable)
        missing = [key for key in asked if key not in found and key not in unreadable]
        return [found[key] for key in asked if key in found], missing, unreadable

    def _answers(self) -> bool:
        """Whether Plex reads some tracks of each library; who it is, it says without its database."""
        try:
            return all(self._shows_some(library.key) for library in self.libraries())
        except ServerFailedError:
            return False

    def _shows_some(self, library_key: str) -> bool:
        """Whether the full metadata of any of the first tracks can be read, where there are such."""
        fetch = listing.around_unreadable(lambda start, size: self._window(library_key, start, size))
        first = fetch(0, SAMPLE).tracks
        return not first or any(self._shows(track) for track in first)

    def _shows(self, track: Track) -> bool:
        try:
            return bool(self._details([str(track.rating_key)]))
        except ServerFailedError:
            return False

    def _details(self, rating_keys: Sequence[str]) -> list[Track]:
        # What is no number is no key, and has no place in an address.
        numbers = [
            key for key in rating_keys if key.isascii() and bounds.count(key, bounds.LARGEST_SIZE) is not None
        ]
        if not numbers:
            return []
        try:
            answer = self._plex.get(f"/library/metadata/{','.join(numbers)}", size=len(numbers))
            return _told(tracks_of(answer))
        except NothingThereError:
            return []

    def _require_track_genres(self, *, max_age_seconds: float) -> None:
        """An older server answers as if no track had a genre, which would be taken for the truth."""
        if self._plex.recent_identity(max_age_seconds=max_age_seconds).has_track_genres:
            return
        now = self._plex.recent_identity(max_age_seconds=0)
        if not now.has_track_genres:
            raise ServerTooOldError(
                f"Plex Media Server {now.version} has no genres on tracks: update it to 1.40.0 or later"
            )

    def _require_server(self, meant: TrackIdentity | None) -> None:
        if meant is None or not meant.server_id:
            return
        connected = self._plex.recent_identity(max_age_seconds=VERSION_AGE_SECONDS)
        if connected.machine_identifier != meant.server_id:
            raise AnotherServerError(
                f"{meant.title!r} is of another Plex server than {connected.friendly_name!r}, which is connected now; "
                "nothing was written. Connect its own again, or read the library of this one and make another dry run"
            )

    def track(self, rating_key: str) -> Track:
        """One track with full metadata."""
        # What Plex gives in place of what was asked for is another track, and not the one to write to.
        asked = bounds.count(rating_key, bounds.LARGEST_SIZE)
        found = [track for track in self._details([rating_key]) if track.rating_key == asked]
        if not found:
            raise TrackNotFoundError(
                f"Plex has no track {rating_key}: it was removed, or has a new key; list the library again"
            )
        return found[0]

    def read_audio(
        self, rating_key: str, part_key: str, span: audio.ByteSpan, meant: TrackIdentity | None = None
    ) -> Iterator[audio.AudioHeader | bytes]:
        """A header, then the bytes of a track's file. Raises AnotherTrackError where it is not the `meant` one."""
        for name, count in (("offset", span.offset), ("length", span.length)):
            if count < 0:
                raise InvalidRequestError(f"{name} is {count}: bytes are counted from 0")
        with self._plex.held() as address:
            track = self.track(rating_key)
            _refuse_another(track, meant, "Nothing was read")
            parts = audio.chosen_parts(track, part_key)
        return self._read(address, parts, span)

    def _read(
        self, address: PlexAddress, parts: Sequence[MediaPart], span: audio.ByteSpan
    ) -> Iterator[audio.AudioHeader | bytes]:
        with self._plex.held(address):
            yield from audio.read(self._plex, parts, span)

    def write_genres(
        self,
        rating_key: str,
        names: Iterable[str],
        *,
        locked: bool | None,
        expected: GenreState | None,
        meant: TrackIdentity | None = None,
    ) -> tuple[GenreState, GenreState, bool]:
        """Make a track's genres exactly `names`; `locked` None keeps the lock. Before, after, and whether it was sent.

        1. Read the full metadata; a listing may show two of five genres. Where the key has another track than the one
           that is `meant`, or the server is another one, write nothing: a copy of a server has the same tracks.
        2. If the track is as asked, send nothing.
        3. If it differs from `expected`, and not by our own unfinished work, write nothing.
        4. Send the next edit and read back, until it is as asked. What is read back decides, not what was answered:
           an edit whose answer got lost may have happened. Where it cannot come of the edit, stop.
        """
        wanted_names = genres.wanted_genres(names)
        with self._plex.held():
            self._require_track_genres(max_age_seconds=0)
            self._require_server(meant)
            track = self.track(rating_key)
            _refuse_another(track, meant, "Nothing was written")
            return self._write_genres(track, wanted_names, locked, expected)

    def _write_genres(
        self, track: Track, names: tuple[str, ...], locked: bool | None, expected: GenreState | None
    ) -> tuple[GenreState, GenreState, bool]:
        if {"tag", "Genre"} & set(track.impossible):
            raise InvalidRequestError(
                f"track {track.rating_key} ({track.title!r}) has more genres than {bounds.MOST_GENRES}, or one longer "
                f"than {bounds.LONGEST_GENRE} characters: they could not be put back. Tidy them up in Plex first"
            )
        before = track.genre_state
        wanted = GenreState(genres=names, locked=before.locked if locked is None else locked)
        if genres.as_asked(before, wanted):
            return before, before, False
        if expected is not None:
            _require_expected(track, expected, wanted)
        _require_way_back(track, wanted)
        return before, self._edit_until(track, wanted), True

    def _edit_until(self, track: Track, wanted: GenreState) -> GenreState:
        state, lost = track.genre_state, None
        for _ in range(EDITS):
            edit = genres.next_edit(state, wanted)
            if edit is None:
                return state
            lost, before = self._send(track, edit), state
            state = self.track(str(track.rating_key)).genre_state
            if lost is None and _only_order_differs(edit, state, wanted):
                return state
            if not genres.explained(state, before, wanted):
                raise GenresChangedError(
                    f"track {track.rating_key} ({track.title!r}) has {_shown(state)}, which is neither what it had nor "
                    f"{_shown(wanted)}: somebody changed it while it was written, and what they chose stays"
                )
        if genres.as_asked(state, wanted):
            return state
        if lost is not None:
            raise lost
        raise WriteNotTakenError(
            f"Plex accepted the edit of track {track.rating_key} ({track.title!r}) and has {_shown(state)} instead of "
            f"{_shown(wanted)}: check that the token is the owner's, and try the same edit in Plex"
        )

    def _send(self, track: Track, edit: genres.GenreEdit) -> SyncError | None:
        """Send one edit. A fault that may pass is returned, for the edit may have happened all the same."""
        target = {"type": TRACK_TYPE, "id": str(track.rating_key)}
        try:
            self._plex.put(f"/library/sections/{track.library_key}/all", {**target, **edit.parameters()})
        except NothingThereError:
            return None  # reading back says which track is gone
        except SyncError as error:
            if error.permanent:
                raise
            return error
        return None


def _told(tracks: list[Track]) -> list[Track]:
    """The same tracks; those with values that cannot be are named in the log."""
    odd = [track for track in tracks if track.impossible]
    for track in odd[:NAMED]:
        log.warning(
            "Plex has values of a track that cannot be; they are unknown here",
            track=str(track),
            values=track.impossible,
        )
    if len(odd) > NAMED:
        log.warning("further tracks of the same answer have values that cannot be", tracks=len(odd) - NAMED)
    return tracks


def _refuse_another(track: Track, meant: TrackIdentity | None, undone: str) -> None:
    if meant is None or not is_another(track, meant):
        return
    there = f"was given to another track: Plex has {track.title!r} there, and not {meant.title!r}"
    if track.title == meant.title:
        there = f"was given to another track, or {track.title!r} has another file now"
    elif not meant.title:
        there = f"was given to another track: Plex has {track.title!r} there"
    raise AnotherTrackError(
        f"rating key {track.rating_key} {there}. {undone}; read the library again, which tells what it is"
    )


def _require_expected(track: Track, expected: GenreState, wanted: GenreState) -> None:
    state = track.genre_state
    if state.locked == expected.locked and genres.same_genres(state.genres, expected.genres):
        return
    if genres.half_done(state, expected, wanted):
        return
    raise GenresChangedError(
        f"track {track.rating_key} ({track.title!r}) has {_shown(state)} where {_shown(expected)} was expected: "
        "somebody changed it since; nothing was written"
    )


def _require_way_back(track: Track, wanted: GenreState) -> None:
    """Refuse to take away what one request may not bring back: a list of genres is longer in an edit that adds them."""
    there = genres.next_edit(track.genre_state, wanted)
    back = genres.GenreEdit(
        genres=track.genre_state.genres, remove=wanted.genres, locked=track.genre_state.locked
    )
    if there is None or there.lock_only or back.length <= max(LONGEST_EDIT, there.length):
        return
    raise InvalidRequestError(
        f"track {track.rating_key} ({track.title!r}) has {len(track.genre_state.genres)} genres, more than one request "
        "could put back: tidy them up in Plex first"
    )


def _only_order_differs(edit: genres.GenreEdit, state: GenreState, wanted: GenreState) -> bool:
    """Whether the last edit of a round was taken by a server that orders genres by itself."""
    last = genres.same_genres(edit.genres, wanted.genres)
    return last and state.locked == wanted.locked and genres.same_genres(state.genres, wanted.genres)


def _shown(state: GenreState) -> str:
    names = ", ".join(state.genres) or "no genres"
    return f"[{names}{', locked' if state.locked else ''}]"
