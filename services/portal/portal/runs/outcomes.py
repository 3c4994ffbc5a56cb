"""What a failed call means for the song that it was made for."""

from runtime.errors import RemoteError

from portal.runs.retry_schedule import FOR_THE_NEXT_RUN, STOPS_THE_RUN
from portal.runs.work import Outcome, RunFailedError, Verdict


def outcome_of(error: RemoteError) -> Outcome:
    """The outcome for one song; raises `RunFailedError` where every other song would fare the same."""
    if error.reason in STOPS_THE_RUN:
        raise RunFailedError(error.message) from error
    enough = error.permanent or error.reason in FOR_THE_NEXT_RUN
    return Outcome(verdict=Verdict.FAILED if enough else Verdict.AGAIN, message=error.message)
