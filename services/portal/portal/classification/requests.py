"""Asks for the verdicts of songs: from the vectors that are stored, and from the audio where these are not enough."""

from collections.abc import Iterator, Mapping, Sequence

from runtime.errors import RemoteError

from portal.extraction.extraction_run import source_of
from portal.library.models import Track
from portal.library.recordings import OUTDATED
from portal.library.stages import ADDITIONAL_KINDS
from portal.library.vectors import stored_vectors
from portal.preferences.values import Preferences
from portal.remote.audio import VectorValues
from portal.remote.inference import Classification, InferenceClient, SongToClassify

# The stored vectors are not what the model needs; those of a new extraction are.
_EXTRACT_INSTEAD = frozenset({"AUDIO_REQUIRED", "VECTOR_INVALID"})
Answer = Classification | RemoteError


def ask(
    inference: InferenceClient,
    tracks: Sequence[Track],
    settings: Preferences,
    versions: Mapping[str, str],
) -> Iterator[tuple[Track, Answer]]:
    """Each track once, with its verdict or its error, as they come.

    1. Send what is stored of each song, of the versions that are set, together with the place of its audio, of which
       only what lacks is extracted.
    2. Where the audio proves to be another one than that of the vectors, or the vectors are no use, ask once more
       for a verdict from the audio alone.
    """
    by_id = {track.pk: track for track in tracks}
    content_keys: dict[int, str] = dict(
        Track.objects.filter(pk__in=by_id).exclude(audio=None).values_list("pk", "audio__content_key")
    )
    stored = stored_vectors(track.audio_id or 0 for track in tracks if _has_vectors(track))
    to_extract = []
    songs = [_song(track, _of(versions, stored.get(track.audio_id or 0, ()))) for track in tracks]
    with_vectors = {song.track_id for song in songs if song.vectors}
    for track_id, answer in inference.classify(songs, settings):
        if track_id in with_vectors and _is_of_another(answer, content_keys[track_id]):
            to_extract.append(by_id[track_id])
        else:
            yield by_id[track_id], answer
    if to_extract:
        for track_id, answer in inference.classify([_song(track, ()) for track in to_extract], settings):
            yield by_id[track_id], answer


def _of(versions: Mapping[str, str], vectors: Sequence[VectorValues]) -> tuple[VectorValues, ...]:
    """Those of the versions; of a usual kind that has none here, the last of what is there: inference refuses two.

    What no stage uses stays here.
    """
    usable = {
        each.kind: each
        for each in vectors
        if versions.get(each.kind, "" if each.kind in ADDITIONAL_KINDS else each.version) == each.version
    }
    return tuple(usable.values())


def _has_vectors(track: Track) -> bool:
    return track.audio_id is not None and track.analysis not in OUTDATED


def _song(track: Track, vectors: tuple[VectorValues, ...]) -> SongToClassify:
    return SongToClassify(
        track_id=track.pk,
        vectors=vectors if _has_vectors(track) else (),
        source=source_of(track),
        artist=track.artist,
        album_artist=track.album_artist,
    )


def _is_of_another(answer: Answer, content_key: str) -> bool:
    if isinstance(answer, RemoteError):
        return answer.reason in _EXTRACT_INSTEAD
    return answer.extraction.content_key not in ("", content_key)
