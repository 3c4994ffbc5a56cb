"""The checks of `reclass doctor`: each finds out one thing and says what to do when it is not well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker
from runtime.errors import RemoteError

from portal.configuration import PortalSettings
from portal.library.models import Track
from portal.preferences.current import preferences
from portal.remote.audio import AudioSource
from portal.remote.calls import channel_to
from portal.remote.health import serving
from portal.remote.services import Services
from portal.setup import unreachable_message

TIMEOUT_SECONDS = 5.0
NOT_MOUNTED = frozenset({"PATH_NOT_MOUNTED", "OUTSIDE_MEDIA_FOLDERS", "AUDIO_NOT_FOUND"})


class UnwellError(Exception):
    """Something is not as it must be; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found."""

    what: str
    well: bool
    message: str


def examine(settings: PortalSettings, services: Services) -> Iterator[Finding]:
    """Every check in the order in which one needs the other."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("database", _database),
        ("worker", _worker),
        ("sync service", lambda: _service(settings, settings.sync_target, "sync")),
        ("features service", lambda: _service(settings, settings.features_target, "features")),
        ("inference service", lambda: _service(settings, settings.inference_target, "inference")),
        ("Plex server", lambda: _plex(services)),
        ("Plex libraries", lambda: _libraries(services)),
        ("a track", lambda: _track(services)),
        ("a file", lambda: _file(services)),
        ("vectors", lambda: _vectors(services)),
        ("model", lambda: _model(services)),
    ]
    for what, check in checks:
        yield _finding(what, check)


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, well=True, message=check())
    except UnwellError as error:
        return Finding(what=what, well=False, message=str(error))
    except RemoteError as error:
        return Finding(what=what, well=False, message=error.message)
    except OperationalError as error:
        return Finding(what=what, well=False, message=unreachable_message(error))


def _database() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise UnwellError(f"{len(missing)} changes of tables are missing: run `python -m portal migrate`")
    return "reached, its tables are up to date"


def _worker() -> str:
    lately = timezone.now() - timedelta(seconds=60)
    alive = ProcrastinateWorker.objects.filter(last_heartbeat__gte=lately).count()
    if not alive:
        raise UnwellError("none runs, so nothing gets done: start one with `python -m portal worker`")
    return f"{alive} at work"


def _service(settings: PortalSettings, target: str, name: str) -> str:
    channel = channel_to(settings, target)
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


def _plex(services: Services) -> str:
    server = services.sync.check_server(timeout_seconds=3 * TIMEOUT_SECONDS)
    if not server.supports_track_genres:
        raise UnwellError(f"version {server.version} has no genres on tracks: update it to 1.40.0 or later")
    return f"“{server.name}”, version {server.version}, accepts the token"


def _libraries(services: Services) -> str:
    libraries = services.sync.list_libraries()
    known = ", ".join(f"“{library.title}” ({library.track_count} songs)" for library in libraries)
    if not libraries:
        raise UnwellError("there is no music library: add one in Plex")
    titles = {library.title.casefold() for library in libraries}
    missing = [title for title in preferences().plex_libraries if title.casefold() not in titles]
    if missing:
        asked = ", ".join(f"“{title}”" for title in missing)
        raise UnwellError(f"there is none called {asked} (the setting plex_libraries); there is {known}")
    return known


def _example(services: Services) -> Track:
    track = Track.objects.filter(removed_time=None).exclude(file="").order_by("pk").first()
    if track is None:
        raise UnwellError("no song with a file is known yet: run `reclass sync`")
    return track


def _track(services: Services) -> str:
    track = _example(services)
    found = services.sync.get_tracks([track.rating_key]).get(track.rating_key)
    if found is None:
        raise UnwellError(f"Plex no longer knows “{track}”: run `reclass sync`")
    return f"“{track}” read, its genres are {found.state}"


def _file(services: Services) -> str:
    track = _example(services)
    heard = services.features.extract(
        AudioSource(rating_key=track.rating_key, file=track.file), wishes=preferences()
    )
    if services.features.capabilities(preferences()).media_folders:
        _require_mounted(services, track.file)
    return f"“{track}” heard: {heard.codec}, {heard.duration_seconds:.0f} s"


def _require_mounted(services: Services, file: str) -> None:
    """Folders are mounted so that songs are read there; through Plex it works too, and nobody would notice."""
    try:
        services.features.extract(AudioSource(rating_key="", file=file), wishes=preferences())
    except RemoteError as error:
        if error.reason not in NOT_MOUNTED:
            raise
        raise UnwellError(
            f"{error.message}. Until then songs are read through Plex, which takes longer"
        ) from error


def _vectors(services: Services) -> str:
    found = services.features.capabilities(preferences())
    kinds, folders = found.kinds, found.media_folders
    available = ", ".join(f"{kind.kind} ({kind.version})" for kind in kinds if kind.available)
    if not available:
        raise UnwellError(
            "; ".join(f"{kind.kind}: {kind.detail}" for kind in kinds) or "no kind is installed"
        )
    mounted = ", ".join(folders) or "no folder is mounted, songs are read through Plex"
    return f"{available}; {mounted}"


def _model(services: Services) -> str:
    stages = services.inference.status()
    ready = [f"stage {stage.stage}: {stage.model_version}" for stage in stages if stage.ready]
    if not ready:
        raise UnwellError(
            "; ".join(stage.message for stage in stages if stage.message) or "run `reclass train`"
        )
    return ", ".join(ready)
