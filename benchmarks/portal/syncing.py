"""A library from Plex into an empty database, and again with nothing changed; every process a real one."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from postgres_server import PostgresServer, postgres_server
from processes import LOOPBACK, free_port, process_of, wait_for_port
from standalone.plex_stand_in.catalogue import Catalogue, StandInTrack, music_and_films

from benchmarks.support.peaks import peak_mib
from benchmarks.support.targets import at_most

SONGS = int(os.environ.get("BENCH_SONGS", "100000"))
SAMPLE = 500
TOKEN = "token-of-the-benchmark"  # noqa: S105 # nobody else listens
GENRES = (
    "Rock",
    "Pop",
    "Jazz",
    "Hip-Hop/Rap",
    "Electronic",
    "Folk",
    "Soundtrack",
    "Blues",
    "Metal",
    "Reggae",
)
LOOK_EVERY_SECONDS = 0.1
STAND_IN = "stand-in for Plex"
FIRST_SECONDS, SECOND_SECONDS, MEGABYTES = 60, 20, 400


def main() -> None:
    """Print seconds, peaks of memory and rows that were written, of a first sync and of a second one."""
    print(f"sync of {SONGS} songs: listing and full metadata of each, genres and locks included")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres_server(options=()))
        plex_url, stand_in = stack.enter_context(_stand_in(folder))
        target, sync = stack.enter_context(_sync(plex_url))
        _set_up_django(server, target)
        worker = stack.enter_context(process_of("portal", "worker")).pid
        watched = {"PostgreSQL (largest)": server.pid, STAND_IN: stand_in, "sync": sync, "worker": worker}
        _wait_for_worker()
        first_seconds = _measure("first sync", FIRST_SECONDS, watched)
        marked = _mark_rows()
        _measure("sync with nothing changed", SECOND_SECONDS, watched)
        print(at_most("rows of songs that the second sync has written", _rewritten(marked), 0, "rows"))
        _reference(plex_url, first_seconds)
        _runs()
        _sizes()


def _measure(name: str, limit: int, watched: dict[str, int]) -> float:
    """Sync once, print what it took, and say how many seconds."""
    from portal.orchestration.start import start_sync

    peaks: dict[str, float] = {}
    processors = {part: _processor_seconds(pid) for part, pid in watched.items()}
    started = time.perf_counter()
    listed = 0.0
    run = start_sync(["Music"])
    while run.state in run.ACTIVE:
        time.sleep(LOOK_EVERY_SECONDS)
        for part, pid in watched.items():
            peaks[part] = max(peaks.get(part, 0), peak_mib(pid))
        run.refresh_from_db()
        if run.songs_selected and not listed:
            listed = time.perf_counter() - started
    seconds = time.perf_counter() - started
    print(at_most(f"a {name}", seconds, limit, "s"))
    print(f"  {listed:.1f} s of it until the listing was stored; {run.message}")
    for part, peak in peaks.items():
        used = _processor_seconds(watched[part]) - processors[part]
        print(f"  {part:24}{used:8.1f} s of a core, {peak:5.0f} MB at its peak")
    ours = {part: peak for part, peak in peaks.items() if part != STAND_IN}
    largest = max(ours, key=ours.__getitem__)
    print(at_most(f"  memory of the largest process ({largest})", ours[largest], MEGABYTES, "MB"))
    if run.state != "done":
        raise SystemExit(f"the sync ended as {run.state}: {run.message}")
    return seconds


def _processor_seconds(pid: int) -> float:
    """Time on a processor, of a process and its children, also those that have ended."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _mark_rows() -> str:
    """Where each row lies, and which transaction wrote it: both change when it is written again."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE marked AS SELECT id, ctid AS place, xmin::text AS writer FROM library_track"
        )
    return "marked"


def _rewritten(marked: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM library_track t FULL JOIN {marked} m USING (id) "  # noqa: S608 # our own name
            "WHERE t.id IS NULL OR m.id IS NULL OR t.ctid <> m.place OR t.xmin::text <> m.writer"
        )
        (count,) = cursor.fetchone()
    return int(count)


def _reference(plex_url: str, first_seconds: float) -> None:
    """What plexapi and the ORM do by themselves: a listing, a request for each song's genres, a row at a time."""
    from plexapi.server import PlexServer
    from portal.library.models import Library, Track

    library = Library.objects.create(server_id="reference", key="2", title="Reference")
    started = time.perf_counter()
    for track in PlexServer(plex_url, TOKEN).library.section("Music").searchTracks(maxresults=SAMPLE):
        track.reload()
        values = {
            "title": track.title,
            "artist": track.grandparentTitle,
            "plex_genres": [g.tag for g in track.genres],
        }
        Track.objects.update_or_create(library=library, rating_key=str(track.ratingKey), defaults=values)
    a_song = (time.perf_counter() - started) / SAMPLE
    library.delete()
    ours = first_seconds / SONGS
    print(
        f"reference, plexapi's searchTracks() and update_or_create on {SAMPLE} songs: {a_song * 1000:.2f} ms a song, "
        f"ours {ours * 1000:.2f} ms: {a_song / ours:.1f} times as fast\n"
    )


