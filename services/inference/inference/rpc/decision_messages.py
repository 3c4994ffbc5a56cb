"""Between the messages of decisions and what the decision room knows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from reclass.inference.v1 import inference_pb2

from inference.arrays import Bools, Ints
from inference.decision.credits import is_nobody, kind_of
from inference.decision.decision_model import DecisionModel
from inference.decision.evidence import NONE, Evidence, Probabilities
from inference.decision.judgements import Judgements
from inference.decision.noise_reading import NoiseReading
from inference.decision.posterior import Posteriors, Sources
from inference.decision.promise import ReadFigures
from inference.decision.words import Words
from inference.decision.writes import WriteKind, decided
from inference.errors import InvalidRequestError
from inference.rpc.messages import LONGEST_SONG_ID, ON_THE_WIRE, WIDTH
from inference.rpc.report_messages import coverage_to, point_to

MAX_SONGS = 20_000
"""Of one artist."""
LONGEST_NAME = 1000
"""Characters of a name that count."""
MOST_JUDGED = 100_000
READ_TOGETHER = 1000
"""Judged songs: a few of them alone would take as long."""
SUM_TOLERANCE = 0.01
"""Within which probabilities must sum to 1; float32 keeps seven digits of each."""
TOP = 5


def sources_from(options: inference_pb2.DecideOptions) -> Sources:
    """What is asked beside the sound."""
    return Sources(
        albums=not options.without_albums, artists=not options.without_artists, tags=not options.without_tags
    )


@dataclass(frozen=True, kw_only=True)
class ArtistEvidence:
    """What a message tells of an artist's songs."""

    model: DecisionModel
    heads: frozenset[str]
    """Of the model, for example "genre_fma/3"."""
    albums: Sequence[inference_pb2.AlbumSongs]

    @cached_property
    def songs(self) -> list[tuple[int, inference_pb2.SongEvidence]]:
        """Number of the album and the song, of all songs; raises InvalidRequestError."""
        count = sum(len(album.songs) for album in self.albums)
        if max(count, len(self.albums)) > MAX_SONGS:
            raise InvalidRequestError(
                f"an artist has {count} songs on {len(self.albums)} albums, and at most {MAX_SONGS} of either are "
                "taken at once"
            )
        songs = [(number, song) for number, album in enumerate(self.albums) for song in album.songs]
        for _, song in songs:
            if not song.key or len(song.key) > LONGEST_SONG_ID:
                raise InvalidRequestError(
                    f"a song has a key of 1 to {LONGEST_SONG_ID} characters, not {len(song.key)}"
                )
        return songs

    @cached_property
    def known(self) -> list[tuple[int, inference_pb2.SongEvidence]]:
        """Those of whose sound a head of this model spoke."""
        return [(album, song) for album, song in self.songs if song.model_version in self.heads]

    @cached_property
    def evidence(self) -> Evidence:
        """Of the known songs; raises InvalidRequestError."""
        on_album = np.array([number for number, _ in self.known], dtype=np.intp)
        titled = np.array([bool(album.title.strip()) for album in self.albums], dtype=np.bool_)
        nobodys = np.array(
            [is_nobody(album.album_artist[:LONGEST_NAME]) for album in self.albums], dtype=np.bool_
        )
        kinds = np.array(
            [
                kind_of(album.title[:LONGEST_NAME], is_nobodys)
                for album, is_nobodys in zip(self.albums, nobodys.tolist(), strict=True)
            ],
            dtype=np.intp,
        )
        return Evidence(
            sound=self._sounds(),
            tags=multi_hot([song.tags for _, song in self.known], self._codes),
            albums=np.where(titled[on_album], on_album, NONE),
            artists=np.where(nobodys[on_album], NONE, 0),
            kinds=kinds[on_album],
            recordings=numbered_recordings([song.content_key for _, song in self.known]),
        )

    @cached_property
    def _codes(self) -> Mapping[str, int]:
        return codes_of(self.model.genres)

    def _sounds(self) -> Probabilities:
        genres = len(self.model.genres)
        for _, song in self.known:
            if len(song.sound) != genres * WIDTH:
                raise InvalidRequestError(
                    f"song {song.key}: the sound has {len(song.sound)} bytes, and {song.model_version} knows {genres} "
                    f"genres of {WIDTH} bytes each: send what it answered"
                )
        sounds = np.frombuffer(b"".join(song.sound for _, song in self.known), dtype=ON_THE_WIRE)
        table: Probabilities = sounds.reshape(-1, genres).astype(np.float64)
        with np.errstate(invalid="ignore"):
            wrong = ~((table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1) <= SUM_TOLERANCE))
        if wrong.any():
            key = self.known[int(wrong.argmax())][1].key
            raise InvalidRequestError(
                f"song {key}: the sound must be probabilities that sum to 1: send what was answered"
            )
        table /= table.sum(axis=1, keepdims=True)
        return table

    @property
    def words(self) -> Words | None:
        """What people have said of the known songs; None where nobody has."""
        spoken = np.array([song.HasField("judgement") for _, song in self.known], dtype=np.bool_)
        if not spoken.any():
            return None
        named = multi_hot([song.judgement.genres for _, song in self.known], self._codes)
        return Words(spoken=spoken, genres=named)

    @property
    def judgements(self) -> tuple[Bools, list[str]]:
        """Of the known songs, all of which must be judged: the genres that are right, and the acts of judging."""
        named = multi_hot([song.judgement.genres for _, song in self.known], self._codes)
        return named, [song.judgement.act or f"song {song.key}" for _, song in self.known]


