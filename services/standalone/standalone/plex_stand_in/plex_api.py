"""The part of Plex's HTTP interface that a music client uses, answered from the world."""

import re
from collections.abc import Sequence
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from standalone.plex_stand_in import answers
from standalone.plex_stand_in.behaviour import Fault
from standalone.plex_stand_in.catalogue import StandInLibrary
from standalone.plex_stand_in.edits import Edit, EditError
from standalone.plex_stand_in.world import TRACK_TYPE, TrackMissingError, World

ARTIST_TYPE, ALBUM_TYPE, COLLECTION_TYPE = 8, 9, 18
SORTS = ("id", "titleSort", "addedAt", "updatedAt")
# Parameters of a listing that change nothing here; any other is refused, so that no test relies on one by accident.
HARMLESS = {"type", "sort", "X-Plex-Token", "X-Plex-Container-Start", "X-Plex-Container-Size"}
SHORT_PAGE = "short_page"
PLACE = re.compile(rb"[0-9]+")


class PlexApi:
    """The handlers of Plex's addresses."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Where each handler answers."""
        return [
            Route("/", self.root),
            Route("/identity", self.root),
            Route("/library", self.library),
            Route("/library/sections", self.sections),
            Route("/library/sections/", self.sections),
            Route("/library/sections/{key:int}/all", self.items, methods=["GET"]),
            Route("/library/sections/{key:int}/all", self.edit, methods=["PUT"]),
            Route("/library/sections/{key:int}/refresh", self.refresh_section, methods=["GET", "POST"]),
            Route("/library/metadata/{keys}", self.metadata),
            Route("/library/metadata/{key:int}/refresh", self.refresh_track, methods=["PUT"]),
            Route("/library/parts/{part_id:int}/{modified:int}/{name}", self.part),
        ]

    async def root(self, _: Request) -> Response:
        return xml(answers.container([], **answers.identity(self._world)))

    async def library(self, _: Request) -> Response:
        return xml(answers.container(identifier="com.plexapp.plugins.library", title1="Plex Library"))

    async def sections(self, _: Request) -> Response:
        listed = [answers.section(library) for library in self._world.libraries.values()]
        return xml(answers.container(listed, title1="Plex Library"))

    async def items(self, request: Request) -> Response:
        library = self._section(request)
        _refuse_unknown(request)
        kind = request.query_params.get("type")
        if library.type == "artist" and kind == str(TRACK_TYPE):
            return self._tracks(request, library)
        return page_of(request, self._others(library, int(kind or ARTIST_TYPE)))

    def _tracks(self, request: Request, library: StandInLibrary) -> Response:
        sort, _, direction = (
            request.query_params.get("sort", "titleSort").removeprefix("track.").partition(":")
        )
        if sort not in SORTS:
            raise HTTPException(400, f"the stand-in cannot sort by {sort!r}")
        keys = self._world.ordered(library.key, "titleSort" if self._world.behaviour.ignores_sort else sort)
        start, stop, paging = _window(request, len(keys))
        window = keys[::-1][start:stop] if direction == "desc" else keys[start:stop]
        fault: Fault | None = request.scope.get("fault")
        if fault is not None and fault.kind == SHORT_PAGE:
            window = window[: max(0, len(window) - fault.rows)]
        if poisoned := self._poisoned(window):
            return poisoned
        tracks = [answers.track(self._world, key, detailed=False) for key in window]
        return xml(answers.container(tracks, librarySectionID=library.key, **paging))

    def _others(self, library: StandInLibrary, kind: int) -> list[str]:
        if library.type != "artist":
            return answers.films(library) if kind != TRACK_TYPE else []
        if kind == COLLECTION_TYPE:
            return [
                answers.song_list(self._world, each)
                for each in self._world.song_lists.collections(library.key)
            ]
        tracks = self._world.songs_of(library.key)
        listed = answers.albums if kind == ALBUM_TYPE else answers.artists
        return list(listed(library.key, tracks).values())

    async def edit(self, request: Request) -> Response:
        library = self._section(request)
        try:
            edit = Edit.parse(request.query_params.multi_items())
        except EditError as error:
            raise HTTPException(400, str(error)) from error
        if edit.type != TRACK_TYPE:
            raise HTTPException(400, "the stand-in edits tracks only")
        try:
            self._world.edit(library.key, edit, request.url.query)
        except TrackMissingError as error:
            raise HTTPException(404, str(error)) from error
        return xml("")

    async def refresh_section(self, request: Request) -> Response:
        library = self._section(request)
        if request.query_params.get("force") == "1":
            self._world.refresh(self._world.ordered(library.key, "id"))
        return xml("")

    async def refresh_track(self, request: Request) -> Response:
        self._world.refresh(self._known([request.path_params["key"]]))
        return xml("")

    async def metadata(self, request: Request) -> Response:
        keys = self._known([int(key) for key in request.path_params["keys"].split(",") if key.isdigit()])
        if poisoned := self._poisoned(keys):
            return poisoned
        listed = [answers.track(self._world, key, detailed=True) for key in keys]
        return xml(answers.container(listed, librarySectionID=self._world.library_of(keys[0]).key))

    def _poisoned(self, keys: Sequence[int]) -> Response | None:
        """What is answered where a track is among them that breaks its page."""
        how = next((self._world.poison[key] for key in keys if key in self._world.poison), None)
        if how == "broken":
            return xml('<MediaContainer size="1"><Track title="&#0;"/></MediaContainer>')
        if how is not None:
            raise HTTPException(500, "a row breaks this page")
        return None

    def _known(self, keys: Sequence[int]) -> list[int]:
        known = [key for key in keys if self._world.track(key)]
        if not known:
            raise HTTPException(404, "no such item")
        return known

    async def part(self, request: Request) -> Response:
        rating_key, number = divmod(request.path_params["part_id"], answers.PARTS_PER_TRACK)
        track = self._world.track(rating_key)
        if track is None or number >= sum(len(files) for files in track.versions()):
            raise HTTPException(404, "no such part")
        path = Path(answers.local_path(track, number))
        if not path.is_file():
            raise HTTPException(404, "the file is gone")
        request.scope["headers"] = [self._as_heeded(each) for each in request.scope["headers"]]
        return FileResponse(path, media_type=answers.MEDIA_TYPES.get(path.suffix, answers.ANY_BYTES))

    def _as_heeded(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        """A header as the server takes it: which part of a file is wanted, it may pass over or mistake."""
        if header[0] != b"range":
            return header
        behaviour = self._world.behaviour
        if not behaviour.honours_range:
            return b"x-passed-over", header[1]
        return b"range", PLACE.sub(lambda place: b"%d" % (int(place[0]) + behaviour.shifts_range), header[1])

    def _section(self, request: Request) -> StandInLibrary:
        library = self._world.libraries.get(request.path_params["key"])
        if library is None:
            raise HTTPException(404, "no such library")
        return library


def _refuse_unknown(request: Request) -> None:
    for name in request.query_params:
        if name not in HARMLESS and not name.startswith("include"):
            raise HTTPException(400, f"the stand-in knows no filter {name!r}")


def _window(request: Request, total: int) -> tuple[int, int, dict[str, int]]:
    """Start and stop of a page; offset and total size are told only to clients that ask for a size, as by Plex."""

    def asked(name: str) -> int | None:
        value = request.headers.get(name) or request.query_params.get(name)
        return int(value) if value else None

    start, size = asked("X-Plex-Container-Start") or 0, asked("X-Plex-Container-Size")
    if size is None:
        return start, total, {}
    return start, start + size, {"offset": start, "totalSize": total}


def page_of(request: Request, elements: list[str]) -> Response:
    """The part of a listing that the request asks for."""
    start, stop, paging = _window(request, len(elements))
    return xml(answers.container(elements[start:stop], **paging))


def xml(text: str) -> Response:
    """An answer as Plex sends it."""
    return Response(text, media_type="text/xml;charset=utf-8")


async def html_error(_: Request, error: Exception) -> Response:
    """The page that Plex answers instead of XML when something is wrong."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Response(error_page(status), status_code=status, media_type="text/html")


def error_page(status: int) -> str:
    """The same as text."""
    word = {401: "Unauthorized", 404: "Not Found", 503: "Maintenance"}.get(status, "Error")
    return f"<html><head><title>{word}</title></head><body><h1>{status} {word}</h1></body></html>"
