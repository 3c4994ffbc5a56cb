"""What Prometheus reads of the portal: songs, runs, queue and workers, counted in the database when it asks.

Shown to who is signed in as staff, and to programs with the token of PORTAL_METRICS_TOKEN.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector
from runtime.metrics import new_registry

from portal.library.models import Analysis, InPlex, Track
from portal.library.presence import present
from portal.runs.models import Run

REFUSAL = (
    "These figures are shown to staff who are signed in, and to programs that send the token of "
    "PORTAL_METRICS_TOKEN as 'Authorization: Bearer <token>'.\n"
)
QUEUED = ("todo", "doing")


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics."""
    if not (_is_staff(request) or _has_token(request)):
        return HttpResponse(REFUSAL, status=403, content_type="text/plain")
    registry = new_registry()
    registry.register(_Counted())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_staff(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_staff


def _has_token(request: HttpRequest) -> bool:
    token = settings.RECLASS.metrics_token
    if token is None:
        return False
    sent = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(sent, f"Bearer {token.get_secret_value()}".encode())


class _Counted(Collector):
    """One query a figure; each reads an index, a small table, or once through the songs."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        songs = Track.objects.filter(present())
        yield _gauge(
            "reclass_songs",
            "Songs of the libraries that are chosen, by what is known of them.",
            ("state",),
            _complete(Analysis.values, songs.values_list("analysis").annotate(Count("pk")).order_by()),
        )
        yield _gauge(
            "reclass_songs_in_plex",
            "Songs of the libraries that are chosen, by what of ours stands in Plex.",
            ("state",),
            _complete(InPlex.values, songs.values_list("in_plex").annotate(Count("pk")).order_by()),
        )
        runs = Run.objects.values_list("kind", "state").annotate(Count("pk")).order_by()
        yield _gauge("reclass_runs", "Runs, those that have ended included.", ("kind", "state"), runs)
        jobs = ProcrastinateJob.objects.filter(status__in=QUEUED).values_list("status")
        queued = _complete(QUEUED, jobs.annotate(Count("pk")).order_by())
        yield _gauge("reclass_jobs", "Jobs in the queue, by state.", ("state",), queued)
        # By the database's clock, which the workers report by.
        lately = Now() - timedelta(seconds=settings.RECLASS.stalled_after_seconds)
        workers = ProcrastinateWorker.objects.filter(last_heartbeat__gt=lately).count()
        yield _gauge("reclass_workers", "Workers that have reported lately.", (), [(workers,)])


def _gauge(
    name: str, text: str, labels: Sequence[str], rows: Iterable[tuple[str | int, ...]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for *values, number in rows:
        family.add_metric([str(value) for value in values], float(number))
    return family


def _complete(states: Iterable[str], rows: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Every state, those without a song as 0: a line that is missing would look like a scrape that failed."""
    known = dict(rows)
    return [(state, known.get(state, 0)) for state in states]
