"""Predictions of several stages on the same made-up songs, each stage knowing more than the one before."""

import numpy as np
from inference.classify.probabilities import softmax
from inference.evaluation.predictions import Predictions


def stages_of_world(seed: int, *, stages: int, songs: int = 2000, genres: int = 6) -> list[Predictions]:
    """Errors of the stages are shared in part, as those of artists are, and a few songs are out of distribution."""
    random = np.random.default_rng(seed)
    labels = random.integers(genres, size=songs)
    groups = random.integers(songs // 6, size=songs)
    artists = random.normal(size=(groups.max() + 1, genres))[groups]
    shared = random.normal(size=(songs, genres))
    found = []
    for strength in np.sort(random.uniform(1.5, 4.0, size=stages)):
        own = random.normal(size=(songs, genres))
        scores = strength * (labels[:, np.newaxis] == np.arange(genres)) + artists + shared + own
        found.append(
            Predictions(
                rows=np.arange(songs),
                probabilities=softmax(scores).astype(np.float64),
                multi_hot=labels[:, np.newaxis] == np.arange(genres),
                labels=labels,
                groups=groups,
                is_ood=random.random(songs) < 0.02,
            )
        )
    return found
