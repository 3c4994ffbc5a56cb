"""Which query of the list of songs shows the songs with each flag."""

from collections.abc import Mapping

from portal.library.flags import Beside

QUERIES: Mapping[Beside, str] = {
    Beside.STALE: "stale=yes",
    Beside.REMOVED: "presence=gone",
    Beside.RANDOM_WEIGHTS: "weights=random",
    Beside.NOT_CHOSEN: "presence=unchosen",
}
