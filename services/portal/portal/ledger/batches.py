"""Which batch a push or a rollback means when none is named, and whether any was ever applied."""

from django.db.models import Exists, OuterRef

from portal.ledger.models import WriteBatch, WriteRow
from portal.runs.models import Run


def has_applied_a_batch() -> bool:
    """Whether a person has seen what writing does, and wanted it."""
    return WriteBatch.objects.filter(applied_time__isnull=False).exists()


def next_batch() -> WriteBatch | None:
    """The batch that a push goes on with: one that was stopped half-way, else the plan that waits."""
    to_do = WriteBatch.objects.filter(rows__state=WriteRow.State.PLANNED).distinct()
    return to_do.filter(state=WriteBatch.State.APPLYING).first() or waiting_plan()


def waiting_plan() -> WriteBatch | None:
    """The plan that nothing came after.

    An older plan is out of date once another batch was made, or a dry run of all songs has found nothing to write;
    whoever wants it all the same applies it in the admin.
    """
    newest = WriteBatch.objects.exclude(state=WriteBatch.State.DISCARDED).first()
    if newest is None or newest.state != WriteBatch.State.PLANNED or not newest.rows.exists():
        return None
    # A batch without rows was not kept. Of chosen songs one tells nothing of the others.
    empty = Run.objects.filter(
        kind=Run.Kind.PLAN, state=Run.State.DONE, batch=None, arguments__track_ids=None
    )
    return None if empty.filter(created_time__gt=newest.created_time).exists() else newest


def last_written_batch() -> WriteBatch | None:
    """The newest batch of which something stands in Plex."""
    # Not a join: of a batch with 100,000 rows one is enough.
    written = WriteRow.objects.filter(batch=OuterRef("pk"), state=WriteRow.State.WRITTEN)
    return WriteBatch.objects.filter(Exists(written)).first()
