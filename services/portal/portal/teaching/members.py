"""Which songs are in a taught set: looked up at each sync and before each training."""

import re
from collections.abc import Iterable
from pathlib import PureWindowsPath
from unicodedata import normalize

from django.db import transaction
from django.db.models import Func, QuerySet, TextField, Value
from django.db.models.functions import Lower, Replace
from django.utils import timezone
from runtime.errors import RemoteError

from portal.library.models import Track
from portal.remote.sync import SyncClient
from portal.teaching.list_reading import AnotherListError, ListReading, ListsInPlex
from portal.teaching.models import TaughtSet, TaughtSong

Source = TaughtSet.Source


def read_again(sync: SyncClient) -> list[str]:
    """Look up the songs of every set anew. What could not be read keeps the songs that it had, and is told."""
    lists = ListsInPlex(sync)
    said = ((each, read(each, lists)) for each in TaughtSet.objects.select_related("genre").order_by("pk"))
    return [f"{each} {trouble}" for each, trouble in said if trouble]


def read(taught_set: TaughtSet, lists: ListsInPlex) -> str:
    """Look up the songs of one set; what to say of it, after its name, where not all is well.

    Chosen songs stay as they were chosen.
    """
    if taught_set.source == Source.SELECTION:
        return ""
    if taught_set.source == Source.FOLDER:
        keep(taught_set, in_folder(taught_set.title).values_list("pk", flat=True))
        return ""
    try:
        return _take(taught_set, lists.read(taught_set))
    except AnotherListError as error:
        taught_set.suspended_time = taught_set.suspended_time or timezone.now()
        taught_set.trouble = str(error)
        taught_set.save(update_fields=("suspended_time", "trouble"))
        return f"is suspended, and nothing is learned from it: {error}"
    except RemoteError as error:
        if taught_set.suspended_time is None:  # else there is more to say of it
            taught_set.trouble = error.message
            taught_set.save(update_fields=("trouble",))
        return f"could not be read, its songs stay as they were: {error.message}"


@transaction.atomic
def _take(taught_set: TaughtSet, reading: ListReading) -> str:
    """Store what was read of the set's own list; what to say of it."""
    there = reading.song_list
    taught_set.list_key, taught_set.title = there.key, there.title or taught_set.title
    taught_set.list_guid = there.guid or taught_set.list_guid
    taught_set.suspended_time = None
    taught_set.save(update_fields=("list_key", "title", "list_guid", "suspended_time"))
    if not reading.unknown:
        keep(taught_set, reading.track_ids)
        return ""
    # Those of its songs that were not found may be among them, under keys that a sync has not seen.
    add(taught_set, reading.track_ids)
    which = "1 track in it is" if reading.unknown == 1 else f"{reading.unknown:,} tracks in it are"
    taught_set.trouble = (
        f"{which} not known here as Plex has them now. `reclass sync` tells which songs they are; until then the set "
        "loses none."
    )
    taught_set.save(update_fields=("trouble",))
    return f"was read in part: {taught_set.trouble}"


@transaction.atomic
def keep(taught_set: TaughtSet, track_ids: Iterable[int]) -> None:
    """These are its songs, and no others."""
    wanted = set(track_ids)
    had = set(taught_set.songs.values_list("track_id", flat=True))
    taught_set.songs.filter(track_id__in=had - wanted).delete()
    add(taught_set, wanted - had)
    taught_set.read_time, taught_set.trouble = timezone.now(), ""
    taught_set.save(update_fields=("read_time", "trouble"))


def add(taught_set: TaughtSet, track_ids: Iterable[int]) -> None:
    """These songs too."""
    songs = (TaughtSong(taught_set=taught_set, track_id=track_id) for track_id in sorted(track_ids))
    TaughtSong.objects.bulk_create(songs, batch_size=5000, ignore_conflicts=True)


def in_folder(folder: str) -> QuerySet[Track]:
    """The songs below a folder, as Plex names it, however it was typed.

    What is typed and what Plex read from a disk may write one letter in several forms of Unicode. Windows takes both
    slashes for one, and does not tell small letters from large ones.
    """
    read = Normalised("file")
    below = f"{in_one_form(folder)}/"
    if is_windows(folder):
        slashes = Replace(read, Value("\\", TextField()), Value("/", TextField()))
        songs = Track.objects.alias(read=Lower(slashes))
        return songs.filter(read__startswith=Lower(Value(below)), removed_time=None)
    return Track.objects.alias(read=read).filter(read__startswith=below, removed_time=None)


class Normalised(Func):
    """Text in the form of Unicode that most write: each letter with its accent as one."""

    function = "normalize"
    template = "%(function)s(%(expressions)s, NFC)"
    arity = 1
    output_field = TextField()


def is_windows(path: str) -> bool:
    """Whether it is a path of Windows: with the letter of a drive, or of a share."""
    return re.match(r"[A-Za-z]:|\\\\", path) is not None


def in_one_form(folder: str) -> str:
    """A folder as it is compared: the usual form of Unicode, single slashes and none at the end."""
    usual = normalize("NFC", folder.strip())
    if is_windows(usual):
        return str(PureWindowsPath(usual)).replace("\\", "/").rstrip("/")
    return re.sub("/+", "/", usual).rstrip("/")
