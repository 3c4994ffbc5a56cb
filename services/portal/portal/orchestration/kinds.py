"""Which work belongs to which kind of run."""

from portal.classification.classification_run import Classifying
from portal.decisions.decide_run import Deciding
from portal.extraction.extraction_run import ExtractionRun
from portal.extraction.fill_run import FillRun
from portal.plex_sync.sync_run import Syncing
from portal.runs.models import Run
from portal.runs.work import Work
from portal.training.promotion import Promoting
from portal.training.training_run import Training
from portal.writing.plan_run import Planning
from portal.writing.write_runs import Push, Rollback

_WORK: dict[str, Work] = {
    Run.Kind.SYNC: Syncing(),
    Run.Kind.EXTRACT: ExtractionRun(),
    Run.Kind.FILL: FillRun(),
    Run.Kind.CLASSIFY: Classifying(),
    Run.Kind.DECIDE: Deciding(),
    Run.Kind.TRAIN: Training(),
    Run.Kind.PROMOTE: Promoting(),
    Run.Kind.PLAN: Planning(),
    Run.Kind.PUSH: Push(),
    Run.Kind.ROLLBACK: Rollback(),
}


def work_of(kind: str) -> Work:
    """The work of a kind of run."""
    return _WORK[kind]
