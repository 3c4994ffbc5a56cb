"""The checks of `reclass doctor`: each finds out one thing and says what to do when it is not well."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from django.utils import timezone
from runtime.errors import RemoteError

from portal.commands.doctor.files import files
from portal.commands.doctor.findings import Finding, UnwellError, finding
from portal.commands.doctor.store import clock, database, disk
from portal.commands.following import living_workers
from portal.configuration import PortalSettings
from portal.library.embeddings import enabled_kinds, note_capabilities
from portal.library.models import Library, Track
from portal.library.names import name_key
from portal.library.presence import present
from portal.library.stages import TRIAL_WARNING, stages_of
from portal.preferences.current import preferences
from portal.remote.calls import channel_to
from portal.remote.health import serving
from portal.remote.plex import PlexServer
from portal.remote.services import Services
from portal.writing.write_test import WriteTestError, write_test

TIMEOUT_SECONDS = 5.0
SERVICES = ("sync", "features", "inference")


def examine(settings: PortalSettings, services: Services, data: Path | None = None) -> Iterator[Finding]:
    """Every check in the order in which one needs the other."""

    def plex() -> PlexServer:
        return services.sync.check_server(timeout_seconds=3 * TIMEOUT_SECONDS)

    checks: list[tuple[str, Callable[[], str]]] = [
        ("database", database),
        ("disk", lambda: disk(data)),
        ("worker", _worker),
        *((f"{name} service", partial(_service, settings, name)) for name in SERVICES),
        ("Plex server", lambda: _plex(plex())),
        ("clock", lambda: clock(plex)),
        ("Plex libraries", lambda: _libraries(services)),
        ("a track", lambda: _track(services)),
        ("files", lambda: files(services)),
        ("vectors", lambda: _vectors(services)),
        ("models", lambda: _models(services)),
        ("schedule", _schedule),
    ]
    for what, check in checks:
        yield finding(what, check)


def writing(services: Services) -> Finding:
    """Write a genre to one track, read it back, and put back what was there."""

    def check() -> str:
        try:
            return write_test(services.sync)
        except WriteTestError as error:
            raise UnwellError(str(error)) from error

    return finding("writing", check)


def _worker() -> str:
    alive = living_workers()
    if not alive:
        raise UnwellError("none runs, so nothing gets done: start one with `python -m portal worker`")
    return f"{alive} at work"


def _service(settings: PortalSettings, name: str) -> str:
    target, _ = settings.door_of(name)
    channel = channel_to(settings, name)
    try:
        if not serving(name, channel, timeout_seconds=TIMEOUT_SECONDS):
            raise UnwellError(f"answers at {target} and is not ready yet; see its log")
    except RemoteError as error:
        raise UnwellError(
            f"nobody answers at {target}: start it (python -m {name}), or correct PORTAL_{name.upper()}_TARGET"
        ) from error
    finally:
        channel.close()
    return f"serves at {target}"


def _plex(server: PlexServer) -> str:
    if not server.supports_track_genres:
        raise UnwellError(f"version {server.version} has no genres on tracks: update it to 1.40.0 or later")
    return f"“{server.name}”, version {server.version}, accepts the token"


def _libraries(services: Services) -> str:
    libraries = services.sync.list_libraries()
    known = ", ".join(f"“{library.title}” ({library.track_count} songs)" for library in libraries)
    if not libraries:
        raise UnwellError("there is no music library: add one in Plex")
    titles = {name_key(library.title) for library in libraries}
    missing = [title for title in preferences().plex_libraries if name_key(title) not in titles]
    if missing:
        asked = ", ".join(f"“{title}”" for title in missing)
        raise UnwellError(f"there is none called {asked} (the setting plex_libraries); there is {known}")
    return known


def _track(services: Services) -> str:
    track = Track.objects.filter(present()).exclude(file="").order_by("pk").first()
    if track is None:
        raise UnwellError("no song with a file is known yet: run `reclass sync`")
    found = services.sync.get_tracks([track.rating_key]).get(track.rating_key)
    if found is None:
        raise UnwellError(f"Plex no longer knows “{track}”: run `reclass sync`")
    return f"“{track}” read, its genres are {found.state}"


def _vectors(services: Services) -> str:
    found = note_capabilities(services.features.capabilities(preferences()))
    stages = stages_of(found.kinds, enabled_kinds())
    if not stages.versions:
        raise UnwellError("; ".join(f"{kind}: {why}" for kind, why in stages.not_installed.items()))
    made = ", ".join(
        f"{kind} ({version}, on {stages.where[kind]})" for kind, version in stages.versions.items()
    )
    mounted = ", ".join(found.media_folders) or "no folder is mounted, songs are read through Plex"
    absent = "".join(f"; without {kind}: {why}" for kind, why in stages.not_installed.items())
    return f"{made}, {found.processes} songs at a time; {mounted}{absent}"


def _models(services: Services) -> str:
    stages = services.inference.status()
    ready = [
        f"stage {stage.stage}: {stage.model_version} on {stage.device or 'a device that inference does not name'}"
        + (f", {TRIAL_WARNING}" if stage.is_for_trials else "")
        for stage in stages
        if stage.ready
    ]
    if not ready:
        raise UnwellError(
            "; ".join(stage.message for stage in stages if stage.message) or "run `reclass train`"
        )
    others = [f"stage {each.stage} not: {each.message}" for each in stages if not each.ready]
    return "; ".join([*ready, *others])


def _schedule() -> str:
    chosen = preferences()
    last = Library.objects.order_by("-last_synced").values_list("last_synced", flat=True).first()
    read = f"last read on {timezone.localtime(last):%d %B %Y, %H:%M}" if last else "not read yet"
    if not chosen.sync_automatically:
        return f"the library is read when somebody asks for it, {read}"
    return f"the library is read every {chosen.sync_every_hours:g} h, {read}"
