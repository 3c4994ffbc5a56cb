"""The door to decisions of inference: the genre of songs given their sound, album, artist and tags."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import grpc
from reclass.inference.v1 import inference_pb2 as pb
from reclass.inference.v1 import inference_pb2_grpc

from portal.configuration import PortalSettings
from portal.preferences.values import Preferences
from portal.remote.calls import channel_to, streamed

# 100,000 songs take minutes; a call that takes this long hangs.
DECIDE_TIMEOUT_SECONDS = 3600.0
# Of some hundred judgements it takes a second.
READ_TIMEOUT_SECONDS = 60.0
NO_MODEL = "NO_MODEL"

_KINDS = {pb.WRITE_KIND_FILL: "fill", pb.WRITE_KIND_CORRECTION: "correction"}
_SOURCES = {
    pb.EVIDENCE_SOURCE_SOUND: "sound",
    pb.EVIDENCE_SOURCE_ALBUM: "album",
    pb.EVIDENCE_SOURCE_ARTIST: "artist",
    pb.EVIDENCE_SOURCE_TAGS: "tags",
}
SOURCES = tuple(_SOURCES.values())
"""What a decision may rest on, in the order in which it is taken into account."""


@dataclass(frozen=True, kw_only=True)
class JudgementEvidence:
    """A person's word on a song that was put to them."""

    genres: tuple[str, ...]
    """Those that are right; none: none of ours."""
    act: str = ""
    """Songs that were judged at once have one name, and count as one."""


@dataclass(frozen=True, kw_only=True)
class SongEvidence:
    """What is known of one song."""

    key: str
    """Comes back with its decision."""
    model_version: str
    """The head that said what `sound` is."""
    sound: bytes
    tags: tuple[str, ...]
    """Genres that its tags stand for, as they were before we wrote."""
    content_key: str
    judgement: JudgementEvidence | None = None


@dataclass(frozen=True, kw_only=True)
class AlbumEvidence:
    """The songs of an album; without a title, single songs that are on none."""

    title: str
    album_artist: str
    songs: tuple[SongEvidence, ...]


@dataclass(frozen=True, kw_only=True)
class ArtistEvidence:
    """All that is known of one artist's songs."""

    albums: tuple[AlbumEvidence, ...]

    @property
    def song_count(self) -> int:
        """Of all albums."""
        return sum(len(album.songs) for album in self.albums)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What was known with a source and those before it."""

    source: str
    """One of `SOURCES`."""
    genre: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class SongDecision:
    """The genre of one song given all of it."""

    key: str
    genre: str
    """Empty where nothing was known that the model can use."""
    confidence: float
    """By the lower end of what is known of tags."""
    confidence_mean: float
    confidence_high: float
    kind: str
    """none, fill or correction."""
    tag_probability: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class NoiseReading:
    """How far tags that contradict the model are wrong, by what people have judged: shares."""

    contradiction_rate: float
    wrong_share: float
    wrong_share_low: float
    wrong_share_high: float
    judgements: int
    """Acts of judging that it rests on."""
    judged_songs: int
    slip_rate: float
    promise_threshold: float | None
    """From this confidence on 95 % of fresh songs are right by sound; None where that cannot be promised."""
    promise_coverage: float
    promise_accuracy_low: float
    """Lower end of the 95 % interval."""
    calibration_error: float
    overconfidence: float
    """By how much confidences are too high on the mean."""


@contextmanager
def decisions_at_hand() -> Iterator["DecisionsClient"]:
    """As a page asks: over a channel of its own, that says at once when nobody answers."""
    with channel_to(PortalSettings.load(), "inference", patient=False) as channel:
        yield DecisionsClient(channel)


class DecisionsClient:
    """Typed calls; every failure is a `RemoteError`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)

    def decide(
        self,
        artists: Iterable[ArtistEvidence],
        settings: Preferences,
        *,
        model: str = "",
        judged: Iterable[ArtistEvidence] = (),
    ) -> Iterator[SongDecision]:
        """Decide the songs of these artists, each answered once. `model`: whose word the sounds are; empty: that of the
        model in service. `judged` come first: the songs that people were asked about, with what they said."""

        def requests() -> Iterator[pb.DecideTracksRequest]:
            yield from _judged(settings, model, judged)
            for artist in artists:
                yield pb.DecideTracksRequest(artist=_artist(artist))

        answers = streamed(
            "inference", lambda: self._stub.DecideTracks(requests(), timeout=DECIDE_TIMEOUT_SECONDS)
        )
        for answer in answers:
            if answer.WhichOneof("part") == "decision":
                yield _decision(answer.decision)

    def reading(
        self, judged: Iterable[ArtistEvidence], settings: Preferences, *, model: str = ""
    ) -> NoiseReading:
        """What these judgements tell of tags that contradict the model."""
        answers = streamed(
            "inference",
            lambda: self._stub.DecideTracks(_judged(settings, model, judged), timeout=READ_TIMEOUT_SECONDS),
        )
        with closing(answers):
            return _reading(next(answers).reading)


def _judged(
    settings: Preferences, model: str, judged: Iterable[ArtistEvidence]
) -> Iterator[pb.DecideTracksRequest]:
    yield pb.DecideTracksRequest(options=_options(settings, model))
    for artist in judged:
        yield pb.DecideTracksRequest(judged=_artist(artist))


def _options(settings: Preferences, model: str) -> pb.DecideOptions:
    return pb.DecideOptions(
        model=model,
        without_tags=not settings.evidence_tags,
        without_albums=not settings.evidence_albums,
        without_artists=not settings.evidence_artists,
    )


def _artist(artist: ArtistEvidence) -> pb.ArtistSongs:
    return pb.ArtistSongs(albums=map(_album, artist.albums))


def _album(album: AlbumEvidence) -> pb.AlbumSongs:
    return pb.AlbumSongs(title=album.title, album_artist=album.album_artist, songs=map(_song, album.songs))


def _song(song: SongEvidence) -> pb.SongEvidence:
    return pb.SongEvidence(
        key=song.key,
        model_version=song.model_version,
        sound=song.sound,
        tags=song.tags,
        content_key=song.content_key,
        judgement=_judgement(song.judgement),
    )


def _judgement(said: JudgementEvidence | None) -> pb.Judgement | None:
    return pb.Judgement(genres=said.genres, act=said.act) if said else None


def _reading(message: pb.NoiseReading) -> NoiseReading:
    return NoiseReading(
        contradiction_rate=message.contradiction_rate,
        wrong_share=message.wrong_share,
        wrong_share_low=message.wrong_share_low,
        wrong_share_high=message.wrong_share_high,
        judgements=message.judgements,
        judged_songs=message.judged_songs,
        slip_rate=message.slip_rate,
        promise_threshold=message.promise.threshold if message.HasField("promise") else None,
        promise_coverage=message.promise.coverage,
        promise_accuracy_low=message.promise.accuracy_low,
        calibration_error=message.calibration_error,
        overconfidence=message.overconfidence,
    )


def _decision(message: pb.Decision) -> SongDecision:
    return SongDecision(
        key=message.key,
        genre=message.genre,
        confidence=message.confidence,
        confidence_mean=message.confidence_mean,
        confidence_high=message.confidence_high,
        kind=_KINDS.get(message.kind, "none"),
        tag_probability=message.tag_probability,
        parts=tuple(
            Part(source=_SOURCES[part.source], genre=part.genre, probability=part.probability)
            for part in message.parts
            if part.source in _SOURCES
        ),
    )