def codes_of(genres: Sequence[str]) -> dict[str, int]:
    """Places of genres by their names without case."""
    return {genre.casefold(): code for code, genre in enumerate(genres)}


def multi_hot(named: Sequence[Sequence[str]], codes: Mapping[str, int]) -> Bools:
    """[songs, genres] which genres are named; those that the model has not learned are none."""
    hot = np.zeros((len(named), len(codes)), dtype=np.bool_)
    for row, genres in enumerate(named):
        hot[row, [codes[genre.casefold()] for genre in genres if genre.casefold() in codes]] = True
    return hot


def numbered_recordings(content_keys: Sequence[str]) -> Ints:
    """[songs] a number for each content key; each song without one has a number of its own."""
    names = [key or (row,) for row, key in enumerate(content_keys)]
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([known[name] for name in names], dtype=np.intp)


class JudgedSongs:
    """What people have said of songs, read as it arrives, so that little is left to do for a caller who has gone.

    A judgement is read by sound and tags alone: its album and artist are of no account.
    """

    def __init__(self, model: DecisionModel, heads: frozenset[str]) -> None:
        self._model = model
        self._heads = heads
        self._waiting: list[inference_pb2.SongEvidence] = []
        self._count = 0
        self._evidence: list[Evidence] = []
        self._genres: list[Bools] = []
        self._acts: list[str] = []

    def add(self, artist: inference_pb2.ArtistSongs) -> None:
        """Take the judged songs of an artist; raises InvalidRequestError."""
        songs = [song for album in artist.albums for song in album.songs if song.HasField("judgement")]
        self._count += len(songs)
        if self._count > MOST_JUDGED:
            raise InvalidRequestError(f"at most {MOST_JUDGED} judged songs are taken, and more were sent")
        self._waiting += songs
        if len(self._waiting) >= READ_TOGETHER:
            self._read()

    def _read(self) -> None:
        for start in range(0, len(self._waiting), READ_TOGETHER):
            alone = inference_pb2.AlbumSongs(songs=self._waiting[start : start + READ_TOGETHER])
            songs = ArtistEvidence(model=self._model, heads=self._heads, albums=[alone])
            genres, acts = songs.judgements
            self._evidence.append(songs.evidence)
            self._genres.append(genres)
            self._acts += acts
        self._waiting.clear()

    def judgements(self) -> Judgements | None:
        """All of them; None where the model knows none of the songs. Raises InvalidRequestError."""
        self._read()
        if not self._acts:
            return None
        names = {act: number for number, act in enumerate(dict.fromkeys(self._acts))}
        return Judgements(
            evidence=joined(self._evidence),
            rows=np.arange(len(self._acts)),
            genres=np.concatenate(self._genres),
            acts=np.array([names[act] for act in self._acts]),
        )


