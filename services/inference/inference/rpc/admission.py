"""How many calls may be in the works, and the refusal of those that are too many."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from runtime.rights import fingerprint, mark_of
from runtime.streams import AdmissionLimit

from inference.errors import TooManyCallsError


def calls_limit(limit: int) -> AdmissionLimit:
    """Of ClassifyTrack."""
    return AdmissionLimit(
        limit,
        lambda: TooManyCallsError(
            f"{limit} ClassifyTrack calls are in the works, as many as this service takes: wait a second and try "
            "again, or send the songs through one ClassifyTracks stream (INFERENCE_MAX_CALLS raises the limit)"
        ),
    )


def streams_limit(limit: int) -> AdmissionLimit:
    """Of ClassifyTracks."""
    return AdmissionLimit(
        limit,
        lambda: TooManyCallsError(
            f"{limit} ClassifyTracks streams are open, as many as this service takes: try again when one has ended, or "
            "send the songs through one that is open (INFERENCE_MAX_STREAMS raises the limit)"
        ),
    )


PORTAL_STREAMS = 4
"""DecideTracks streams of the portal at the same time; it has one for each worker."""


class DecideStreams:
    """Places of DecideTracks: a library that is decided keeps nobody from classifying, and the other way round.

    The portal has places of its own: other programs that hold theirs open do not stop the system's own decisions.
    """

    def __init__(self, limit: int, portal_token: str | None) -> None:
        self._portal = fingerprint(portal_token) if portal_token else None
        self._of_portal = _decide_streams_limit(PORTAL_STREAMS)
        self._of_others = _decide_streams_limit(limit)

    def admit(self, metadata: Iterable[tuple[str, str | bytes]]) -> AbstractContextManager[None]:
        """Hold a place; raises TooManyCallsError where there is none."""
        is_portal = self._portal is not None and mark_of(metadata) == self._portal
        return (self._of_portal if is_portal else self._of_others).admit()


def _decide_streams_limit(limit: int) -> AdmissionLimit:
    return AdmissionLimit(
        limit,
        lambda: TooManyCallsError(
            f"{limit} DecideTracks streams are open, as many as this service takes: try again when one has ended "
            "(INFERENCE_MAX_DECIDE_STREAMS raises the limit)"
        ),
    )
