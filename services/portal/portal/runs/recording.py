"""Keeps what became of songs: many outcomes in one transaction, no later than a moment after the first."""

import time
from collections import Counter
from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, QuerySet

from portal.runs.models import Run, RunSong
from portal.runs.retry_schedule import exhausted
from portal.runs.work import Outcome, Verdict

# A crash forgets at most so much, and what it forgets is done again; a transaction for each song would cost more than
# the songs that are classified from stored vectors.
KEEP_EVERY_SECONDS = 0.5
STATE_OF = {
    Verdict.DONE: RunSong.State.DONE,
    Verdict.SKIPPED: RunSong.State.SKIPPED,
    Verdict.FAILED: RunSong.State.FAILED,
}


class Record:
    """The outcomes of one job's songs. `left` maps those to work on to the attempts before this one."""

    def __init__(self, run_id: int, left: dict[int, int]) -> None:
        self.left = left
        self.to_try_again: list[int] = []
        self._run_id = run_id
        self._done: list[int] = []
        self._others: list[RunSong] = []
        self._kept_time = time.monotonic()

    def note(self, track_id: int, outcome: Outcome) -> None:
        """Take a song's outcome."""
        attempts = self.left.pop(track_id) + 1
        state = STATE_OF.get(outcome.verdict)
        if state is None:
            state = RunSong.State.FAILED if exhausted(attempts) else RunSong.State.PENDING
        if state == RunSong.State.PENDING:
            self.to_try_again.append(track_id)
        if state == RunSong.State.DONE:
            self._done.append(track_id)
        else:
            self._others.append(
                RunSong(track_id=track_id, state=state, attempts=attempts, message=outcome.message)
            )

    def keep_if_due(self) -> None:
        """Store what was taken, unless that was done a moment ago."""
        if time.monotonic() - self._kept_time >= KEEP_EVERY_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Store what was taken."""
        done, others = self._done, self._others
        self._done, self._others, self._kept_time = [], [], time.monotonic()
        if not done and not others:
            return
        with transaction.atomic():
            hold(self._run_id)
            counted: Counter[str] = Counter({RunSong.State.DONE: _drop_done(self._run_id, done)})
            for song in others:
                rows = _pending(self._run_id, [song.track_id])
                counted[song.state] += rows.update(
                    state=song.state, attempts=song.attempts, message=song.message
                )
            count(self._run_id, counted)


def hold(run_id: int) -> None:
    """Lock the run before its songs, as those do who end it: the other way round, the two would wait for each other."""
    Run.objects.select_for_update(no_key=True).filter(pk=run_id).first()


def _drop_done(run_id: int, track_ids: Sequence[int]) -> int:
    """Take songs that are done out of the run; how many were pending. The run counts them, nobody asks which."""
    deleted, _ = _pending(run_id, track_ids).delete() if track_ids else (0, {})
    return deleted


def count(run_id: int, counted: Counter[str]) -> None:
    """Add to what the run says of its songs."""
    Run.objects.filter(pk=run_id).update(
        done_count=F("done_count") + counted[RunSong.State.DONE],
        skipped_count=F("skipped_count") + counted[RunSong.State.SKIPPED],
        failed_count=F("failed_count") + counted[RunSong.State.FAILED],
    )


def _pending(run_id: int, track_ids: Sequence[int]) -> QuerySet[RunSong]:
    return RunSong.objects.filter(run_id=run_id, track_id__in=track_ids, state=RunSong.State.PENDING)
