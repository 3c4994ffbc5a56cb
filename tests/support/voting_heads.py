"""Heads and vectors for votes, without Triton."""

from collections.abc import Callable, Sequence

import numpy as np
from inference.arrays import Array, Ints
from inference.classify.asking_stages import Vote
from inference.classify.batching import Predict, run_to_end
from inference.classify.song_vectors import SongVectors
from inference.classify.stages import FMA, Stage, Vector, VectorKind
from inference.classify.stages import FMA_NATIVE as NATIVE
from inference.classify.verdicts import (
    BrokenHead,
    Classification,
    ExtractionResult,
    HeadOutput,
    InstalledHead,
)
from inference.classify.voting_rule import Rule

MERT, JMLA = "MERT", "JMLA"
CHAIN = (FMA, MERT, JMLA)
"""The kinds of a model of three stages, in the order in which they are added."""
WIDTHS = {FMA: 518, MERT: 768, JMLA: 768, NATIVE: 518}
VALUES = {FMA: 1.0, MERT: 2.0, JMLA: 3.0, NATIVE: 4.0}
GENRES = ("Blues", "Jazz", "Rap")


def classify(
    *, heads: Sequence[InstalledHead | BrokenHead], song: SongVectors, predict: Predict, rule: Rule
) -> Classification:
    """The vote on one song, from its beginning to its end."""
    vote = Vote(heads=heads, song=song, rule=rule)
    run_to_end(vote, predict)
    return vote.result()


def vector(kind: VectorKind, version: str = "1") -> Vector:
    return Vector(kind=kind, version=version, values=np.full(WIDTHS[kind], VALUES[kind], dtype=np.float32))


def head(number: int, **versions: str) -> InstalledHead:
    stage = Stage(CHAIN[:number])
    return InstalledHead(
        stage=stage,
        version=f"{stage.model}/1",
        genres=GENRES,
        temperature=1.0,
        feature_versions={kind: versions.get(kind, "1") for kind in stage.kinds},
        ood_threshold=2.0,
    )


class Outputs:
    """Each stage predicts a genre with a confidence; the song is at a distance from the training songs."""

    def __init__(self, distances: Sequence[float] = (1.0, 1.0, 1.0), **said: tuple[str, float]) -> None:
        self._said = said
        self._distances = distances
        self.inputs: dict[int, Array] = {}

    def __call__(self, head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
        self.inputs[head.stage.number] = vectors
        genre, confidence = self._said[f"stage{head.stage.number}"]
        rest = (1 - confidence) / (len(GENRES) - 1)
        logits = np.log([[confidence if name == genre else rest for name in GENRES]])
        distance = np.array([self._distances[head.stage.number - 1]], dtype=np.float32)
        return HeadOutput(logits=logits.astype(np.float32), distances=distance)


UNSURE_THEN_SURE = {"stage1": ("Blues", 0.6), "stage2": ("Jazz", 0.75), "stage3": ("Rap", 0.9)}


def vote(
    heads: Sequence[InstalledHead | BrokenHead],
    *,
    sent: Sequence[Vector] = (),
    extract: Callable[[Sequence[VectorKind]], ExtractionResult] | None = None,
    outputs: Outputs | None = None,
    rule: Rule | None = None,
) -> Classification:
    return classify(
        heads=heads,
        song=SongVectors(sent=sent, extract=extract),
        predict=outputs or Outputs(**UNSURE_THEN_SURE),
        rule=rule or Rule(),
    )


def stages_of(classification: Classification) -> list[int]:
    return [verdict.stage for verdict in classification.verdicts]
