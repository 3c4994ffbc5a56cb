"""How many calls may be in the works, and the refusal of those that are too many."""

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


def decide_streams_limit(limit: int) -> AdmissionLimit:
    """Of DecideTracks: a library that is decided keeps nobody from classifying, and the other way round."""
    return AdmissionLimit(
        limit,
        lambda: TooManyCallsError(
            f"{limit} DecideTracks streams are open, as many as this service takes: try again when one has ended "
            "(INFERENCE_MAX_DECIDE_STREAMS raises the limit)"
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
