"""A small library in the database, with songs in every state, for tests of the portal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from portal.genres.models import Genre
from portal.ledger.models import WriteBatch, WriteRow
from portal.library.models import Analysis, Audio, Embedding, InPlex, Library, Track
from portal.registry.models import TrainedModel
from portal.verdicts.models import Prediction
from sounds import sound_of

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_library(title: str = "Music") -> Library:
    """A library without songs."""
    return Library.objects.create(server_id="server", key=title, title=title)


def make_serving_model(head: str, genres: Sequence[str]) -> TrainedModel:
    """A model in service of one stage, as a training leaves it."""
    return TrainedModel.objects.create(
        name="model-3", state=TrainedModel.State.IN_SERVICE, heads=[head], feature_versions=[], genres=list(genres),
        song_count=9, group_count=3, training_digest="", random_weights=False, created_time=THEN,
        is_rollback_target=False,
    )  # fmt: skip


def make_song(library: Library, number: int, **fields: Any) -> Track:
    """A song; `fields` win over what is made up for it."""
    audio = Audio.objects.create(
        content_key=f"{library.key}-{number:04}",
        codec="flac",
        sample_rate_hz=44100,
        channels=2,
        duration_seconds=187.4,
    )
    made_up: dict[str, Any] = {
        "rating_key": str(number),
        "title": f"Song {number}",
        "artist": f"Artist {number % 7}",
        "album": f"Album {number % 11}",
        "duration_seconds": 187.4,
        "file": f"/music/Artist {number % 7}/Album {number % 11}/{number}.flac",
        "audio": audio,
    }
    return Track.objects.create(library=library, **(made_up | fields))


def top_five(genre: str, confidence: float) -> list[Any]:
    """Five genres with `genre` first, each followed by its probability."""
    others = [name for name in ("Jazz", "Blues", "Folk", "Rap", "Latin", "Vocal") if name != genre][:4]
    rest = 1 - confidence
    pairs = zip(others, (0.5, 0.3, 0.15, 0.05), strict=True)
    return [genre, confidence, *(part for name, share in pairs for part in (name, rest * share))]


def add_prediction(track: Track, genre: Genre, confidence: float, **fields: Any) -> Prediction:
    """A current prediction of two stages."""
    stages = [
        [stage, version, confidence >= threshold, threshold, top_five(genre.name, confidence * share)]
        for stage, version, threshold, share in (
            (1, "genre_fma/3", 0.8, 0.9),
            (2, "genre_fma_mert/2", 0.7, 1),
        )
    ]
    made_up: dict[str, Any] = {
        "model_version": "genre_fma_mert/2",
        "deciding_stage": 2,
        "stages": stages,
        "sound": sound_of(genre.name, confidence),
    }
    return Prediction.objects.create(track=track, genre=genre, confidence=confidence, **(made_up | fields))


def make_classified_songs(count: int, library: Library | None = None) -> list[Track]:
    """Songs of several genres: some agree with their tags, some differ, some have none."""
    library = library or make_library()
    genres = list(Genre.objects.all())
    songs = []
    for number in range(count):
        genre = genres[number % len(genres)]
        tag = (genre, genres[(number + 1) % len(genres)], None)[number % 3]
        song = make_song(
            library,
            number,
            plex_genres=[tag.name] if tag else [],
            file_genres=[tag.name] if tag else [],
            tag_genre=tag,
            analysis=Analysis.CLASSIFIED,
            in_plex=list(InPlex)[number % 6],
        )
        add_prediction(
            song,
            genre,
            0.55 + 0.44 * (number % 9) / 9,
            suspected_label_error=number % 3 == 1 and number % 2 == 0,
        )
        songs.append(song)
    return songs


def make_batch(songs: list[Track], state: str = WriteBatch.State.PLANNED, **fields: Any) -> WriteBatch:
    """A batch that makes each song a Jazz song."""
    batch = WriteBatch.objects.create(state=state, min_confidence=0.7, **fields)
    row_state = WriteRow.State.PLANNED if state == WriteBatch.State.PLANNED else WriteRow.State.WRITTEN
    for song in songs:
        WriteRow.objects.create(
            batch=batch, track=song, rating_key=song.rating_key, before_genres=song.plex_genres, before_locked=False,
            after_genres=["Jazz"], source="AI", kind="correction", confidence=0.91, confidence_mean=0.93,
            confidence_high=0.95, tag_probability=0.05, state=row_state,
        )  # fmt: skip
    return batch


def make_embeddings() -> None:
    """FMA, MusiCNN and MERT as features speaks of them; MERT is not installed, and costs less than MusiCNN here."""
    rows = (("fma", "FMA", 518, 0.02), ("musicnn", "MusiCNN", 250, 0.4), ("mert", "MERT", 768, 0.05))
    for place, (kind, name, length, seconds) in enumerate(rows):
        Embedding.objects.create(
            kind=kind, name=name, position=place, available=True, detail="cpu", length=length, version=f"{kind}/1",
            cpu_seconds=seconds, measured_seconds=seconds, measured_songs=100, licence="ISC" if place else "",
            weights="MSD_musicnn of the package musicnn 0.1.0, by its SHA-256" if place else "",
            weights_bytes=3_150_000 * place, seen_time=THEN,
        )  # fmt: skip
