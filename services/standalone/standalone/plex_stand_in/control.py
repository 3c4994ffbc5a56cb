"""What a test or a person may ask of the stand-in that Plex has no address for, under /stand-in/."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from standalone.plex_stand_in.behaviour import BehaviourError, Fault
from standalone.plex_stand_in.catalogue import StandInTrack
from standalone.plex_stand_in.front import Front
from standalone.plex_stand_in.song_lists import SongList
from standalone.plex_stand_in.world import TrackMissingError, World


class Control:
    """The handlers of the control interface; JSON in and out, with Plex's token."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.front: Front | None = None

    def routes(self) -> list[Route]:
        """Where each handler answers."""
        return [
            Route("/stand-in/edits", self.edits),
            Route("/stand-in/requests", self.requests),
            Route("/stand-in/tracks", self.tracks),
            _order("/stand-in/tracks", self.add),
            Route("/stand-in/tracks/{key:int}", self.track),
            Route("/stand-in/tracks/{key:int}", self.remove, methods=["DELETE"]),
            Route("/stand-in/tracks/{key:int}/genres", self.edit_by_hand, methods=["PUT"]),
            Route("/stand-in/tracks/{key:int}/rekey", self.rekey, methods=["POST"]),
            _order("/stand-in/renumber", self.renumber),
            _order("/stand-in/song-lists", self.change_lists),
            _order("/stand-in/server", self.become),
            _order("/stand-in/poison", self.poison),
            _order("/stand-in/changes", self.change),
            _order("/stand-in/refresh", self.refresh),
            Route("/stand-in/behaviour", self.behaviour, methods=["GET", "POST"]),
            _order("/stand-in/faults", self.add_fault),
            Route("/stand-in/faults", self.clear_faults, methods=["DELETE"]),
            Route("/stand-in/reset", self.start_over, methods=["POST"]),
        ]

    async def edits(self, request: Request) -> JSONResponse:
        """Every edit after `?after=<id>`, one record a track, with its state before and after."""
        return JSONResponse({"edits": self._world.storage.edits(int(request.query_params.get("after", "0")))})

    async def requests(self, _: Request) -> JSONResponse:
        """The requests to Plex's own addresses since the start."""
        return JSONResponse({"requests": list(self.front.requests) if self.front else []})

    async def tracks(self, request: Request) -> JSONResponse:
        """State of a library's tracks: `?library=<key>&start=0&size=1000`."""
        query = request.query_params
        keys = self._world.ordered(int(query["library"]), "id")
        start = int(query.get("start", "0"))
        window = keys[start : start + int(query.get("size", "1000"))]
        return JSONResponse({"total": len(keys), "tracks": [self._state(key) for key in window]})

    async def track(self, request: Request) -> JSONResponse:
        """State of one track."""
        return JSONResponse(self._state(request.path_params["key"]))

    def _state(self, rating_key: int) -> dict[str, Any]:
        track = self._world.track(rating_key)
        if track is None:
            raise TrackMissingError(f"no track {rating_key}")
        state = self._world.genre_state(rating_key)
        return {
            "rating_key": rating_key,
            "library_key": self._world.library_of(rating_key).key,
            "title": track.title,
            "file": track.file,
            "genres": list(state.genres),
            "locked": state.locked,
        }

    def add(self, body: Any) -> None:
        """Add tracks: {"library_key": 2, "tracks": [{...}]}."""
        self._world.add(body["library_key"], [StandInTrack.from_json(track) for track in body["tracks"]])

    async def remove(self, request: Request) -> JSONResponse:
        """Take a track away."""
        self._world.remove([request.path_params["key"]])
        return JSONResponse({})

    async def rekey(self, request: Request) -> JSONResponse:
        """Give a track's file a new rating key."""
        return JSONResponse({"rating_key": self._world.rekey(request.path_params["key"])})

    def change(self, body: Any) -> dict[str, Any]:
        """Many changes at once: see `World.change`."""
        return {"rekeyed": self._world.change(body)}

    async def edit_by_hand(self, request: Request) -> JSONResponse:
        """Set genres as a person does: {"genres": [...], "locked": true}; without `locked` the lock stays."""
        body = await request.json()
        self._world.edit_by_hand(request.path_params["key"], tuple(body["genres"]), body.get("locked"))
        return JSONResponse(self._state(request.path_params["key"]))

    def poison(self, body: Any) -> None:
        """Let every answer fail that one of these tracks is in: {"rating_keys": [7], "how": "status" or "broken"}."""
        self._world.poison = dict.fromkeys(body["rating_keys"], body.get("how", "status"))

    def renumber(self, body: Any) -> None:
        """Give tracks the keys of others: {"keys": {"1": 2, "2": 1}, "keep_genres": true}."""
        keys = {int(old): int(new) for old, new in body["keys"].items()}
        self._world.renumber(keys, keep_genres=body.get("keep_genres", True))

    def change_lists(self, body: Any) -> None:
        """Playlists and collections put back, and given other titles and keys.

        {"put": [{...}], "titles": {"1": "A"}, "keys": {"1": 2, "2": 1}}
        """
        for each in body.get("put", ()):
            self._world.song_lists.put(SongList(**each | {"members": tuple(each["members"])}))
        for key, title in body.get("titles", {}).items():
            self._world.song_lists.retitle(int(key), title)
        self._world.song_lists.rekey({int(old): int(new) for old, new in body.get("keys", {}).items()})

    def become(self, body: Any) -> None:
        """Be another server from now on: {"machine_identifier": "..."}."""
        self._world.machine_identifier = body["machine_identifier"]

    def refresh(self, body: Any) -> None:
        """Refresh the metadata of {"rating_keys": [...]}."""
        self._world.refresh(body["rating_keys"])

    async def behaviour(self, request: Request) -> JSONResponse:
        """The traits; POST changes those that it names."""
        if request.method == "POST":
            self._world.behaviour = self._world.behaviour.changed(await request.json())
        return JSONResponse(asdict(self._world.behaviour))

    def add_fault(self, body: Any) -> None:
        """Let something go wrong with the next requests: see `Fault`."""
        self._world.faults.add(Fault.from_json(body))

    async def clear_faults(self, _: Request) -> JSONResponse:
        """Behave from now on."""
        self._world.faults.clear()
        return JSONResponse({})

    async def start_over(self, _: Request) -> JSONResponse:
        """Forget everything that happened since the first start."""
        self._world.start_over()
        if self.front:
            self.front.requests.clear()
        return JSONResponse({})


def _order(path: str, work: Callable[[Any], dict[str, Any] | None]) -> Route:
    """Where the body of a POST goes to `work`, and what comes of that is the answer."""

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(work(await request.json()) or {})

    return Route(path, answer, methods=["POST"])


async def refused(_: Request, error: Exception) -> JSONResponse:
    """What a request that makes no sense is told."""
    status = 404 if isinstance(error, TrackMissingError) else 400
    return JSONResponse({"error": str(error)}, status_code=status)


REFUSALS = (BehaviourError, TrackMissingError)
