"""What each song's tags are and which genres they claim; what our own ledger wrote is never taken for a claim."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from django.db.models import QuerySet

from portal.genres.models import spellings
from portal.genres.spelling import genres_of
from portal.ledger.attempts import PERHAPS_WRITTEN
from portal.ledger.models import WriteRow
from portal.ledger.originals import Edit, original_genres
from portal.library.models import Track

_AT_ONCE = 1000


def relabel(tracks: QuerySet[Track] | None = None) -> int:
    """Make the genres that tags claim of these songs, or all, what aliases and genres now say; how many changed."""
    known = spellings()
    chosen = Track.objects.all() if tracks is None else tracks
    tagged = chosen.only("pk", "plex_genres", "file_genres", "tag_genre_id", "additional_tag_genres")
    remaining = tagged.order_by("pk").iterator(chunk_size=_AT_ONCE)
    count = 0
    while batch := list(islice(remaining, _AT_ONCE)):
        changed = set_labels(batch, known)
        Track.objects.bulk_update(changed, ["tag_genre", "additional_tag_genres"])
        count += len(changed)
    return count


def set_labels(tracks: Sequence[Track], known: Mapping[str, int]) -> list[Track]:
    """Set `tag_genre` and `additional_tag_genres` on these objects, unsaved; those that changed."""
    in_plex = {track.pk: track.plex_genres for track in tracks}
    labels = labels_of(in_plex, {track.pk: track.file_genres for track in tracks}, known)
    changed = []
    for track in tracks:
        first, also = labels[track.pk]
        if (first, also) != (track.tag_genre_id, track.additional_tag_genres):
            track.tag_genre_id, track.additional_tag_genres = first, also
            changed.append(track)
    return changed


def labels_of(
    in_plex: Mapping[int, Sequence[str]], in_files: Mapping[int, Sequence[str]], known: Mapping[str, int]
) -> dict[int, tuple[int | None, list[int]]]:
    """The genre that each track's tags claim and the further ones, from what Plex has now and what the files have."""
    found = {track_id: genres_of(tags, known) for track_id, tags in tags_of(in_plex, in_files).items()}
    return {track_id: (named[0] if named else None, list(named[1:])) for track_id, named in found.items()}


def tags_of(
    in_plex: Mapping[int, Sequence[str]], in_files: Mapping[int, Sequence[str]]
) -> dict[int, tuple[str, ...]]:
    """Each track's tags: those that Plex had before us and, where it had none, those of the file."""
    edits = edits_of(in_plex)
    return {
        track_id: original_genres(genres, edits.get(track_id, ())) or tuple(in_files.get(track_id, ()))
        for track_id, genres in in_plex.items()
    }


def edits_of(track_ids: Iterable[int]) -> dict[int, list[Edit]]:
    """Our edits that may stand in Plex, newest first, by track."""
    rows = WriteRow.objects.filter(PERHAPS_WRITTEN, track_id__in=list(track_ids)).order_by("-pk")
    edits = defaultdict(list)
    for track_id, before, after in rows.values_list("track_id", "before_genres", "after_genres"):
        edits[track_id].append(Edit(before=tuple(before), after=tuple(after)))
    return edits
