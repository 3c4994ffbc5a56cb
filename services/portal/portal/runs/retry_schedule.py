"""How often and when a song is tried again: pure."""

MAX_ATTEMPTS = 5
# A restart of a service takes seconds, that of a server with big models half a minute.
_WAITS_SECONDS = (2, 5, 15, 30)
# A mount that is missing is noticed within minutes, or not for days.
_FIRST_LOOK_SECONDS = 600
_LAST_LOOK_SECONDS = 24 * 3600
_LOST_TOGETHER = (100, 10, 1)

# What strikes every song alike: going on would only say it 100,000 times.
STOPS_THE_RUN = frozenset(
    {"NOT_CONFIGURED", "TOKEN_REFUSED", "NOT_A_PLEX_SERVER", "ANOTHER_SERVER", "SERVER_TOO_OLD"}
)

# A file that is not there comes back with a mount or a scan, not within a minute.
FOR_THE_NEXT_RUN = frozenset({"AUDIO_NOT_FOUND", "PATH_NOT_MOUNTED"})


def wait_seconds(attempts: int) -> int:
    """How long to wait after that many failed attempts."""
    return _WAITS_SECONDS[min(max(attempts, 1), len(_WAITS_SECONDS)) - 1]


def next_look_seconds(attempts: int) -> int:
    """How long after that many failed attempts a song is tried again by itself, when its run is over."""
    return min(_FIRST_LOOK_SECONDS << (min(max(attempts, 1), 10) - 1), _LAST_LOOK_SECONDS)


def exhausted(attempts: int) -> bool:
    """Whether that many failed attempts are enough for one run."""
    return attempts >= MAX_ATTEMPTS


def songs_at_once_after(attempts: int) -> int:
    """Songs in a job after so many workers died: ever fewer, so that the one they die of is found among 100,000."""
    return _LOST_TOGETHER[min(max(attempts, 1), len(_LOST_TOGETHER)) - 1]