def _runs() -> None:
    """What the engine takes by itself for a run over all songs, in small jobs: none of it is work on a song."""
    from portal.library.models import Track
    from portal.orchestration import engine
    from portal.runs import jobs, layout
    from portal.runs.models import Run, RunSong

    songs = list(Track.objects.order_by("pk").values_list("pk", flat=True))
    # Its jobs are due in an hour, so the worker leaves it alone.
    run = Run.objects.create(kind=Run.Kind.EXTRACT, state=Run.State.RUNNING, request_id="benchmark")
    started = time.perf_counter()
    layout.put_down(run.pk, songs)
    jobs.defer_songs(run.pk, songs, songs_at_once=8, wait_seconds=3600)
    songs_selected = time.perf_counter() - started
    Run.objects.filter(pk=run.pk).update(songs_selected=True, song_count=len(songs))
    RunSong.objects.filter(run=run, track__in=songs[: len(songs) // 2]).delete()
    started = time.perf_counter()
    for _ in range(100):
        engine.settle(run.pk)
    settled = (time.perf_counter() - started) / 100
    started = time.perf_counter()
    engine.stop(run.pk)
    ended = time.perf_counter() - started
    print(
        f"a run over {len(songs)} songs: selected in {songs_selected:.1f} s ({len(songs) // 8} jobs), looked after in "
        f"{settled * 1000:.1f} ms a job, ended in {ended:.1f} s"
    )


def _sizes() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for table in ("library_track", "runs_runsong", "procrastinate_jobs", "procrastinate_events"):
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            print(f"  {table:24}{cursor.fetchone()[0] / 2**20:8.1f} MB on disk")


def _set_up_django(server: PostgresServer, target: str) -> None:
    os.environ["PORTAL_DATABASE_URL"] = server.url()
    os.environ["PORTAL_SYNC_TARGET"] = target
    os.environ["PORTAL_SECRET_KEY"] = "of the benchmark, and of as many characters as a key must have"  # noqa: S105
    from portal.setup import migrate, set_up_django

    set_up_django()
    migrate(wait_seconds=10)


@contextmanager
def _stand_in(folder: Path) -> Iterator[tuple[str, int]]:
    """Where the stand-in for Plex is, and its process."""
    catalogue = folder / "catalogue.json"
    made_up(SONGS).save(catalogue)
    port = free_port()
    arguments = ("--catalogue", str(catalogue), "--state", str(folder / "state"), "--port", str(port))
    with process_of("standalone.plex_stand_in", *arguments, STAND_IN_TOKEN=TOKEN) as process:
        wait_for_port(port, process)
        yield f"http://{LOOPBACK}:{port}", process.pid


@contextmanager
def _sync(plex_url: str) -> Iterator[tuple[str, int]]:
    """Where the sync service is, and its process."""
    port = free_port()
    with process_of("sync", SYNC_PLEX_URL=plex_url, SYNC_PLEX_TOKEN=TOKEN, SYNC_PORT=port) as process:
        wait_for_port(port, process)
        yield f"{LOOPBACK}:{port}", process.pid


def _wait_for_worker(seconds: float = 60.0) -> None:
    from procrastinate.contrib.django.models import ProcrastinateWorker

    deadline = time.monotonic() + seconds
    while not ProcrastinateWorker.objects.exists():
        if time.monotonic() > deadline:
            raise SystemExit("the worker does not start")
        time.sleep(0.1)


def made_up(songs: int) -> Catalogue:
    """A library of albums of ten songs, with the genres and long paths of real ones."""
    return music_and_films(tuple(_song(number) for number in range(songs)), "/data/music")


def _song(number: int) -> StandInTrack:
    artist, album = f"The Artist {number // 120}", f"An Album with a Name {number // 10}"
    title = f"Song number {number} of many"
    return StandInTrack(
        rating_key=100_000 + number,
        title=title,
        file=f"/data/music/{artist}/{album} ({1960 + number // 10 % 60})/{number % 10 + 1:02d} {title}.flac",
        artist=artist if number % 7 else "Someone Else",
        album_artist=artist,
        album=album,
        year=1960 + number // 10 % 60,
        track_number=number % 10 + 1,
        disc_number=1,
        duration_seconds=120.0 + number % 300,
        genres=tuple(GENRES[(number // 10 + i) % len(GENRES)] for i in range(number % 4)),
        genres_locked=number % 50 == 0,
        size_bytes=20_000_000 + number,
        modified_time=1_600_000_000 + number,
    )
