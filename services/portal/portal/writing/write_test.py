"""Writes a genre to one track and takes it back, to see what this Plex server makes of it."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.models import Case, Q, QuerySet, Value, When
from django.utils import timezone
from runtime.errors import RemoteError

from portal.ledger.attempts import REFUSED_BEFOREHAND, before_state
from portal.ledger.models import WriteBatch, WriteRow, WriteTest
from portal.ledger.originals import same_genres
from portal.library.identity import is_another
from portal.library.models import InPlex, Track
from portal.library.presence import present
from portal.remote.plex import GenreState
from portal.remote.sync import SyncClient
from portal.runs.models import Run

# Sent last, and first in the alphabet: so it is seen whether Plex keeps the order.
PROBE = "A probe of Music ReClass"
_WRITING = (Run.Kind.PLAN, Run.Kind.PUSH, Run.Kind.ROLLBACK)
_OPEN = (WriteBatch.State.PLANNED, WriteBatch.State.APPLYING, WriteBatch.State.ROLLING_BACK)
_WAITS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class WriteTestError(Exception):
    """The server did not do as it should, or could not be asked; the message says what to do."""


def write_test(sync: SyncClient, *, wait: Callable[[float], object] = time.sleep) -> str:
    """What Plex made of a genre that was added to a track, which has its own again afterwards.

    1. Refuse while a dry run, a push or a rollback is at work.
    2. Put back what an earlier test, killed in between, has left.
    3. Note what the track has, in a commit of its own; then add the probe, and read back.
    4. Put back, whatever happened, and read back again. Ctrl-C waits for that; after worse, the next test does it.
    """
    run = Run.objects.filter(kind__in=_WRITING, state__in=Run.ACTIVE).first()
    if run is not None:
        raise WriteTestError(f"{run} is {run.state}: try again when it has ended (`reclass status`)")
    restore_left_over(sync, wait=wait)
    track, before = _chosen(sync)
    test = WriteTest.objects.create(
        track=track,
        rating_key=track.rating_key,
        before_genres=list(before.genres),
        before_locked=before.locked,
    )
    with _ended_by_signals():
        try:
            found = _probed(sync, test)
        finally:
            with _undisturbed():
                restored = _restore(sync, test, wait)
    return f"“{track}”: {found}; {restored}"


def restore_left_over(sync: SyncClient, *, wait: Callable[[float], object] = time.sleep) -> int:
    """Put back what tests have left that were killed; how many those were."""
    left = list(WriteTest.objects.filter(restored_time=None).select_related("track"))
    for test in left:
        _restore(sync, test, wait)
    return len(left)


def _chosen(sync: SyncClient) -> tuple[Track, GenreState]:
    """A track that no plan is about; one with genres, for only then can their order be seen."""
    planned = WriteRow.objects.filter(batch__state__in=_OPEN).values("track")
    tracks: QuerySet[Track] = Track.objects.filter(present()).exclude(pk__in=planned)
    tracks = tracks.exclude(in_plex__in=(InPlex.PLANNED, InPlex.CONFLICT))
    tagged = Case(When(Q(plex_genres__len__gte=1), then=Value(0)), default=Value(1))
    for track in tracks.order_by(tagged, "pk")[:20]:
        found = sync.get_tracks([track.rating_key]).get(track.rating_key)
        if (
            found is not None
            and not is_another(track, found)
            and not same_genres((PROBE,), found.state.genres)
        ):
            return track, found.state
    raise WriteTestError("no song is free to be written to: run `reclass sync`, or apply the plan first")


def _probed(sync: SyncClient, test: WriteTest) -> str:
    before = before_state(test)
    wanted = GenreState(genres=(*before.genres, PROBE), locked=True)
    lost = ""
    try:
        sync.write_genres(test.rating_key, wanted, expected=before, meant=test.track)
    except RemoteError as error:
        if error.permanent or error.reason in REFUSED_BEFOREHAND:
            raise WriteTestError(error.message) from error
        lost = f"the answer was lost ({error.message}), and "
    present = _present(sync, test)
    if not any(same_genres((genre,), (PROBE,)) for genre in present.genres):
        raise WriteTestError(f"{lost}the genre that was written is not there: Plex has {present}")
    if not present.locked:
        raise WriteTestError("Plex did not lock the genres: a refresh of its metadata would take them away")
    return f"{lost}a genre was added, {_order(wanted.genres, present.genres)}, and the lock was set"


def _order(sent: Sequence[str], present: Sequence[str]) -> str:
    mine, theirs = ([genre.casefold() for genre in genres] for genres in (sent, present))
    if mine != theirs:
        return "Plex orders genres by itself" if sorted(mine) == sorted(theirs) else "Plex changed the others"
    return "the order was kept" if mine != sorted(mine) else "the order cannot be told by this song"


def _restore(sync: SyncClient, test: WriteTest, wait: Callable[[float], object]) -> str:
    """Put back exactly what stood there; a lost answer or a restart of Plex is waited for."""
    said = ""
    for seconds in _WAITS_SECONDS:
        wait(seconds)
        try:
            present = _present(sync, test)
            wanted = _without_probe(present, before_state(test))
            if present != wanted:
                written = sync.write_genres(test.rating_key, wanted, expected=present, meant=test.track)
                present = written.after
        except RemoteError as error:
            said = error.message
            continue
        if present.same_as(wanted):
            return _note_restored(test, present)
        said = f"Plex has {present}"
    raise WriteTestError(
        f"“{test.track}” could not be put back ({said}). It had {before_state(test)}: repeat `reclass doctor "
        f"--write-test`, which puts it back first, or take “{PROBE}” away in Plex"
    )


def _without_probe(present: GenreState, before: GenreState) -> GenreState:
    """What is to stand there: what stood there, or what somebody chose meanwhile, without the probe."""
    others = tuple(genre for genre in present.genres if not same_genres((genre,), (PROBE,)))
    if same_genres(others, before.genres):
        return before
    return GenreState(genres=others, locked=present.locked)


def _note_restored(test: WriteTest, present: GenreState) -> str:
    WriteTest.objects.filter(pk=test.pk).update(restored_time=timezone.now())
    # A sync may have read the probe meanwhile.
    Track.objects.filter(pk=test.track_id).update(
        plex_genres=list(present.genres), plex_genres_locked=present.locked
    )
    same = present == before_state(test)
    return f"put back and read back: {present}" if same else f"the probe was taken away; Plex has {present}"


def _present(sync: SyncClient, test: WriteTest) -> GenreState:
    found = sync.get_tracks([test.rating_key]).get(test.rating_key)
    if found is not None and is_another(test.track, found):
        raise WriteTestError(
            f"Plex has “{found.title}” under the key of “{test.track}”: run `reclass sync`, then the test again"
        )
    if found is None:
        WriteTest.objects.filter(pk=test.pk).update(restored_time=timezone.now())
        raise WriteTestError(
            f"“{test.track}” vanished from Plex during the test: try again after `reclass sync`"
        )
    return found.state


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the test as Ctrl-C does, so that the track is put back first."""
    with _handled((signal.SIGTERM,), _interrupt):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    with _handled(_SIGNALS, signal.SIG_IGN):
        yield


@contextmanager
def _handled(numbers: Sequence[signal.Signals], handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
