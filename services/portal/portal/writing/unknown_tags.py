"""Which songs a dry run left alone because nobody has said what their tags stand for."""

from collections.abc import Iterator, Sequence

from portal.counting import counted, listed
from portal.genres.models import spellings
from portal.genres.spelling import all_unknown
from portal.labels.tags import tags_of
from portal.library.models import Track
from portal.runs.models import Run, RunSong, UnknownTag

NAMED = 5
_AT_ONCE = 1000


def note_unknown_tags(run: Run) -> str:
    """Keep them with the run, those of most songs first; a sentence for its message."""
    skipped = run.songs.filter(state=RunSong.State.SKIPPED)
    tags: dict[str, list[str]] = {}
    songs = 0
    for track, unknown in _with_unknown_tags(
        list(skipped.order_by("track_id").values_list("track_id", flat=True))
    ):
        songs += 1
        for tag in unknown:
            tags.setdefault(tag, []).append(str(track))
    found = [
        UnknownTag(run=run, tag=tag, songs=len(tracks), example=tracks[0])
        for tag, tracks in sorted(tags.items(), key=lambda each: (-len(each[1]), each[0]))
    ]
    if not found:
        return ""
    UnknownTag.objects.bulk_create(found)
    return _sentence(songs, found)


def _with_unknown_tags(track_ids: Sequence[int]) -> Iterator[tuple[Track, Sequence[str]]]:
    known = spellings()
    for start in range(0, len(track_ids), _AT_ONCE):
        some = track_ids[start : start + _AT_ONCE]
        tracks = list(Track.objects.filter(pk__in=some).order_by("pk"))
        in_plex = {track.pk: track.plex_genres for track in tracks}
        tags = tags_of(in_plex, {track.pk: track.file_genres for track in tracks})
        for track in tracks:
            unknown = all_unknown(tags[track.pk], known)
            if unknown:
                yield track, unknown


def _sentence(songs: int, found: Sequence[UnknownTag]) -> str:
    named = listed([f"{each.tag} ({each.songs})" for each in found], NAMED)
    left = counted(songs, "song", verb=("was", "were"))
    return (
        f"{left} left alone because nobody has said what their tags stand for: {named}. "
        "Say it on the page Unknown tags."
    )
