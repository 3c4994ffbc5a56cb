"""Votes that wait for a head share a call of Triton."""

import numpy as np
import pytest
from inference.arrays import Array, Ints
from inference.classify.asking_stages import Vote
from inference.classify.batching import predict_batch
from inference.classify.song_vectors import SongVectors
from inference.classify.stages import Vector
from inference.classify.verdicts import (
    HeadOutput,
    InstalledHead,
)
from inference.classify.voting_rule import Rule
from inference.errors import (
    ModelBrokenError,
)
from voting_heads import FMA, MERT, UNSURE_THEN_SURE, Outputs, head, stages_of, vector


def wide(length: int) -> Vector:
    return Vector(kind=MERT, version="1", values=np.zeros(length, dtype=np.float32))


def test_votes_that_wait_for_one_head_share_a_call_and_a_wrong_width_spoils_its_own_song_only() -> None:
    """MERT has two lengths that are allowed, and a head was trained on one of them."""
    shapes: list[tuple[int, ...]] = []

    def predict(head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
        shapes.append(vectors.shape)
        if vectors.shape[1] == 518 + 1024:
            raise ModelBrokenError("this head wants 1286 values")
        return HeadOutput(
            logits=np.array([[1.0, 2.0, 3.0]] * len(vectors), dtype=np.float32),
            distances=np.ones(len(vectors)),
        )

    songs = [SongVectors(sent=[vector(FMA), wide(length)], extract=None) for length in (768, 1024, 768)]
    votes = [Vote(heads=[head(2)], song=song, rule=Rule()) for song in songs]
    predict_batch(votes, predict)
    assert sorted(shapes) == [(1, 518 + 1024), (2, 518 + 768)]
    assert [votes[n].result().verdicts[0].top[0][0] for n in (0, 2)] == ["Rap", "Rap"]
    with pytest.raises(ModelBrokenError, match="wants 1286 values"):
        votes[1].result()


def test_only_the_songs_that_were_unsure_go_on_to_the_second_stage() -> None:
    outputs = Outputs(**UNSURE_THEN_SURE)
    rules = [Rule(thresholds=[0.5]), Rule(thresholds=[0.7]), Rule(thresholds=[0.5])]
    votes = [
        Vote(
            heads=[head(1), head(2)],
            song=SongVectors(sent=[vector(FMA), vector(MERT)], extract=None),
            rule=rule,
        )
        for rule in rules
    ]

    def predict(head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
        one = outputs(head, vectors, folds)
        return HeadOutput(logits=np.repeat(one.logits, len(vectors), axis=0), distances=np.ones(len(vectors)))

    predict_batch(votes, predict)
    assert [vote.query is None for vote in votes] == [True, False, True]
    predict_batch(votes, predict)
    assert [stages_of(vote.result()) for vote in votes] == [[1], [1, 2], [1]]
    assert outputs.inputs[1].shape == (3, 518)
    assert outputs.inputs[2].shape == (1, 518 + 768)
