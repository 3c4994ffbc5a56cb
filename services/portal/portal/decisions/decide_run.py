"""The decide run: brings the decisions of songs up to date."""

from collections.abc import Iterable

from portal.counting import counted
from portal.decisions.deciding import decide_outdated
from portal.runs.models import Run
from portal.runs.work import RunJob, Work

# Under this a run's result keeps how many songs were decided.
DECIDED = "decided"


class Deciding(Work):
    """No arguments. One call, with no songs of its own to count."""

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Decide what is out of date. Broken off, what was stored is right as it is."""
        job.run.keep(**{DECIDED: decide_outdated(job.services.decisions, job.report)})
        return ()

    def summarise(self, run: Run) -> str:
        """How many songs that were."""
        songs = run.result.get(DECIDED, 0)
        if not songs:
            return "Nothing to decide: nothing has changed of any song since it was decided."
        return (
            f"{counted(songs, 'song')} decided anew, for something has changed of them or of their artists."
        )
