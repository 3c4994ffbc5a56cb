"""The server's truth: which tracks are where, their genres and locks, and how both change."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from standalone.plex_stand_in.behaviour import Behaviour, BehaviourError, Faults, Poison
from standalone.plex_stand_in.catalogue import Catalogue, StandInLibrary, StandInTrack
from standalone.plex_stand_in.edits import Edit, GenreState, Spelling, apply, refreshed
from standalone.plex_stand_in.song_lists import SongLists
from standalone.plex_stand_in.storage import EditRecord, Storage

TRACK_TYPE = 10


class TrackMissingError(LookupError):
    """No track has this rating key."""


class World:
    """All that the stand-in knows. It belongs to the thread of the server's event loop."""

    def __init__(self, catalogue: Catalogue, folder: Path, behaviour: Behaviour | None = None) -> None:
        self.storage = Storage(folder)
        self.friendly_name = catalogue.friendly_name
        self._catalogue = catalogue
        self._first_behaviour = behaviour or Behaviour()
        self._begin()
        self._go_on()

    def start_over(self) -> None:
        """Forget every edit, move, fault and trait: be as on the first day."""
        self.storage.clear()
        self._begin()
        self._go_on()

    def _begin(self) -> None:
        self.libraries: dict[int, StandInLibrary] = {
            library.key: library for library in self._catalogue.libraries
        }
        self.machine_identifier = self._catalogue.machine_identifier
        self.behaviour = self._first_behaviour
        self.faults = Faults()
        self.poison: dict[int, Poison] = {}
        self.spelling = Spelling()
        self._tracks: dict[int, tuple[int, StandInTrack]] = {
            track.rating_key: (library.key, track)
            for library in self.libraries.values()
            for track in library.tracks
        }
        self._states: dict[int, tuple[GenreState, int]] = {}
        self._orders: dict[tuple[int, str], list[int]] = {}
        self._next_key = max(self._tracks, default=1000) + 1
        self.song_lists = SongLists(self.storage)

    def _go_on(self) -> None:
        for rating_key, library_key, track in self.storage.memberships():
            self._next_key = max(self._next_key, rating_key + 1)
            if library_key is None or track is None:
                self._tracks.pop(rating_key, None)
            else:
                self._tracks[rating_key] = (library_key, track)
        for rating_key, state, updated_time in self.storage.genre_states():
            self._states[rating_key] = (state, updated_time)
        for rating_key in self._tracks:
            self.spelling.learn(self.genre_state(rating_key).genres)

    def close(self) -> None:
        """Let go of the state's file."""
        self.storage.close()

    def track(self, rating_key: int) -> StandInTrack | None:
        """The track with this key."""
        return self._tracks[rating_key][1] if rating_key in self._tracks else None

    def library_of(self, rating_key: int) -> StandInLibrary:
        """The library in which a track is."""
        return self.libraries[self._tracks[rating_key][0]]

    def genre_state(self, rating_key: int) -> GenreState:
        """A track's genres and lock as they are now."""
        if rating_key in self._states:
            return self._states[rating_key][0]
        track = self._tracks[rating_key][1]
        return GenreState(genres=track.genres, locked=track.genres_locked)

    def updated_time(self, rating_key: int) -> int:
        """When a track was last changed, in seconds since 1970."""
        if rating_key in self._states:
            return self._states[rating_key][1]
        return self._tracks[rating_key][1].added_time

    def ordered(self, library_key: int, sort: str) -> list[int]:
        """The library's rating keys by `id`, `titleSort`, `addedAt` or `updatedAt`; made once for many pages."""
        cached = self._orders.get((library_key, sort))
        if cached is None:
            keys = sorted(key for key, (library, _) in self._tracks.items() if library == library_key)
            cached = sorted(keys, key=self._sort_key(sort)) if sort != "id" else keys
            self._orders[library_key, sort] = cached
        return cached

    def songs_of(self, library_key: int) -> list[StandInTrack]:
        """The library's tracks by title."""
        return [self._tracks[key][1] for key in self.ordered(library_key, "titleSort")]

    def _sort_key(self, sort: str) -> Callable[[int], tuple[str, int]]:
        return {
            "titleSort": lambda key: (self._tracks[key][1].title.casefold(), key),
            "addedAt": lambda key: ("", self._tracks[key][1].added_time),
            "updatedAt": lambda key: ("", self.updated_time(key)),
        }[sort]

    def edit(self, library_key: int, edit: Edit, query: str) -> None:
        """Do what a PUT asks, and record it."""
        keys = edit.rating_keys if edit.rating_keys is not None else self.ordered(library_key, "id")
        missing = [key for key in keys if key not in self._tracks]
        with self.storage.transaction():
            self._record([(key, None, None) for key in missing], source="edit", query=query)
        if missing and self.behaviour.vanished_edit == "missing":
            raise TrackMissingError(f"no item {missing[0]}")
        changes = {
            key: apply(edit, self.genre_state(key), self.behaviour, self._spell)
            for key in keys
            if key in self._tracks
        }
        self._change(changes, source="edit", query=query)

    def _spell(self, name: str) -> str:
        return self.spelling.spell(name, self.behaviour)

    def edit_by_hand(self, rating_key: int, genres: tuple[str, ...], locked: bool | None) -> None:
        """Set genres as a person does in Plex; None leaves the lock as it was."""
        if rating_key not in self._tracks:
            raise TrackMissingError(f"no track {rating_key}")
        lock = self.genre_state(rating_key).locked if locked is None else locked
        self._change({rating_key: GenreState(genres=genres, locked=lock)}, source="hand")

    def refresh(self, rating_keys: Iterable[int]) -> None:
        """Refresh metadata: genres that are not locked go."""
        states = {key: self.genre_state(key) for key in rating_keys}
        changes = {
            key: refreshed(s, self._tracks[key][1].genres, self.behaviour) for key, s in states.items()
        }
        self._change({key: after for key, after in changes.items() if after != states[key]}, source="refresh")

    def _change(self, changes: dict[int, GenreState], *, source: str, query: str = "") -> None:
        now = int(time.time())
        with self.storage.transaction():
            edits = [(key, self.genre_state(key), after) for key, after in changes.items()]
            self._record(edits, source=source, query=query)
            for key, after in changes.items():
                self._states[key] = (after, now)
                self.storage.save_state(key, after, now)
                self.spelling.learn(after.genres)
        self._forget_orders("updatedAt")

    def _record(
        self,
        edits: Iterable[tuple[int, GenreState | None, GenreState | None]],
        *,
        source: str,
        query: str,
    ) -> None:
        """Each by the track's key, with its state before and after."""
        now = time.time()
        self.storage.record(
            EditRecord(time=now, source=source, query=query, rating_key=key, before=before, after=after)
            for key, before, after in edits
        )

    def add(self, library_key: int, tracks: Iterable[StandInTrack]) -> None:
        """Put tracks into a library; a track that was removed may return."""
        with self.storage.transaction():
            for track in tracks:
                self._tracks[track.rating_key] = (library_key, track)
                self._next_key = max(self._next_key, track.rating_key + 1)
                self.storage.save_member(track.rating_key, library_key, track)
                self.spelling.learn(track.genres)
        self._forget_orders()

    def remove(self, rating_keys: Iterable[int]) -> None:
        """Take tracks out of their library."""
        with self.storage.transaction():
            for key in rating_keys:
                self._tracks.pop(key, None)
                self.storage.save_member(key, None, None)
        self._forget_orders()

    def rekey(self, rating_key: int) -> int:
        """Give the same file a new rating key, as a removal and return does; says which. Edits do not move along."""
        if rating_key not in self._tracks:
            raise TrackMissingError(f"no track {rating_key}")
        library_key, track = self._tracks[rating_key]
        guid = track.guid or f"plex://track/{rating_key:024x}"
        moved = replace(track, rating_key=self._next_key, guid=guid)
        self.remove([rating_key])
        self.add(library_key, [moved])
        return moved.rating_key

    def renumber(self, keys: Mapping[int, int], *, keep_genres: bool = True) -> None:
        """Give tracks the rating keys of others, as a server does whose database was made anew: new keys by old ones.

        Guids and files stay with the tracks, and so do genres and locks, unless they are to be those of the catalogue.
        """
        moving = {old: (*self._tracks[old], self.genre_state(old)) for old in keys if old in self._tracks}
        taken = {keys[old] for old in moving}
        if len(taken) < len(moving) or taken & (self._tracks.keys() - moving.keys()):
            raise BehaviourError("two tracks would have one rating key")
        self.remove(moving)
        now = int(time.time())
        for old, (library_key, track, state) in moving.items():
            guid = track.guid or f"plex://track/{old:024x}"
            self.add(library_key, [replace(track, rating_key=keys[old], guid=guid)])
            kept = state if keep_genres else GenreState(genres=track.genres, locked=track.genres_locked)
            self._states[keys[old]] = (kept, now)
            with self.storage.transaction():
                self.storage.save_state(keys[old], kept, now)
        self.song_lists.renumber(keys)

    def change(self, changes: Mapping[str, Any]) -> dict[int, int]:
        """Many changes at once, as a scan of the folders makes them; the new keys by the old ones.

        `remove`: keys of tracks that go. `rekey`: keys whose files are given new ones. `put`: tracks, new or with other
        fields, by the key of their library. `titles`: libraries renamed, by key. `drop`: keys of libraries that go.
        """
        self.remove(changes.get("remove", ()))
        for library_key, tracks in changes.get("put", {}).items():
            self.add(int(library_key), [StandInTrack.from_json(track) for track in tracks])
        for library_key, title in changes.get("titles", {}).items():
            self.libraries[int(library_key)] = replace(self.libraries[int(library_key)], title=title)
        for library_key in changes.get("drop", ()):
            self.remove(self.ordered(library_key, "id"))
            del self.libraries[library_key]
        return {key: self.rekey(key) for key in changes.get("rekey", ())}

    def _forget_orders(self, sort: str = "") -> None:
        for cached in [key for key in self._orders if sort in ("", key[1])]:
            del self._orders[cached]
