"""Learns a decision model from the songs of a training: their sound out of fold, their tags, their albums."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from inference.decision.album_messages import NOTHING, Strength, Tree, messages, tree_of
from inference.decision.decision_model import (
    SILENCE,
    STRENGTHS_AT,
    DecisionModel,
    Reading,
    Strengths,
    log_ratios,
    prior_of,
)
from inference.decision.evidence import AlbumKind, Evidence, numbered
from inference.decision.posterior import probabilities
from inference.decision.tag_noise import fit_contradictions, group_weights, tag_likelihood

MAX_SONGS = 6_000
"""Strengths are learned from whole artists of at most so many songs; more would cost minutes and change nothing."""
FEWEST_SONGS = 30
"""With so few songs on albums of a kind nothing can be learned of it, and albums of that kind say nothing."""
START = Strength(unity=0.8, correlation=0.4, weight=0.7, own=0.95)
MOST = Strength(unity=1.0, correlation=1.0, weight=1.0, own=1.2)
PULL = 2.0
"""How strongly strengths are drawn to the start, in nats at one unit of a logit; few songs change little."""
GAIN = 2.0
"""Nats of likelihood that a strength must gain over silence to be used: chance gains as much."""


def fit_decision_model(evidence: Evidence, genres: Sequence[str]) -> DecisionModel:
    """Of the songs of a training; their sound is out of fold.

    What albums and artists tell is learned as if no contradiction were a wrong tag, as if half of them were, and as if
    all. A song that stands apart from its album by its tag tells of the album's unity in the first reading, and is a
    mistake in the last; in between neither holds, and an album tells more than on the mean of both.
    """
    prior = prior_of(evidence.sound)
    model = DecisionModel(
        genres=tuple(genres),
        prior=prior,
        contradictions=fit_contradictions(evidence, prior),
        strengths_at=(SILENCE,) * len(STRENGTHS_AT),
    )
    sample = evidence.only(sampled_artists(evidence))
    strengths = (fit_strengths(model, sample, Reading(wrong_share=share)) for share in STRENGTHS_AT)
    return replace(model, strengths_at=tuple(strengths))


def fit_strengths(model: DecisionModel, songs: Evidence, reading: Reading) -> Strengths:
    """What albums and artists tell, in a reading."""
    albums = {
        kind: fit_album_strength(model, songs.only(songs.kinds == kind), kind, reading) for kind in AlbumKind
    }
    return Strengths(albums=albums, artist=fit_artist_strength(model, songs, albums, reading))


def sampled_artists(evidence: Evidence) -> NDArray[np.intp]:
    """Rows of whole artists and albums, drawn at random, of at most `MAX_SONGS` songs."""
    rows = np.arange(len(evidence.sound))
    if len(rows) <= MAX_SONGS:
        return rows
    tree = tree_of(evidence)
    family = tree.artist[tree.album]
    # Of an artist with very many songs some albums are enough.
    is_giant = np.bincount(family)[family] > MAX_SONGS / 4
    unit = numbered(np.where(is_giant, len(tree.albums) + tree.album, family))
    sizes = np.bincount(unit)
    kept = np.zeros(len(sizes), dtype=np.bool_)
    room = MAX_SONGS
    for each in np.random.default_rng(0).permutation(len(sizes)):
        if sizes[each] <= room:
            kept[each] = True
            room -= sizes[each]
    return rows[kept[unit]]


class Likelihood:
    """How well the tags of songs fit what is told of them; tags count through their noise, never as evidence."""

    def __init__(self, model: DecisionModel, songs: Evidence, tree: Tree, reading: Reading) -> None:
        self._prior = model.prior_in(reading)
        self._tree = tree
        self._log_ratios = log_ratios(model.sound(songs.sound, reading), self._prior)
        self._tags = tag_likelihood(songs.tags, model.tags(reading))
        # An album is one piece of evidence rather than as many as it has songs: its errors go together.
        self._weights = group_weights(numbered(songs.albums)) * songs.is_tagged

    def of(self, strengths: Strengths) -> float:
        """Log-likelihood in nats."""
        told = messages(self._log_ratios, self._tree, self._prior, strengths.of(self._tree), strengths.artist)
        own = (probabilities(self._log_ratios + told, self._prior) * self._tags).sum(axis=1)
        return float(self._weights @ np.log(np.maximum(own, 1e-12)))


def fit_album_strength(model: DecisionModel, songs: Evidence, kind: AlbumKind, reading: Reading) -> Strength:
    """What the other songs of an album of this kind are worth; nothing where that gains nothing."""
    if not len(songs.sound):
        return NOTHING
    tree = tree_of(songs)
    if ((tree.others > 0) & songs.is_tagged).sum() < FEWEST_SONGS:
        return NOTHING
    likelihood = Likelihood(model, songs, tree, reading)
    return fit_strength(lambda strength: likelihood.of(Strengths(albums={kind: strength}, artist=NOTHING)))


def fit_artist_strength(
    model: DecisionModel, songs: Evidence, albums: Mapping[AlbumKind, Strength], reading: Reading
) -> Strength:
    """What the other albums of an artist are worth beside the song's own album."""
    tree = tree_of(songs)
    if ((tree.albums[tree.artist[tree.album]] > 1) & songs.is_tagged).sum() < FEWEST_SONGS:
        return NOTHING
    likelihood = Likelihood(model, songs, tree, reading)
    return fit_strength(lambda strength: likelihood.of(Strengths(albums=albums, artist=strength)))


def fit_strength(likelihood_of: Callable[[Strength], float]) -> Strength:
    """The likeliest strength, near to the start where songs are few."""
    start = logit(np.array(START) / MOST)

    def loss(point: NDArray[np.float64]) -> float:
        return PULL / 2 * float(((point - start) ** 2).sum()) - likelihood_of(_strength(point))

    found = minimize(loss, start, method="Nelder-Mead", options={"maxfev": 160, "xatol": 0.03, "fatol": 0.1})
    strength = _strength(found.x)
    return strength if likelihood_of(strength) > likelihood_of(NOTHING) + GAIN else NOTHING


def _strength(point: NDArray[np.float64]) -> Strength:
    return Strength(*(MOST * expit(np.clip(point, -8, 8))).tolist())
