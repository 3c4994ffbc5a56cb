"""Sound of known density: what an artist is, which sounds that gives, and the exact posterior of a genre by Bayes.

An artist is in a *state* (a genre, or one island of it). Each of its songs takes a *component* by the state's row of
`mixing`: its own sound nearly always, another genre's where songs sound alike, one between two genres where a song has
two. The component has a centre, around which vectors are normal or Student's t. An artist may lie off the centre as a
whole, by a normal vector; then each state has one component alone, and sums over artists stay exact.
"""

from dataclasses import dataclass

import numpy as np
from inference.arrays import Bools, Ints
from inference.classify.probabilities import log_softmax, softmax
from numpy.typing import NDArray
from scipy.special import logsumexp

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SoundModel:
    """How sound comes about."""

    centres: Matrix
    """[components, n]"""
    mixing: Matrix
    """[states, components] P(component | state); each row sums to 1."""
    truths: Bools
    """[states, components, genres] what a song of these is."""
    artist_sd: float = 0.0
    """Standard deviation of an artist's offset, in each dimension."""
    song_sd: float = 1.0
    """Of a song about its artist's place."""
    freedom: float = np.inf
    """Degrees of freedom of Student's t; infinite: normal."""

    def __post_init__(self) -> None:
        if self.artist_sd and (np.isfinite(self.freedom) or (self.mixing.max(axis=1) < 1).any()):
            raise ValueError("an artist's offset is exact only with normal sound and one component a state")

    def draw(
        self, states: Ints, artists: Ints, random: np.random.Generator
    ) -> tuple[NDArray[np.float64], Bools]:
        """Vectors [songs, n] and truth [songs, genres] of songs of these states and artists [songs]."""
        component = (random.random(len(states))[:, np.newaxis] > self.mixing.cumsum(axis=1)[states]).sum(
            axis=1
        )
        component = np.minimum(component, len(self.centres) - 1)
        _, artist = np.unique(artists, return_inverse=True)
        width = self.centres.shape[1]
        noise = self.song_sd * random.normal(size=(len(states), width))
        if np.isfinite(self.freedom):
            noise /= np.sqrt(random.chisquare(self.freedom, size=len(states)) / self.freedom)[:, np.newaxis]
        offsets = self.artist_sd * random.normal(size=(artist.max() + 1, width))
        return self.centres[component] + offsets[artist] + noise, self.truths[states, component]

    def log_densities(self, vectors: Matrix) -> Matrix:
        """[songs, components] of single songs, up to a constant that all components share."""
        squares = squared_distances(vectors, self.centres)
        if np.isfinite(self.freedom):
            power = (self.freedom + vectors.shape[1]) / 2
            return -power * np.log1p(squares / (self.freedom * self.song_sd**2))
        return -squares / (2 * (self.song_sd**2 + self.artist_sd**2))

    def posterior(self, vectors: Matrix, prior: Matrix, likelihood: Matrix | None = None) -> Matrix:
        """[songs, genres] p(genre | own vector), and own tag where its likelihood [songs, states, components] is given.

        prior : [states]
        """
        return self._genres(self._log_joint(vectors) + np.log(prior)[:, np.newaxis], likelihood)

    def posterior_with_mates(
        self, vectors: Matrix, artists: Ints, prior: Matrix, likelihood: Matrix | None = None
    ) -> Matrix:
        """[songs, genres] p(genre | vectors of all songs of the artist), and own tag as above."""
        joint = self._log_joint(vectors)
        own = logsumexp(joint, axis=2, keepdims=True)
        of_state = np.log(prior) + self._log_artists(vectors, own[:, :, 0], artists)
        return self._genres(joint - own + of_state[:, :, np.newaxis], likelihood)

    def _log_joint(self, vectors: Matrix) -> Matrix:
        """[songs, states, components] log P(component | state) + log density."""
        with np.errstate(divide="ignore"):
            mixing = np.log(self.mixing)
        joint: Matrix = self.log_densities(vectors)[:, np.newaxis, :] + mixing
        return joint

    def _log_artists(self, vectors: Matrix, own: Matrix, artists: Ints) -> Matrix:
        """[songs, states] log density of all songs of the song's artist; `own` [songs, states] that of each alone."""
        _, artist = np.unique(artists, return_inverse=True)
        if not self.artist_sd:
            return sums_by(own, artist)[artist]
        # All songs of an artist share an offset: their mean says everything about the state.
        count = np.bincount(artist).astype(np.float64)
        means = sums_by(vectors, artist) / count[:, np.newaxis]
        centres = self.centres[self.mixing.argmax(axis=1)]
        variance = self.artist_sd**2 + self.song_sd**2 / count
        return (-squared_distances(means, centres) / (2 * variance[:, np.newaxis]))[artist]

    def _genres(self, logs: Matrix, likelihood: Matrix | None) -> Matrix:
        """[songs, genres] sums over states and components, of logarithms of their joint probability."""
        songs = len(logs)
        if likelihood is not None:
            with np.errstate(divide="ignore"):
                logs = log_softmax(logs.reshape(songs, -1)).reshape(logs.shape) + np.log(likelihood)
        joint = softmax(logs.reshape(songs, -1))
        found: Matrix = joint @ self.truths.reshape(-1, self.truths.shape[2])
        return found

    def tag_likelihood(self, tags: Bools, matrix: Matrix) -> Matrix:
        """[songs, states, components] P(tags | what the song is); `matrix` [genres, genres] P(tag | genre).

        Tags of songs that may have two genres are right, and name both. 1 where there is no tag.
        """
        if self.truths.sum(axis=2).max() > 1:
            likelihood = (tags[:, np.newaxis, np.newaxis] == self.truths).all(axis=3).astype(np.float64)
        else:
            likelihood = matrix[self.truths.argmax(axis=2)][:, :, tags.argmax(axis=1)].transpose(2, 0, 1)
        return np.where(tags.any(axis=1)[:, np.newaxis, np.newaxis], likelihood, 1.0)


def squared_distances(vectors: Matrix, centres: Matrix) -> Matrix:
    """[rows, centres]"""
    lengths = (vectors**2).sum(axis=1)[:, np.newaxis] + (centres**2).sum(axis=1)
    squares: Matrix = np.maximum(lengths - 2 * vectors @ centres.T, 0)
    return squares


def sums_by(values: Matrix, groups: Ints) -> Matrix:
    """[groups, columns] sums of the rows of each group, numbered from 0."""
    sums = np.zeros((groups.max() + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums
