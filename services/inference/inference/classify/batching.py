"""Answers what votes wait for: one call of Triton for all that wait for the same head."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from inference.arrays import Array, Ints
from inference.classify.asking_stages import STAGE_FAILURES, HeadQuery, Vote
from inference.classify.probabilities import ranked, softmax
from inference.classify.song_vectors import ExtractionQuery
from inference.classify.verdicts import HeadOutput, InstalledHead

Predict = Callable[[InstalledHead, Array, Ints], HeadOutput]
"""The output of a head for vectors [rows, n], each by the head of its fold [rows] or, for `NO_FOLD`, of all songs."""


def run_to_end(vote: Vote, predict: Predict) -> None:
    """Answer every query of one vote, extracting features where it must be."""
    while vote.query is not None:
        if isinstance(vote.query, HeadQuery):
            predict_batch([vote], predict)
        else:
            extract(vote, vote.query)


def extract(vote: Vote, query: ExtractionQuery) -> None:
    """Have features extracted from the audio, which takes long."""
    try:
        if vote.song.extract is not None:
            query.result = vote.song.extract(query.kinds)
    except STAGE_FAILURES as error:
        vote.resume(error)
    else:
        vote.resume()


def predict_batch(votes: Iterable[Vote], predict: Predict) -> None:
    """Answer votes that wait for a head: one call for each head, whose failure is that of its votes."""
    # By width too: a vector of a wrong length under the right version must spoil its own song only.
    groups: dict[tuple[str, int], list[tuple[Vote, HeadQuery]]] = defaultdict(list)
    for vote in votes:
        if isinstance(vote.query, HeadQuery):
            groups[vote.query.head.version, len(vote.query.vector)].append((vote, vote.query))
    for group in groups.values():
        predict_group(group, predict)


def predict_group(group: Sequence[tuple[Vote, HeadQuery]], predict: Predict) -> None:
    """One call for votes that wait for the same head."""
    head = group[0][1].head
    try:
        folds = np.array([query.fold for _, query in group])
        output = predict(head, np.stack([query.vector for _, query in group]), folds)
    except STAGE_FAILURES as error:
        for vote, _ in group:
            vote.resume(error)
        return
    probabilities = softmax(output.logits, head.temperature)
    # Of all songs at once: numpy's calls, and taking single numbers from an array, would be a tenth of a stream's time.
    predicted, rankings = probabilities.tolist(), ranked(probabilities).tolist()
    is_ood = (output.distances > head.ood_threshold).tolist()
    for row, (vote, query) in enumerate(group):
        query.probabilities, query.ranking, query.is_ood = predicted[row], rankings[row], is_ood[row]
        vote.resume()
