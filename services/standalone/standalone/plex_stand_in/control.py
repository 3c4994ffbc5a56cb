"""What a test or a person may ask of the stand-in that Plex has no address for, under /stand-in/."""

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
            Route("/stand-in/tracks", self.add, methods=["POST"]),
            Route("/stand-in/tracks/{key:int}", self.track),
            Route("/stand-in/tracks/{key:int}", self.remove, methods=["DELETE"]),
            Route("/stand-in/tracks/{key:int}/genres", self.edit_by_hand, methods=["PUT"]),
            Route("/stand-in/tracks/{key:int}/rekey", self.rekey, methods=["POST"]),
            Route("/stand-in/renumber", self.renumber, methods=["POST"]),
            Route("/stand-in/song-lists", self.change_lists, methods=["POST"]),
            Route("/stand-in/server", self.become, methods=["POST"]),
            Route("/stand-in/poison", self.poison, methods=["POST"]),
            Route("/stand-in/changes", self.change, methods=["POST"]),
            Route("/stand-in/refresh", self.refresh, methods=["POST"]),
            Route("/stand-in/behaviour", self.behaviour, methods=["GET", "POST"]),
            Route("/stand-in/faults", self.add_fault, methods=["POST"]),
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

    async def add(self, request: Request) -> JSONResponse:
        """Add tracks: {"library_key": 2, "tracks": [{...}]}."""
        body = await request.json()
        self._world.add(body["library_key"], [StandInTrack.from_json(track) for track in body["tracks"]])
        return JSONResponse({})

    async def remove(self, request: Request) -> JSONResponse:
        """Take a track away."""
        self._world.remove([request.path_params["key"]])
        return JSONResponse({})

    async def rekey(self, request: Request) -> JSONResponse:
        """Give a track's file a new rating key."""
        return JSONResponse({"rating_key": self._world.rekey(request.path_params["key"])})

    async def change(self, request: Request) -> JSONResponse:
        """Many changes at once: see `World.change`."""
        return JSONResponse({"rekeyed": self._world.change(await request.json())})

    async def edit_by_hand(self, request: Request) -> JSONResponse:
        """Set genres as a person does: {"genres": [...], "locked": true}; without `locked` the lock stays."""
        body = await request.json()
        self._world.edit_by_hand(request.path_params["key"], tuple(body["genres"]), body.get("locked"))
        return JSONResponse(self._state(request.path_params["key"]))

    async def poison(self, request: Request) -> JSONResponse:
        """Let every answer fail that one of these tracks is in: {"rating_keys": [7], "how": "status" or "broken"}."""
        body = await request.json()
        self._world.poison = dict.fromkeys(body["rating_keys"], body.get("how", "status"))
        return JSONResponse({})

    async def renumber(self, request: Request) -> JSONResponse:
        """Give tracks the keys of others: {"keys": {"1": 2, "2": 1}, "keep_genres": true}."""
        body = await request.json()
        keys = {int(old): int(new) for old, new in body["keys"].items()}
        self._world.renumber(keys, keep_genres=body.get("keep_genres", True))
        return JSONResponse({})

    async def change_lists(self, request: Request) -> JSONResponse:
        """Playlists and collections put back, and given other titles and keys.

        {"put": [{...}], "titles": {"1": "A"}, "keys": {"1": 2, "2": 1}}
        """
        body = await request.json()
        for each in body.get("put", ()):
            self._world.song_lists.put(SongList(**each | {"members": tuple(each["members"])}))
        for key, title in body.get("titles", {}).items():
            self._world.song_lists.retitle(int(key), title)
        self._world.song_lists.rekey({int(old): int(new) for old, new in body.get("keys", {}).items()})
        return JSONResponse({})

    async def become(self, request: Request) -> JSONResponse:
        """Be another server from now on: {"machine_identifier": "..."}."""
        self._world.machine_identifier = (await request.json())["machine_identifier"]
        return JSONResponse({})

    async def refresh(self, request: Request) -> JSONResponse:
        """Refresh the metadata of {"rating_keys": [...]}."""
        self._world.refresh((await request.json())["rating_keys"])
        return JSONResponse({})

    async def behaviour(self, request: Request) -> JSONResponse:
        """The traits; POST changes those that it names."""
        if request.method == "POST":
            self._world.behaviour = self._world.behaviour.changed(await request.json())
        return JSONResponse(asdict(self._world.behaviour))

    async def add_fault(self, request: Request) -> JSONResponse:
        """Let something go wrong with the next requests: see `Fault`."""
        self._world.faults.add(Fault.from_json(await request.json()))
        return JSONResponse({})

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


async def refused(_: Request, error: Exception) -> JSONResponse:
    """What a request that makes no sense is told."""
    status = 404 if isinstance(error, TrackMissingError) else 400
    return JSONResponse({"error": str(error)}, status_code=status)


REFUSALS = (BehaviourError, TrackMissingError)
