"""What a failed call means for the song that it was made for."""

from runtime.errors import RemoteError

from portal.runs.retrying import STOPS_THE_RUN
from portal.runs.work import Outcome, RunFailedError, Verdict


def outcome_of(error: RemoteError) -> Outcome:
    """The outcome for one song; raises `RunFailedError` where every other song would fare the same."""
    if error.reason in STOPS_THE_RUN:
        raise RunFailedError(error.message) from error
    return Outcome(verdict=Verdict.FAILED if error.permanent else Verdict.AGAIN, message=error.message)
