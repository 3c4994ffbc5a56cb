"""The songs to learn from: analysed ones of which people, taught sets or tags say what they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from django.db.models import Count, Exists, OuterRef, QuerySet

from portal.labels.precedence import labelled, song_labels
from portal.library.models import Analysis, Track, Vector
from portal.library.presence import present
from portal.library.recordings import OUTDATED
from portal.library.stages import lacking
from portal.library.vectors import stored_vectors
from portal.remote.audio import FMA, FMA_NATIVE
from portal.remote.inference import TrainingSong

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What there is to learn from, before it is read."""

    labelled: int
    extracted: int
    usable: int


def survey(versions: Mapping[str, str]) -> Corpus:
    """How many songs have a genre, have the FMA values of this version (which every stage needs), and both."""
    kind = FMA_NATIVE if FMA_NATIVE in versions else FMA
    made = Vector.objects.filter(audio=OuterRef("audio"), kind=kind, version=versions.get(kind, ""))
    songs = Track.objects.filter(present())
    extracted = _extracted(songs).filter(Exists(made))
    return Corpus(
        labelled=labelled(songs).count(), extracted=extracted.count(), usable=labelled(extracted).count()
    )


def training_songs(versions: Mapping[str, str]) -> Iterator[TrainingSong]:
    """Every usable song, with its vectors of these versions by kind, and the strongest word on what it is."""
    tracks = (
        _extracted(labelled(Track.objects.filter(present())))
        .only("pk", "audio_id", "artist", "album_artist", "album")
        .order_by("pk")
    )
    remaining = tracks.iterator(chunk_size=_AT_ONCE)
    while songs := list(islice(remaining, _AT_ONCE)):
        stored = stored_vectors(song.audio_id or 0 for song in songs)
        labels = song_labels(song.pk for song in songs)
        for song in songs:
            vectors = stored.get(song.audio_id or 0, ())
            usable = tuple(each for each in vectors if versions.get(each.kind) == each.version)
            label = labels.get(song.pk)
            if usable and label:
                yield TrainingSong(
                    song_id=str(song.pk),
                    genre=label.genre,
                    additional_genres=label.additional_genres,
                    source=label.source,
                    artist=song.artist,
                    album_artist=song.album_artist,
                    album=song.album,
                    vectors=usable,
                )


def lacking_vectors(versions: Mapping[str, str]) -> QuerySet[Track]:
    """Songs that could be learned from, were it not for vectors of these versions that can be made and are not."""
    tracks = labelled(Track.objects.filter(lacking(versions), present()))
    return tracks.exclude(analysis=Analysis.SKIPPED).exclude(file="")


def _extracted(tracks: QuerySet[Track]) -> QuerySet[Track]:
    return tracks.exclude(audio=None).exclude(analysis__in=OUTDATED)


def present_versions() -> dict[str, str]:
    """The version of each kind that most audio has; vectors of others cannot be mixed with it."""
    counts = (
        Vector.objects.values_list("kind", "version")
        .annotate(audio_count=Count("pk"))
        .order_by("audio_count", "version")
    )
    return {kind: version for kind, version, _ in counts}
