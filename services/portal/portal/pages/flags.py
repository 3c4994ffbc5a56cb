"""Which query of the list of songs shows the songs with each flag."""

from collections.abc import Mapping

from portal.library.flags import Flag

QUERIES: Mapping[Flag, str] = {
    Flag.STALE: "stale=yes",
    Flag.REMOVED: "presence=gone",
    Flag.RANDOM_WEIGHTS: "weights=random",
    Flag.NOT_CHOSEN: "presence=unchosen",
}
