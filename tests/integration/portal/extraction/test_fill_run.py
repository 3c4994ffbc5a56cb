"""Vectors that songs lack, filled in while nothing else is to be done, by a real worker."""

from datetime import timedelta

import grpc
import pytest
from django.core.cache import cache
from django.utils import timezone
from portal.extraction.fill_run import to_fill
from portal.library.models import Embedding, Track, Vector
from portal.orchestration import schedule
from portal.orchestration.failed_songs import retry_due
from portal.orchestration.start import CannotStart, start_extract, start_fill, start_sync, stop
from portal.preferences.changing import change
from portal.preferences.current import preferences
from portal.registry.embedding_table import embedding_table
from portal.runs.models import Run
from reclass.features.v1 import features_pb2
from runtime.errors import ServiceError

SONGS = 12
FMA, MERT, MUSICNN = (
    features_pb2.VECTOR_KIND_FMA,
    features_pb2.VECTOR_KIND_MERT,
    features_pb2.VECTOR_KIND_MUSICNN,
)
LATER = timedelta(minutes=20)


@pytest.fixture
def sparse(portal):
    """Songs with FMA's values alone, where MusiCNN and MERT are installed too."""
    portal.features.versions |= {MUSICNN: "musicnn/1", MERT: "mert/1"}
    portal.features.cards = {MUSICNN: {"cpu_seconds": 0.4}, MERT: {"cpu_seconds": 4.0}}
    portal.finish(start_sync(["Music"]))
    portal.finish(start_extract(["fma"]))
    Run.objects.update(result={"followed": True, "decisions_checked": True})
    return portal


class LostError(ServiceError):
    code, reason = grpc.StatusCode.NOT_FOUND, "FILE_NOT_FOUND"


def look(portal, after: timedelta = LATER) -> Run | None:
    cache.clear()
    before = set(Run.objects.values_list("pk", flat=True))
    change({"sync_automatically": False})
    schedule.keep(timezone.now() + after, portal.services)
    return Run.objects.exclude(pk__in=before).first()


def kinds_stored() -> dict[str, int]:
    return {kind: Vector.objects.filter(kind=kind).count() for kind in ("fma", "musicnn", "mert")}


def make_dear(kind: str) -> None:
    """12 songs of it take longer than a night."""
    hour = 3600.0
    Embedding.objects.filter(kind=kind).update(measured_seconds=hour, measured_songs=9)


def test_idle_time_fills_in_what_all_songs_lack_and_then_leaves_it(sparse):
    assert look(sparse, timedelta(minutes=5)) is None, "somebody may go on"
    run = look(sparse)
    assert (run.kind, run.is_scheduled) == (Run.Kind.FILL, True)
    assert sparse.finish(run).done_count == SONGS
    assert kinds_stored() == {"fma": SONGS, "musicnn": SONGS, "mert": SONGS}
    assert {frozenset(request.kinds) for request in sparse.features.requests[SONGS:]} == {
        frozenset((MERT, MUSICNN))
    }
    assert look(sparse) is None


def test_of_dear_ones_as_many_as_a_night_suffices_for_unless_the_setting_says_so(sparse):
    make_dear("mert")
    assert to_fill(preferences()).kinds == ("musicnn",)
    change({"fill_automatically": "always"})
    assert to_fill(preferences()).kinds == ("musicnn", "mert")
    change({"fill_automatically": "never"})
    assert to_fill(preferences()) is None
    assert look(sparse) is None


def test_the_estimate_is_that_of_the_songs_that_lack_it(sparse):
    audio = Track.objects.exclude(audio=None).first().audio
    Vector.objects.create(audio=audio, kind="musicnn", version="musicnn/1", half_values=[1.0])
    row = next(row for row in embedding_table() if row.kind == "musicnn")
    assert (row.done, row.lacking) == (1, SONGS - 1)
    assert row.seconds_left == pytest.approx(0.4 * (SONGS - 1))


def test_any_other_run_ends_it_and_it_goes_on_later(sparse):
    filling = start_fill(["musicnn"])
    other = start_extract(["fma"])
    filling.refresh_from_db()
    assert filling.state in (Run.State.STOPPING, Run.State.STOPPED)
    sparse.finish(other)
    filling.refresh_from_db()
    assert filling.state == Run.State.STOPPED
    assert kinds_stored()["musicnn"] == 0
    assert sparse.finish(look(sparse)).done_count == SONGS
    assert kinds_stored()["musicnn"] == SONGS


def test_it_does_not_begin_beside_another_run(sparse):
    start_extract(["fma"])
    with pytest.raises(CannotStart):
        start_fill(["musicnn"])


def test_songs_that_were_never_analysed_are_left_to_an_analysis(sparse):
    song = Track.objects.exclude(audio=None).first()
    Track.objects.filter(pk=song.pk).update(analysis="pending")
    assert to_fill(preferences()).songs == SONGS - 1
    assert sparse.finish(start_fill(["musicnn"])).done_count == SONGS - 1
    Track.objects.update(analysis="pending")
    assert to_fill(preferences()) is None


def test_what_cannot_be_made_is_tried_again_a_day_later_and_not_at_once(sparse):
    sparse.features.missing = [features_pb2.MissingVector(kind=MUSICNN, permanent=True, message="too short")]
    run = sparse.finish(look(sparse))
    assert run.state == Run.State.DONE
    assert kinds_stored()["musicnn"] == 0
    assert look(sparse) is None
    assert look(sparse, timedelta(days=1, minutes=1)).kind == Run.Kind.FILL


def test_one_that_is_switched_off_is_not_filled_in(sparse):
    Embedding.objects.filter(kind="musicnn").update(enabled=False)
    assert to_fill(preferences()).kinds == ("mert",)


def test_what_a_fill_could_not_make_is_no_reason_to_extract_anything_else(sparse):
    sparse.features.faults = {"1001": [LostError("its file is nowhere")]}
    assert sparse.finish(start_fill(["musicnn"])).failed_count == 1
    song = Track.objects.get(rating_key="1001")
    assert (song.analysis, song.attempts, song.next_try_time) == ("extracted", 1, None)
    Track.objects.filter(next_try_time__isnull=False).update(next_try_time=timezone.now())
    retry_due()
    assert Run.objects.latest("pk").kind == Run.Kind.FILL
    Embedding.objects.filter(kind="mert").update(enabled=False)
    assert look(sparse) is None
    assert sparse.finish(look(sparse, timedelta(days=1, minutes=1))).done_count == 1
    assert kinds_stored() == {"fma": SONGS, "musicnn": SONGS, "mert": 0}


def test_one_that_a_person_stopped_begins_again_a_day_later(sparse):
    stop(look(sparse))
    assert look(sparse) is None
    assert look(sparse, timedelta(days=1, minutes=1)).kind == Run.Kind.FILL
