"""The push and rollback runs: carry out a batch's edits in Plex, and take them back."""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from runtime.errors import RemoteError

from portal.decisions.deciding import decide_outdated
from portal.genres.models import spellings
from portal.labels.tags import tags_of
from portal.ledger.attempts import (
    PERHAPS_IN_PLEX,
    after_state,
    before_state,
    left_in_plex,
    present_state,
)
from portal.ledger.models import WriteBatch, WriteRow
from portal.ledger.plex_state import restore_plex_state, written_over_by
from portal.library.models import InPlex, Track
from portal.remote.plex import GenreState
from portal.remote.sync import SyncClient
from portal.runs.models import Run
from portal.runs.outcomes import outcome_of
from portal.runs.work import DONE, Outcome, RunJob, Verdict, Work
from portal.verdicts.models import Prediction
from portal.writing.overtaken import overtaken
from portal.writing.policy import AI, RANDOM_WEIGHTS, objection

GENRES_CHANGED = "GENRES_CHANGED"
WRITTEN_OVER = "Batch {batch} has written over it since: roll that back first, then this one again."
EXCLUDED_SINCE = "Excluded since the dry run: it was not written."


class Push(Work):
    """Of `batch`. A row is written once; what is repeated after a crash changes nothing in Plex.

    Stopped half-way it leaves the batch as far as it is, and the next push goes on with it. So does a rollback.
    """

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """The songs of the batch that are not written yet."""
        # What has changed of a song since the dry run is not written as if it had not. What people have judged since is
        # for the next one: whoever applies a batch expects what it shows.
        decide_outdated(job.services.decisions, job.report, judged_counts=False)
        batch = WriteBatch.objects.get(runs=job.run)
        return _tracks(batch, Q(state=WriteRow.State.PLANNED))

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Write one song after the other, each committed by itself."""
        rows = _rows(job.run, track_ids)
        left_alone = _leave_alone([row_id for row_id, _ in rows])
        for row_id, track_id in rows:
            if row_id in left_alone:
                yield track_id, Outcome(verdict=Verdict.SKIPPED, message=left_alone[row_id])
                continue
            # Before the edit and in a commit of its own: after a crash it tells our edit from somebody else's.
            begun = WriteRow.objects.filter(pk=row_id, state=WriteRow.State.PLANNED, attempted_time=None)
            first_attempt = bool(begun.update(attempted_time=timezone.now()))
            try:
                yield track_id, _push_row(job.services.sync, row_id, first_attempt=first_attempt)
            except RemoteError as error:
                sync = job.services.sync
                yield track_id, _note_failed_push(sync, row_id, error, first_attempt=first_attempt)

    def summarise(self, run: Run) -> str:
        """The batch is applied, whatever became of single songs; the rows tell."""
        batch = WriteBatch.objects.get(runs=run)
        # What could not be reached this time is said to have failed; a later plan will find it again.
        unreached = list(_tracks(batch, Q(state=WriteRow.State.PLANNED)))
        batch.rows.filter(state=WriteRow.State.PLANNED).update(state=WriteRow.State.FAILED)
        batch.state, batch.applied_time = WriteBatch.State.APPLIED, timezone.now()
        batch.save(update_fields=("state", "applied_time"))
        restore_plex_state(unreached, instead_of=InPlex.PLANNED)
        return f"Batch {batch.pk}: {_counted(batch)}."


class Rollback(Work):
    """Of `batch`. Puts back what stood in Plex before; songs that somebody changed since are left alone."""

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """The songs that the batch has changed, or may have: a crash or a lost answer hides an edit."""
        batch = WriteBatch.objects.get(runs=job.run)
        return _tracks(batch, PERHAPS_IN_PLEX)

    def work(self, job: RunJob, track_ids: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Put back one song after the other, each committed by itself."""
        for row_id, track_id in _rows(job.run, track_ids):
            try:
                yield track_id, _roll_back_row(job.services.sync, row_id)
            except RemoteError as error:
                yield track_id, _note_failed_rollback(row_id, error)

    def summarise(self, run: Run) -> str:
        """The batch is rolled back, unless songs are left that could not be reached."""
        batch = WriteBatch.objects.get(runs=run)
        # Those of a doubtful edit too: once it is known what became of them they are none any more.
        left = batch.rows.filter(PERHAPS_IN_PLEX).count()
        batch.state = WriteBatch.State.APPLIED if left else WriteBatch.State.ROLLED_BACK
        batch.rolled_back_time = None if left else timezone.now()
        batch.save(update_fields=("state", "rolled_back_time"))
        restore_plex_state(_tracks(batch, Q(state=WriteRow.State.PLANNED)), instead_of=InPlex.PLANNED)
        more = f" {left} could not be put back: roll back again." if left else ""
        return f"Batch {batch.pk}: {_counted(batch)}.{more}"


