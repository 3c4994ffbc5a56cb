"""Which batch a push or a rollback means when none is named, and whether any was ever applied."""

from django.db.models import Exists, OuterRef

from portal.ledger.models import WriteBatch, WriteRow


def has_applied_a_batch() -> bool:
    """Whether a person has seen what writing does, and wanted it."""
    return WriteBatch.objects.filter(applied_time__isnull=False).exists()


def next_batch() -> WriteBatch | None:
    """The batch that a push goes on with: one that was stopped half-way, else the plan that nothing came after.

    An older plan is out of date once another batch was made; whoever wants it all the same applies it in the admin.
    """
    states = WriteBatch.State
    to_do = WriteBatch.objects.filter(rows__state=WriteRow.State.PLANNED).distinct()
    half_way = to_do.filter(state=states.APPLYING).first()
    newest = WriteBatch.objects.exclude(state=states.DISCARDED).first()
    return half_way or (newest if newest and newest.state == states.PLANNED else None)


def last_written_batch() -> WriteBatch | None:
    """The newest batch of which something stands in Plex."""
    # Not a join: of a batch with 100,000 rows one is enough.
    written = WriteRow.objects.filter(batch=OuterRef("pk"), state=WriteRow.State.WRITTEN)
    return WriteBatch.objects.filter(Exists(written)).first()
