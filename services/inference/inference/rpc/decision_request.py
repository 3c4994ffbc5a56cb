"""A stream of artists whose songs are decided: options, then judged artists, then all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from reclass.inference.v1 import inference_pb2
from runtime.telemetry import get_logger

from inference.decision.decision_model import DecisionModel
from inference.decision.noise_reading import NoiseReading, reading_of
from inference.decision.posterior import Sources, decide
from inference.decision.promise import figures_in
from inference.errors import InvalidRequestError, ModelBrokenError
from inference.registry.models import Model
from inference.rpc.decision_messages import (
    Answers,
    ArtistEvidence,
    JudgedSongs,
    reading_to,
    sources_from,
)
from inference.serving.lifecycle import Models

log = get_logger(__name__)

Response = inference_pb2.DecideTracksResponse
OWN_KEY = "the song itself"


@dataclass(frozen=True, kw_only=True)
class Decider:
    """Decides by one model, with what people have judged."""

    model: Model
    decisions: DecisionModel
    sources: Sources
    reading: NoiseReading

    @cached_property
    def heads(self) -> frozenset[str]:
        """Of the model."""
        return frozenset(self.model.heads)

    def answers(self, albums: Sequence[inference_pb2.AlbumSongs]) -> Iterator[inference_pb2.Decision]:
        """A decision for each of an artist's songs; raises InvalidRequestError."""
        artist = ArtistEvidence(model=self.decisions, heads=self.heads, albums=albums)
        low, mean, high = (
            decide(self.decisions, artist.evidence, reading, self.sources, artist.words)
            for reading in (self.reading.deciding, self.reading.stating, self.reading.high)
        )
        yield from Answers(artist=artist, low=low, mean=mean, high=high, sources=self.sources).messages()


def decide_song(
    models: Models,
    evidence: inference_pb2.TrackEvidence,
    own_song: inference_pb2.SongEvidence,
) -> inference_pb2.Decision | None:
    """The decision on one song of which a head has just spoken; None where another model serves by now.

    Raises InvalidRequestError, and what reading the model raises.
    """
    model, decisions = models.decision_model("")
    if own_song.model_version not in model.heads:
        return None
    albums = [*evidence.artist.albums]
    own = evidence.album if albums and evidence.album >= 0 else len(albums)
    if own == len(albums):
        albums.append(inference_pb2.AlbumSongs())
    # Last of its album, so that its answer is known by its place, whatever keys the others have.
    whole = inference_pb2.AlbumSongs()
    whole.CopyFrom(albums[own])
    whole.songs.append(own_song)
    whole.songs[-1].key = OWN_KEY
    whole.songs[-1].tags.extend(evidence.tags.genres)
    albums[own] = whole
    place = sum(len(album.songs) for album in albums[: own + 1]) - 1
    sources = Sources(tags=evidence.HasField("tags"))
    decider = Decider(model=model, decisions=decisions, sources=sources, reading=reading_of(decisions))
    decision = next(islice(decider.answers(albums), place, None))
    decision.ClearField("key")
    if not evidence.HasField("tags"):
        decision.ClearField("kind")  # whether it has a tag nobody said
    return decision


def check_evidence(evidence: inference_pb2.TrackEvidence) -> None:
    """Raise InvalidRequestError for an album that was not sent."""
    albums = len(evidence.artist.albums)
    if albums and not -1 <= evidence.album < albums:
        raise InvalidRequestError(f"the song is on album {evidence.album}, and {albums} were sent, from 0")


def decide_stream(
    models: Models,
    options: inference_pb2.DecideOptions,
    requests: Iterator[inference_pb2.DecideTracksRequest],
) -> Iterator[Response]:
    """The reading first, then a decision for each song of each artist."""
    model, decisions = models.decision_model(options.model)
    judged = JudgedSongs(decisions, frozenset(model.heads))
    decider: Decider | None = None
    for request in requests:
        part = request.WhichOneof("part")
        if part == "judged" and decider is None:
            judged.add(request.judged)
        elif part == "artist":
            if decider is None:
                decider = _decider(model, decisions, options, judged)
                yield Response(reading=reading_message(models, decider))
            for decision in decider.answers(request.artist.albums):
                yield Response(decision=decision)
        else:
            raise InvalidRequestError(
                "after the options come judged artists, and after these artists, and nothing else"
            )
    if decider is None:
        yield Response(reading=reading_message(models, _decider(model, decisions, options, judged)))


def reading_message(models: Models, decider: Decider) -> inference_pb2.NoiseReading:
    """The reading with what it makes of coverage and calibration; without where the songs for that are lost."""
    try:
        songs = models.held_out_songs(decider.model)
    except ModelBrokenError as error:
        log.warning("nothing can be promised in a reading", because=str(error))
        return reading_to(decider.decisions, decider.reading, None)
    figures = figures_in(decider.decisions, songs, decider.reading)
    return reading_to(decider.decisions, decider.reading, figures)


def _decider(
    model: Model,
    decisions: DecisionModel,
    options: inference_pb2.DecideOptions,
    judged: JudgedSongs,
) -> Decider:
    return Decider(
        model=model,
        decisions=decisions,
        sources=sources_from(options),
        reading=reading_of(decisions, judged.judgements()),
    )
