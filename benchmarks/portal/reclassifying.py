"""Classifying a library anew from stored vectors, end to end, with a real worker, inference, Triton and PostgreSQL."""

import itertools
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from processes import process_of
from triton_server import triton_server

from benchmarks.support.big_database import big_database
from benchmarks.support.peaks import peak_mib
from benchmarks.support.services import inference_service
from benchmarks.support.targets import at_least

TAUGHT = 2000
SAMPLE = 300
SONGS_A_SECOND = 500
LOOK_EVERY_SECONDS = 0.2


def main() -> None:
    """Print songs a second and the worker's memory: verdicts that are all new, then none; and one song at a time."""
    with ExitStack() as stack:
        stack.enter_context(big_database())
        _forget_songs_without_vectors()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        triton = stack.enter_context(triton_server(folder))
        target = stack.enter_context(inference_service(triton.repository, triton.target)).target
        _teach(target)
        alone = _one_by_one(target)
        worker = stack.enter_context(process_of("portal", "worker", PORTAL_INFERENCE_TARGET=target)).pid
        print(f"{'classify --again':40}{'songs/s':>9}{'seconds':>9}{'worker MB':>11}{'rows written':>14}")
        new = _measure("another model: every verdict is new", worker)
        _measure("the same model: no verdict is", worker)
        print(f"{'one song at a time':40}{alone:9.0f}    ratio {new / alone:.1f}")
        print(at_least("songs classified anew a second", new, SONGS_A_SECOND, "songs/s"))


def _forget_songs_without_vectors() -> None:
    """Songs without vectors need extraction first, which is another benchmark."""
    from portal.library.models import Track

    Track.objects.filter(audio=None).delete()


def _measure(name: str, worker: int) -> float:
    from portal.orchestration.start import start_classify

    before, started = _now(), time.perf_counter()
    run = start_classify(again=True)
    while run.state in run.ACTIVE:
        time.sleep(LOOK_EVERY_SECONDS)
        run.refresh_from_db()
    seconds = time.perf_counter() - started
    if run.state != "done" or run.failed_count:
        raise SystemExit(f"the run ended as {run.state}, {run.failed_count} failed: {run.message}")
    rate = run.done_count / seconds
    print(
        f"{name:40}{rate:9.0f}{seconds:9.1f}{peak_mib(worker):11.0f}{_rows_written_since(before):14,}",
        flush=True,
    )
    return rate


def _one_by_one(target: str) -> float:
    """Songs a second of a call, a query and a transaction for each, values read by the ORM."""
    from django.db import transaction
    from portal.library.models import Track
    from portal.verdicts.models import Prediction
    from reclass.features.v1 import features_pb2
    from reclass.inference.v1 import inference_pb2, inference_pb2_grpc
    from runtime.channel import open_channel
    from wire import packed

    kinds = {"fma": features_pb2.VECTOR_KIND_FMA, "mert": features_pb2.VECTOR_KIND_MERT}
    channel = open_channel(target)
    stub = inference_pb2_grpc.InferenceServiceStub(channel)
    genre = Prediction.objects.first()
    started = time.perf_counter()
    with transaction.atomic():
        for track in Track.objects.filter(audio__isnull=False).select_related("audio")[:SAMPLE]:
            stored = track.audio.vectors.all() if track.audio else ()
            vectors = [
                features_pb2.Vector(
                    kind=kinds[each.kind],
                    version=each.version,
                    values=packed(each.values if each.half_values is None else each.half_values),
                )
                for each in stored
            ]
            answer = stub.ClassifyTrack(inference_pb2.ClassifyTrackRequest(vectors=vectors))
            with transaction.atomic():
                Track.objects.select_for_update().get(pk=track.pk)
                Prediction.objects.filter(track=track, current=True).update(current=False)
                Prediction.objects.update_or_create(
                    track=track,
                    model_version=answer.model_version,
                    defaults={
                        "genre_id": genre.genre_id if genre else 1,
                        "confidence": answer.confidence,
                        "deciding_stage": answer.deciding_stage,
                    },
                )
                track.save(update_fields=("analysis", "attempts", "next_try_time"))
        seconds = time.perf_counter() - started
        transaction.set_rollback(True)
    channel.close()
    return SAMPLE / seconds


def _teach(target: str) -> None:
    """Heads as inference trains them, from a part of the library."""
    from portal.preferences.current import preferences
    from portal.remote.inference import InferenceClient
    from portal.training.dataset import present_versions, training_songs
    from runtime.channel import open_channel

    started = time.perf_counter()
    channel = open_channel(target)
    songs = itertools.islice(training_songs(present_versions()), TAUGHT)
    for _ in InferenceClient(channel).train(songs, preferences(), seed=1):
        pass
    channel.close()
    print(f"taught by {TAUGHT:,} songs in {time.perf_counter() - started:.0f} s\n", flush=True)


def _now() -> int:
    """The number of a transaction that begins now: rows that are written later bear a higher one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (number,) = cursor.fetchone()
    return int(number)


def _rows_written_since(transaction: int) -> int:
    from django.db import connection

    tables = ("verdicts_prediction", "library_track")
    one = "(SELECT count(*) FROM {} WHERE xmin::text::bigint > %s)"
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + " + ".join(one.format(table) for table in tables), [transaction] * 2)
        (count,) = cursor.fetchone()
    return int(count)
