"""The songs of a run as rows: put down at its start, cleared away at its end."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from portal.runs.models import Run, RunSong

# Reasons of the last runs of a kind are enough for a person; older runs keep their counts.
RUNS_WITH_REASONS = 10


# In the order asked for. A song whose row went meanwhile is none of the run, and none goes until this is committed.
_PUT_DOWN = """
INSERT INTO runs_runsong (run_id, track_id, state, attempts, message)
SELECT %s, t.id, %s, 0, '' FROM unnest(%s::bigint[]) WITH ORDINALITY AS asked (id, n) JOIN library_track t USING (id)
ORDER BY n FOR KEY SHARE OF t
ON CONFLICT DO NOTHING
"""


def put_down(run_id: int, track_ids: Sequence[int]) -> int:
    """Make each of these songs pending in a run that has none yet; how many. In the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_DOWN, [run_id, RunSong.State.PENDING, list(track_ids)])
        count: int = cursor.rowcount
    return count


def clear(run: Run) -> None:
    """Leave of a run that has ended the songs that failed or were skipped, and of old runs only the counts."""
    run.songs.filter(state=RunSong.State.PENDING, attempts=0).delete()
    ended = Run.objects.filter(kind=run.kind, finished_time__isnull=False).order_by("-pk")
    old = list(ended.values_list("pk", flat=True)[RUNS_WITH_REASONS : 2 * RUNS_WITH_REASONS])
    RunSong.objects.filter(run__in=old).delete()


def by_attempts(run_id: int) -> Iterable[tuple[int, Sequence[int]]]:
    """The pending songs of a run, by how often they were tried."""
    found: Mapping[int, list[int]] = defaultdict(list)
    pending = RunSong.objects.filter(run_id=run_id, state=RunSong.State.PENDING).order_by("pk")
    for track_id, attempts in pending.values_list("track_id", "attempts"):
        found[attempts].append(track_id)
    return found.items()
