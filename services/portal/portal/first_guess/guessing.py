"""From an embedding's tags to a first guess: arithmetic on arrays, zero-shot, for nothing was trained on our genres.

How much stronger a tag is than on an average song, its *lift*, counts and not its probability: "rock" is likely for
nearly everything, "country" for hardly anything. See docs/decisions/portal.md for the reasons of the numbers.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

LIBRARY_SHARE = 0.25
"""At most so much of the average song is the library's own. More would divide a genre away that most songs have."""
LIBRARY_SONGS = 100
"""So many songs give the library half of that share."""
FEWEST_LIFT = 1.0
"""A genre of which no tag is as strong as on an average song is not guessed: it would only be the least unlikely."""
LEAST_MEAN = 1e-4
"""No tag is rarer on the average song: the lift of one that is never given would be noise."""
NONE = -1
"""In place of a genre, where there is no guess."""


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """What is guessed of some songs."""

    genres: npt.NDArray[np.intp]
    """[songs] The column of `weights` that is guessed; `NONE` where the tags say little."""
    shares: Floats
    """[songs] That genre's share of all genres' evidence, 0 to 1. It is no probability that the guess is right."""


def average_song(reference: Floats, library: Floats, songs: int) -> Floats:
    """The probability of each tag on an average song.

    A geometric mean of the reference and the library's own, whose weight grows with its number of songs, smoothly:
    `LIBRARY_SHARE * songs / (songs + LIBRARY_SONGS)` (shrinkage towards the reference).

    reference, library : [tags], means over broad music and over the `songs` songs of the library, 0 to 1
    """
    share = LIBRARY_SHARE * songs / (songs + LIBRARY_SONGS)
    means = (np.maximum(each, LEAST_MEAN) for each in (reference, library))
    broad, own = (np.log(each.astype(np.float64)) for each in means)
    return np.asarray(np.exp((1 - share) * broad + share * own))


def guess(tags: Floats, average: Floats, weights: Floats) -> Guesses:
    """The genre with the largest weighted sum of lifts, of those that a tag votes for.

    tags : [songs, tags], probabilities
    average : [tags], of `average_song`
    weights : [tags, genres], at least 0; one column at least
    """
    lifts = np.maximum(tags, 0.0) / average
    evidence = lifts @ weights
    best = evidence.argmax(axis=1)
    total = evidence.sum(axis=1)
    shares = np.divide(evidence.max(axis=1), total, out=np.zeros(len(tags)), where=total > 0)
    strongest = np.where(weights.T[best] > 0, lifts, 0.0).max(axis=1)
    return Guesses(genres=np.where(strongest >= FEWEST_LIFT, best, NONE), shares=shares)
