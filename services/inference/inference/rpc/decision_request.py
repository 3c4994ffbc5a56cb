"""A stream of artists whose songs are decided: options, then judged artists, then all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from reclass.inference.v1 import inference_pb2

from inference.decision.decision_model import DecisionModel
from inference.decision.judgements import NoiseReading, reading_of
from inference.decision.posterior import Sources, decide
from inference.errors import InvalidRequestError
from inference.registry.models import Model
from inference.rpc.decision_messages import (
    Answers,
    ArtistEvidence,
    judgements_of,
    reading_to,
    sources_from,
)
from inference.serving.lifecycle import Models

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
            decide(self.decisions, artist.evidence, reading, self.sources)
            for reading in (self.reading.deciding, self.reading.mean, self.reading.high)
        )
        yield from Answers(artist=artist, low=low, mean=mean, high=high, sources=self.sources).messages()


def decide_song(
    models: Models,
    evidence: inference_pb2.TrackEvidence,
    model_version: str,
    sound: bytes,
) -> inference_pb2.Decision:
    """The decision on one song of which a head has just spoken; raises InvalidRequestError."""
    model, decisions = models.decision_model("")
    albums = [*evidence.artist.albums]
    if albums and not -1 <= evidence.album < len(albums):
        raise InvalidRequestError(
            f"the song is on album {evidence.album}, and {len(albums)} were sent, from 0"
        )
    own = evidence.album if albums and evidence.album >= 0 else len(albums)
    if own == len(albums):
        albums.append(inference_pb2.AlbumSongs())
    # Last of its album, so that its answer is known by its place, whatever keys the others have.
    whole = inference_pb2.AlbumSongs()
    whole.CopyFrom(albums[own])
    whole.songs.add(key=OWN_KEY, model_version=model_version, sound=sound, tags=evidence.tags.genres)
    albums[own] = whole
    place = sum(len(album.songs) for album in albums[: own + 1]) - 1
    sources = Sources(tags=evidence.HasField("tags"))
    decider = Decider(model=model, decisions=decisions, sources=sources, reading=reading_of(decisions))
    decision = next(islice(decider.answers(albums), place, None))
    decision.ClearField("key")
    return decision


def decide_stream(
    models: Models,
    options: inference_pb2.DecideOptions,
    requests: Iterator[inference_pb2.DecideTracksRequest],
) -> Iterator[Response]:
    """The reading first, then a decision for each song of each artist."""
    model, decisions = models.decision_model(options.model)
    judged: list[ArtistEvidence] = []
    decider: Decider | None = None
    for request in requests:
        part = request.WhichOneof("part")
        if part == "judged" and decider is None:
            judged.append(
                ArtistEvidence(model=decisions, heads=frozenset(model.heads), albums=request.judged.albums)
            )
        elif part == "artist":
            if decider is None:
                decider = _decider(model, decisions, options, judged)
                yield Response(reading=reading_to(decisions, decider.reading))
            for decision in decider.answers(request.artist.albums):
                yield Response(decision=decision)
        else:
            raise InvalidRequestError(
                "after the options come judged artists, and after these artists, and nothing else"
            )
    if decider is None:
        reading = _decider(model, decisions, options, judged).reading
        yield Response(reading=reading_to(decisions, reading))


def _decider(
    model: Model,
    decisions: DecisionModel,
    options: inference_pb2.DecideOptions,
    judged: Sequence[ArtistEvidence],
) -> Decider:
    return Decider(
        model=model,
        decisions=decisions,
        sources=sources_from(options),
        reading=reading_of(decisions, judgements_of(judged)),
    )
