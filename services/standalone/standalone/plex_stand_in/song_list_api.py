"""The part of Plex's HTTP interface that is about playlists and collections, answered from the world."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from standalone.plex_stand_in import answers
from standalone.plex_stand_in.plex_api import ALBUM_TYPE, ARTIST_TYPE, page_of, xml
from standalone.plex_stand_in.song_lists import SongList, keys_in
from standalone.plex_stand_in.world import World

SUBTYPES = {ARTIST_TYPE: "artist", ALBUM_TYPE: "album"}


class SongListApi:
    """The handlers of these addresses."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Where each handler answers."""
        playlist, collection = "/playlists/{key:int}", "/library/collections/{key:int}"
        return [
            Route("/playlists", self.playlists),
            Route("/playlists", self.make_playlist, methods=["POST"]),
            *(Route(each, self.one) for each in (playlist, collection)),
            Route(f"{playlist}/items", self.members),
            Route("/library/collections", self.make_collection, methods=["POST"]),
            Route(f"{collection}/children", self.members),
            *(Route(f"{each}/items", self.add, methods=["PUT"]) for each in (playlist, collection)),
            *(Route(each, self.remove, methods=["DELETE"]) for each in (playlist, collection)),
            Route("/library/metadata/{key:int}/children", self.songs_below),
            Route("/library/metadata/{key:int}/allLeaves", self.songs_below),
        ]

    async def playlists(self, request: Request) -> Response:
        if request.query_params.get("playlistType", "audio") != "audio":
            return page_of(request, [])
        return page_of(
            request, [answers.song_list(self._world, each) for each in self._world.song_lists.playlists()]
        )

    async def make_playlist(self, request: Request) -> Response:
        query = request.query_params
        members = keys_in(query["uri"])
        made = self._world.song_lists.make(query["title"], members, library_key=None, subtype="track")
        return xml(answers.container([answers.song_list(self._world, made)]))

    async def make_collection(self, request: Request) -> Response:
        query = request.query_params
        made = self._world.song_lists.make(
            query["title"],
            keys_in(query["uri"]),
            library_key=int(query["sectionId"]),
            subtype=SUBTYPES.get(int(query["type"]), "track"),
        )
        return xml(answers.container([answers.song_list(self._world, made)]))

    async def add(self, request: Request) -> Response:
        grown = self._world.song_lists.add(self._asked(request), keys_in(request.query_params["uri"]))
        return xml(answers.container([answers.song_list(self._world, grown)]))

    async def remove(self, request: Request) -> Response:
        self._world.song_lists.remove(self._asked(request))
        return xml("")

    async def one(self, request: Request) -> Response:
        return xml(answers.container([answers.song_list(self._world, self._asked(request))]))

    async def members(self, request: Request) -> Response:
        """Tracks that went from the library went from its lists."""
        asked = self._asked(request)
        if asked.subtype == "track":
            keys = [key for key in asked.members if self._world.track(key)]
            of_playlist = asked.library_key is None
            rows = [
                answers.track(self._world, key, detailed=False, names_library=of_playlist) for key in keys
            ]
            return page_of(request, rows)
        library_key = asked.library_key or 0
        listed = {"album": answers.albums, "artist": answers.artists}[asked.subtype]
        there = listed(library_key, self._world.songs_of(library_key))
        return page_of(request, [there[key] for key in asked.members if key in there])

    async def songs_below(self, request: Request) -> Response:
        for library in self._world.libraries.values():
            songs = answers.songs_below(
                library.key, self._world.songs_of(library.key), request.path_params["key"]
            )
            if songs:
                keys = [song.rating_key for song in songs]
                return page_of(request, [answers.track(self._world, key, detailed=False) for key in keys])
        raise HTTPException(404, "no such artist or album")

    def _asked(self, request: Request) -> SongList:
        playlist = request.url.path.startswith("/playlists/")
        found = self._world.song_lists.get(request.path_params["key"], playlist=playlist)
        if found is None:
            raise HTTPException(404, "no such playlist or collection")
        return found
