"""Which work belongs to which kind of run."""

from portal.ledger.planning import Planning
from portal.ledger.writing import Push, Rollback
from portal.library.hearing import Hearing
from portal.library.syncing import Syncing
from portal.runs.models import Run
from portal.runs.work import Work
from portal.verdicts.classifying import Classifying
from portal.verdicts.promoting import Promoting
from portal.verdicts.training import Training

_WORK: dict[str, Work] = {
    Run.Kind.SYNC: Syncing(),
    Run.Kind.EXTRACT: Hearing(),
    Run.Kind.CLASSIFY: Classifying(),
    Run.Kind.TRAIN: Training(),
    Run.Kind.PROMOTE: Promoting(),
    Run.Kind.PLAN: Planning(),
    Run.Kind.PUSH: Push(),
    Run.Kind.ROLLBACK: Rollback(),
}


def work_of(kind: str) -> Work:
    """The work of a kind of run."""
    return _WORK[kind]
