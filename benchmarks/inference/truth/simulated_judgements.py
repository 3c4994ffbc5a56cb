"""Judgements of somebody who is always right, asked as the portal's queue asks: one song an artist."""

import numpy as np
from inference.arrays import Bools, Ints
from inference.decision.evidence import Evidence
from inference.decision.judgements import Judgements
from numpy.typing import NDArray

from benchmarks.inference.truth.worlds import Songs

JUDGEMENTS = 100
DISAGREEING = 0.75
"""Of the songs that are asked about; of the rest, sound and tag agree."""


def simulated_judgements(songs: Songs, evidence: Evidence, seed: int, count: int = JUDGEMENTS) -> Judgements:
    """About tagged songs of one row each in `evidence`."""
    rows = asked(songs, evidence.sound.argmax(axis=1), np.random.default_rng(seed), count)
    return Judgements(evidence=evidence, rows=rows, genres=songs.truth[rows], acts=np.arange(len(rows)))


def asked(songs: Songs, best: Ints, random: np.random.Generator, count: int) -> NDArray[np.intp]:
    """Rows of songs of different artists, most of whose tags are not the `best` genre [songs] by sound."""
    disagree = ~songs.tags[np.arange(len(songs)), best] & songs.is_tagged
    most = one_an_artist(songs.groups, disagree, random, round(DISAGREEING * count))
    others = ~disagree & songs.is_tagged & ~np.isin(songs.groups, songs.groups[most])
    return np.concatenate(
        [most, one_an_artist(songs.groups, others, random, count - round(DISAGREEING * count))]
    )


def one_an_artist(groups: Ints, eligible: Bools, random: np.random.Generator, count: int) -> NDArray[np.intp]:
    """At most so many of the eligible rows, drawn at random, one a group."""
    rows = random.permutation(np.flatnonzero(eligible))
    first = np.unique(groups[rows], return_index=True)[1]
    return random.permutation(rows[first])[:count]
