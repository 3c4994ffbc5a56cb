"""What is told of a genre that was just taught: how many songs it has, and whether these are enough."""

from portal.counting import counted
from portal.genres.models import Genre
from portal.library.presence import present
from portal.teaching.models import TaughtSet, TaughtSong

LEAST_SONGS = 30
GOOD_SONGS = 100
NAMED = 3


def taught_songs(genre: Genre) -> int:
    """Songs in the sets of a genre that are not suspended, each once."""
    songs = TaughtSong.objects.filter(
        present("track__"), taught_set__genre=genre, taught_set__suspended_time=None
    )
    return songs.values("track_id").distinct().count()


def enough(songs: int) -> str:
    """What to say of this number of examples; empty where they are enough."""
    if songs < LEAST_SONGS:
        return f"too few to trust what is learned: {LEAST_SONGS} at least, {GOOD_SONGS} are better"
    return f"{GOOD_SONGS} are better" if songs < GOOD_SONGS else ""


def told(genre: Genre, *, new: bool) -> str:
    """After a set was made or grew."""
    songs = taught_songs(genre)
    made = f"{genre} is a genre now. " if new else ""
    remark = enough(songs)
    return f"{made}{genre} is taught by {counted(songs, 'song')}{f' ({remark})' if remark else ''}. Train to learn it."


def suspended_sets() -> str:
    """What to say of the sets that are suspended; empty where none is."""
    suspended = list(TaughtSet.objects.exclude(suspended_time=None).select_related("genre"))
    if not suspended:
        return ""
    if len(suspended) == 1:
        return f"The taught set {suspended[0]} is suspended, and nothing is learned from it: {suspended[0].trouble}"
    named = "; ".join(map(str, suspended[:NAMED]))
    more = f"; and {len(suspended) - NAMED} more" if len(suspended) > NAMED else ""
    return (
        f"{len(suspended)} taught sets are suspended, and nothing is learned from them, because Plex has other lists "
        f"in place of theirs: {named}{more}. The page of each says what to do."
    )