def counts(batch: WriteBatch) -> dict[str, int]:
    """Rows of a batch by state."""
    found = dict(batch.rows.order_by().values_list("state").annotate(Count("pk")))
    return {str(state): found[state] for state in WriteRow.State if state in found}


def _counted(batch: WriteBatch) -> str:
    return ", ".join(f"{n} {state}" for state, n in counts(batch).items()) or "no songs"


def _tracks(batch: WriteBatch, chosen: Q) -> Iterable[int]:
    return batch.rows.filter(chosen).order_by("pk").values_list("track_id", flat=True).iterator()


def _rows(run: Run, track_ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = WriteRow.objects.filter(batch_id=run.batch_id, track_id__in=track_ids)
    return list(rows.order_by("pk").values_list("pk", "track_id"))


def _leave_alone(row_ids: Sequence[int]) -> dict[int, str]:
    """Rows that are not written, with the reason: since the plan, or the version that made it, more speaks against."""
    planned = WriteRow.objects.filter(pk__in=row_ids, state=WriteRow.State.PLANNED, attempted_time=None)
    rows = list(planned.select_related("track", "batch"))
    left = _spoken_against([row for row in rows if row.source == AI]) | overtaken(rows)
    for row in rows:
        if message := left.get(row.pk):
            planned.filter(pk=row.pk).update(state=WriteRow.State.FAILED, message=message)
            restore_plex_state([row.track_id], instead_of=InPlex.PLANNED)
    return left


def _spoken_against(rows: Sequence[WriteRow]) -> dict[int, str]:
    """Of the AI's rows, those against which tags or random weights speak."""
    known, tracks = spellings(), [row.track_id for row in rows]
    in_files = {row.track_id: row.track.file_genres for row in rows}
    tags = tags_of({row.track_id: row.before_genres for row in rows}, in_files)
    by_trials = set(
        Prediction.objects.filter(track__in=tracks, current=True, random_weights=True).values_list(
            "track", flat=True
        )
    )
    left = {}
    for row in rows:
        message = objection(tags[row.track_id], known, unlearned={})
        if row.track_id in by_trials and not row.random_weights:
            message = RANDOM_WEIGHTS
        if message:
            left[row.pk] = message
    return left


@transaction.atomic
def _push_row(sync: SyncClient, row_id: int, *, first_attempt: bool) -> Outcome:
    # The lock is held over the call: a push and a rollback of one song must not run at once.
    row = _locked(row_id)
    if row.state != WriteRow.State.PLANNED:
        return DONE
    if row.track.in_plex == InPlex.EXCLUDED:
        _forget_attempt(row, certain=first_attempt)
        return _settle(row, WriteRow.State.FAILED, EXCLUDED_SINCE)
    try:
        written = sync.write_genres(
            row.rating_key, after_state(row), expected=before_state(row), meant=row.track
        )
    except RemoteError as error:
        if error.reason != GENRES_CHANGED:
            raise
        present = present_state(sync, row)
        _forget_attempt(row, certain=first_attempt)
        return _conflict(row, error.message, present)
    row.written_time = timezone.now()
    # Plex had it already, and this was the first attempt: somebody else's doing, which a rollback must not undo.
    already = not written.changed and first_attempt
    return _settle(
        row,
        WriteRow.State.UNCHANGED if already else WriteRow.State.WRITTEN,
        "",
        written.after,
        InPlex.WRITTEN,
    )


@transaction.atomic
def _roll_back_row(sync: SyncClient, row_id: int) -> Outcome:
    row = _locked(row_id)
    uncertain = row.state in (WriteRow.State.PLANNED, WriteRow.State.FAILED)
    if row.state != WriteRow.State.WRITTEN and not uncertain:
        return DONE
    over = written_over_by(row)
    if over is not None:
        # Told from somebody else's edit, and to be taken back once that one is.
        return Outcome(verdict=Verdict.FAILED, message=WRITTEN_OVER.format(batch=over.batch_id))
    before, after = before_state(row), after_state(row)
    try:
        written = sync.write_genres(row.rating_key, before, expected=after, meant=row.track)
        present, changed = written.after, written.changed
    except RemoteError as error:
        if error.reason != GENRES_CHANGED:
            raise
        found = present_state(sync, row)
        # A crash may have hidden that it was put back, and Plex may order genres by itself.
        if found is None or not found.same_as(before):
            return _conflict(row, error.message, found)
        present, changed = found, False
    if uncertain and not changed:
        _forget_attempt(row, certain=True)
        return _settle(row, WriteRow.State(row.state), row.message, present)
    row.rolled_back_time = timezone.now()
    outcome = _settle(row, WriteRow.State.ROLLED_BACK, "", present, InPlex.ROLLED_BACK)
    restore_plex_state([row.track_id], instead_of=InPlex.ROLLED_BACK)  # perhaps as another batch wrote it
    return outcome


def _locked(row_id: int) -> WriteRow:
    rows = WriteRow.objects.select_for_update(of=("self",))
    return rows.select_related("track__library").get(pk=row_id)


def _forget_attempt(row: WriteRow, *, certain: bool) -> None:
    """Nothing of this row stands in Plex: what stands there may be a label. Unsaved."""
    if certain:
        row.attempted_time = None


def _conflict(row: WriteRow, message: str, present: GenreState | None) -> Outcome:
    said = f"{message} (Plex has {present})" if present is not None else message
    return _settle(row, WriteRow.State.CONFLICT, said, present, InPlex.CONFLICT)


def _settle(
    row: WriteRow,
    state: WriteRow.State,
    message: str,
    present: GenreState | None = None,
    in_plex: InPlex | None = None,
) -> Outcome:
    """Store how a row ended, and what Plex has now."""
    row.state, row.message = state, message
    row.save(update_fields=("state", "message", "attempted_time", "written_time", "rolled_back_time"))
    track = Track.objects.filter(pk=row.track_id)
    if present is not None:
        track.update(plex_genres=list(present.genres), plex_genres_locked=present.locked)
    if in_plex is not None:
        # Asked of the database: somebody may have excluded the song while Plex was being written to.
        track.exclude(in_plex=InPlex.EXCLUDED).update(in_plex=in_plex)
    return Outcome(verdict=Verdict.SKIPPED, message=message) if message else DONE


def _note_failed_push(sync: SyncClient, row_id: int, error: RemoteError, *, first_attempt: bool) -> Outcome:
    planned = WriteRow.objects.filter(pk=row_id, state=WriteRow.State.PLANNED)
    row = planned.select_related("track").first()
    left = left_in_plex(sync, row, error, first_attempt=first_attempt) if row else None
    if row and left and left.same_as(before_state(row)):
        planned.update(attempted_time=None)
    elif left:
        # By this a rollback, and whoever reads tags, knows it for ours.
        planned.update(after_genres=list(left.genres), after_locked=left.locked)
    outcome = outcome_of(error)
    state = WriteRow.State.FAILED if outcome.verdict is Verdict.FAILED else WriteRow.State.PLANNED
    planned.update(state=state, message=error.message)
    if state == WriteRow.State.FAILED:
        restore_plex_state(
            Track.objects.filter(writes=row_id).values_list("pk", flat=True), instead_of=InPlex.PLANNED
        )
    return outcome


def _note_failed_rollback(row_id: int, error: RemoteError) -> Outcome:
    WriteRow.objects.filter(pk=row_id).update(message=error.message)
    return outcome_of(error)
