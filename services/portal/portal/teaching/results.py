"""What is told of a genre that was just taught: how many songs it has, and whether these are enough."""

from portal.genres.models import Genre
from portal.library.presence import present
from portal.teaching.models import TaughtSong

LEAST_SONGS = 30
GOOD_SONGS = 100


def taught_songs(genre: Genre) -> int:
    """Songs in the sets of a genre, each once."""
    songs = TaughtSong.objects.filter(present("track__"), taught_set__genre=genre)
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
    counted = f"{songs:,} song{'' if songs == 1 else 's'}"
    return f"{made}{genre} is taught by {counted}{f' ({remark})' if remark else ''}. Train to learn it."
