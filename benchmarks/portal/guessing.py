"""First guesses of a whole library from stored vectors: all of them, after a vote was changed, and when nothing was."""

import os
import time
from collections.abc import Callable

import numpy as np

from benchmarks.support.big_database import SONGS, big_database
from benchmarks.support.peaks import peak_mib
from benchmarks.support.targets import at_most

OTHER_VALUES = 200
TAGS = 50
SECONDS_A_100_000 = 10.0
KIND, VERSION = "kind1000", "tagger/1"


def main() -> None:
    """Print seconds and songs whose guess is another, and the memory of the process."""
    with big_database(vectors=False):
        _give_tags()
        from portal.first_guess.keeping import refresh
        from portal.first_guess.models import TagVote

        def guess() -> int:
            return refresh().songs

        print(f"{'':32}{'seconds':>9}{'guesses made anew':>20}")
        _measure("every song is guessed", guess)
        TagVote.objects.filter(tag="jazz").update(weight=2.0)
        anew = _measure("one vote has another weight", guess)
        _measure("nothing has changed", guess)
        print(f"{peak_mib(os.getpid()):.0f} MiB at most")
        print(at_most("seconds after a vote was changed", anew, SECONDS_A_100_000 * SONGS / 100_000, "s"))


def _measure(name: str, guess: Callable[[], int]) -> float:
    started = time.perf_counter()
    changed = guess()
    seconds = time.perf_counter() - started
    print(f"{name:32}{seconds:9.2f}{changed:20,}")
    return seconds


def _give_tags() -> None:
    """An embedding whose tags are as skewed as real ones, a vector for each recording."""
    from django.db import connection
    from django.utils import timezone
    from portal.first_guess.votes import VOTES
    from portal.library.models import Audio, Embedding

    voting = sorted({tag for votes in VOTES.values() for tag in votes})
    tags = [*voting, *(f"mood {number}" for number in range(TAGS - len(voting)))]
    Embedding.objects.create(
        kind=KIND, name="Tagger", position=1, version=VERSION, length=OTHER_VALUES + TAGS,
        tags=[[tag, 0.1] for tag in tags], seen_time=timezone.now(),
    )  # fmt: skip
    random = np.random.default_rng(1)
    drawn = np.hstack([random.normal(size=(5_000, OTHER_VALUES)), random.beta(0.5, 4, (5_000, TAGS))])
    texts = [f"[{','.join(f'{value:.4f}' for value in vector)}]" for vector in drawn]
    audio_ids = list(Audio.objects.values_list("pk", flat=True))  # no query while the connection copies
    columns = "audio_id, kind, version, half_values, created_time"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY library_vector ({columns}) FROM STDIN") as copy,
    ):
        for number, audio_id in enumerate(audio_ids):
            copy.write_row((audio_id, KIND, VERSION, texts[number % len(texts)], timezone.now()))
