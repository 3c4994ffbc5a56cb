"""Which songs are taken care of: those that Plex has, in a library that is chosen in the settings."""

from collections.abc import Collection

from django.db.models import BooleanField, ExpressionWrapper, Q, Value
from django.db.models.expressions import Combinable

from portal.counting import counted
from portal.library.models import Library, Track
from portal.library.names import name_key
from portal.preferences.current import preferences

NOT_CHOSEN = "its library is not among those that the setting plex_libraries names"


def unchosen_libraries() -> list[int]:
    """The ids of the libraries whose songs are left alone; none where the setting names no library."""
    titles = {name_key(title) for title in preferences().plex_libraries}
    known = Library.objects.values_list("pk", "title") if titles else ()
    return [pk for pk, title in known if name_key(title) not in titles]


def present(prefix: str = "") -> Q:
    """Songs that are taken care of; `prefix` is the way to the song, as "track__"."""
    in_plex, unchosen = Q(**{f"{prefix}removed_time": None}), unchosen_libraries()
    return in_plex & ~Q(**{f"{prefix}library__in": unchosen}) if unchosen else in_plex


def not_chosen() -> Q:
    """Songs that Plex has, in libraries that are not chosen."""
    return Q(removed_time=None, library__in=unchosen_libraries())


def is_not_chosen(library: str = "library") -> Combinable:
    """Whether the library that stands under this name is not chosen, for rows that are shown."""
    unchosen = unchosen_libraries()
    if not unchosen:
        return Value(False)  # Django's own way
    return ExpressionWrapper(Q(**{f"{library}__in": unchosen}), output_field=BooleanField())


def left_alone(track_ids: Collection[int] | None) -> str:
    """What to say of those of these songs whose library is not chosen; empty where there are none."""
    songs = Track.objects.filter(not_chosen(), pk__in=track_ids).count() if track_ids else 0
    if not songs:
        return ""
    left = counted(songs, "song", verb=("was", "were"))
    whose = NOT_CHOSEN if songs == 1 else NOT_CHOSEN.replace("its library", "the library of each")
    return f"{left} left alone: {whose}."