def joined(parts: Sequence[Evidence]) -> Evidence:
    """One after the other."""
    return Evidence(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )


def reading_to(
    model: DecisionModel, reading: NoiseReading, figures: ReadFigures | None
) -> inference_pb2.NoiseReading:
    """The message of a reading, and of the figures in it."""
    return inference_pb2.NoiseReading(
        contradiction_rate=model.contradictions.rate,
        wrong_share=reading.wrong_share.mean,
        wrong_share_low=reading.wrong_share.low,
        wrong_share_high=reading.wrong_share.high,
        judgements=reading.judgements,
        judged_songs=reading.judged_songs,
        slip_rate=reading.slip_rate,
        coverage=coverage_to(figures.coverage.points) if figures else (),
        promise=point_to(figures.coverage.promise) if figures else None,
        calibration_error=figures.calibration_error if figures else 0.0,
        overconfidence=figures.overconfidence if figures else 0.0,
    )


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Decisions on the songs of an artist, in the three readings."""

    artist: ArtistEvidence
    low: Posteriors
    mean: Posteriors
    high: Posteriors
    sources: Sources

    def messages(self) -> Iterator[inference_pb2.Decision]:
        """One for each song, in the order of the request."""
        known = {id(song): row for row, (_, song) in enumerate(self.artist.known)}
        found = decided(self.low.final, self.artist.evidence.tags)
        for _, song in self.artist.songs:
            row = known.get(id(song))
            if row is None:
                yield inference_pb2.Decision(key=song.key)
                continue
            genre = int(found.genres[row])
            kind = int(found.kinds[row])
            if kind == WriteKind.FILL and song.tags:
                kind = WriteKind.CORRECTION  # its tags stand for genres that the model has not learned
            yield inference_pb2.Decision(
                key=song.key,
                genre=self.artist.model.genres[genre],
                confidence=found.confidences[row],
                confidence_mean=self.mean.final[row, genre],
                confidence_high=self.high.final[row, genre],
                kind=inference_pb2.WriteKind.ValueType(kind),
                tag_probability=found.tag_probabilities[row],
                top=self._top(self.low.final[row]),
                parts=self._parts(row),
            )

    def _top(self, probabilities: NDArray[np.float64]) -> list[inference_pb2.GenreScore]:
        best = np.argsort(-probabilities, kind="stable")[:TOP].tolist()
        return [
            inference_pb2.GenreScore(genre=self.artist.model.genres[code], probability=probabilities[code])
            for code in best
        ]

    def _parts(self, row: int) -> list[inference_pb2.DecisionPart]:
        known = [(inference_pb2.EVIDENCE_SOURCE_SOUND, self.low.sound)]
        if self.sources.albums:
            known.append((inference_pb2.EVIDENCE_SOURCE_ALBUM, self.low.album))
        if self.sources.albums and self.sources.artists:
            known.append((inference_pb2.EVIDENCE_SOURCE_ARTIST, self.low.artist))
        if self.sources.tags:
            known.append((inference_pb2.EVIDENCE_SOURCE_TAGS, self.low.final))
        parts = []
        for source, probabilities in known:
            code = int(probabilities[row].argmax())
            parts.append(
                inference_pb2.DecisionPart(
                    source=source, genre=self.artist.model.genres[code], probability=probabilities[row, code]
                )
            )
        return parts
