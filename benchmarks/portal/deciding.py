"""Deciding a library from what is stored, with real inference and PostgreSQL: all of it, one artist, and nothing."""

import os
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from triton_server import triton_server

from benchmarks.support.big_database import SONGS, big_database
from benchmarks.support.peaks import peak_mib
from benchmarks.support.services import inference_service
from benchmarks.support.targets import at_most

TAUGHT = 2000
MOST_SECONDS = 300
MOST_MORE_MIB = 300


def main() -> None:
    """Print seconds and memory: every song, then one artist of whom a tag has changed, then nothing."""
    with ExitStack() as stack:
        stack.enter_context(big_database(vectors=False))
        triton = stack.enter_context(triton_server(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        service = stack.enter_context(inference_service(triton.repository, triton.target))
        genres, head = _teach(service.target)
        _classify(genres, head)
        print(f"{'decide':32}{'songs':>9}{'seconds':>9}{'portal MiB':>12}{'inference MiB':>15}", flush=True)
        before = peak_mib(os.getpid())
        seconds = _measure("every song", service.target, service.pid)
        more = peak_mib(os.getpid()) - before
        _change_a_tag()
        _measure("one artist, whose tag has changed", service.target, service.pid)
        _measure("nothing has changed", service.target, service.pid)
        print(at_most(f"{SONGS:,} songs decided", seconds, MOST_SECONDS, "s"))
        print(at_most("the portal's memory grows by", more, MOST_MORE_MIB, "MiB"))


def _measure(name: str, target: str, inference_pid: int) -> float:
    from portal.decisions.deciding import decide_outdated
    from portal.remote.decisions import DecisionsClient
    from runtime.channel import open_channel

    channel = open_channel(target)
    started = time.perf_counter()
    songs = decide_outdated(DecisionsClient(channel), lambda step, progress: None)
    seconds = time.perf_counter() - started
    channel.close()
    memory = f"{peak_mib(os.getpid()):12.0f}{peak_mib(inference_pid):15.0f}"
    print(f"{name:32}{songs:9,}{seconds:9.1f}{memory}", flush=True)
    return seconds


def _teach(target: str) -> tuple[list[str], str]:
    """The genres of a model that learns from made vectors, and its head."""
    from portal.preferences.current import preferences
    from portal.remote.inference import InferenceClient
    from portal.remote.models import ModelsClient
    from runtime.channel import open_channel

    started = time.perf_counter()
    channel = open_channel(target)
    for _ in InferenceClient(channel).train(_training_songs(), preferences(), seed=1):
        pass
    model = ModelsClient(channel).kept().in_service
    channel.close()
    if model is None:
        raise SystemExit("the model of the training is not in service")
    print(f"taught by {TAUGHT:,} songs in {time.perf_counter() - started:.0f} s\n", flush=True)
    return list(model.genres), model.heads[-1]


def _training_songs() -> Iterator[Any]:
    from big_library import ALBUMS_PER_ARTIST, SONGS_PER_ALBUM
    from big_vectors import FMA_VERSION, VectorMaker
    from portal.genres.models import Genre
    from portal.remote.audio import VectorValues
    from portal.remote.inference import TrainingSong

    each = SONGS_PER_ALBUM * ALBUMS_PER_ARTIST
    names = list(Genre.objects.order_by("pk").values_list("name", flat=True))
    genre_of_artist = np.arange(TAUGHT // each + 1) % 8
    vectors = VectorMaker(genre_of_artist, each, 1).fma(np.arange(TAUGHT))
    for number in range(TAUGHT):
        yield TrainingSong(
            song_id=f"taught {number}",
            genre=names[genre_of_artist[number // each]],
            artist=f"artist {number // each}",
            album=f"album {number // SONGS_PER_ALBUM}",
            vectors=(
                VectorValues(kind="fma", version=FMA_VERSION, values=array("f", vectors[number].tolist())),
            ),
        )


def _classify(genres: list[str], head: str) -> None:
    """As if this model had classified every song that has a verdict."""
    from portal.verdicts.models import Prediction

    sounds = {}
    for place, confidence in ((p, c) for p in range(len(genres)) for c in range(50, 100)):
        rest = (1 - confidence / 100) / (len(genres) - 1)
        row = np.full(len(genres), rest, dtype="<f4")
        row[place] = confidence / 100
        sounds[place, confidence] = row.tobytes()
    _each(lambda cursor: cursor.execute("CREATE TEMP TABLE sounds (id bigint, sound bytea)"))
    said = list(Prediction.objects.filter(current=True).values_list("pk", "genre_id", "confidence"))

    def copy_them(cursor: Any) -> None:
        with cursor.copy("COPY sounds FROM STDIN") as copy:
            for pk, genre, confidence in said:
                copy.write_row((pk, sounds[genre % len(genres), min(max(int(100 * confidence), 50), 99)]))

    _each(copy_them)
    _each(
        lambda cursor: cursor.execute(
            "UPDATE verdicts_prediction p SET model_version = %s, outcome = 'classified', sound = s.sound "
            "FROM sounds s WHERE s.id = p.id",
            [head],
        )
    )
    _each(lambda cursor: cursor.execute("VACUUM ANALYZE verdicts_prediction"))


def _each(deed: Callable[[Any], object]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        deed(cursor)


def _change_a_tag() -> None:
    from portal.library.models import Track

    song = Track.objects.filter(removed_time=None, tag_genre__isnull=False, decision__isnull=False).first()
    Track.objects.filter(pk=song.pk if song else None).update(tag_genre=None)
