"""How often tags contradict the sound of songs, and with which genres: the joint of confident learning, by EM.

What data give is one table: of songs that sound like genre g, the share whose tag is t. Whether the tag is wrong there,
or the song merely sounds like another genre, they do not tell. The same table serves both readings: P(tag t | genre g)
if the tags are wrong, P(genre t | sounds like g) if the sound misleads.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools, Ints
from inference.decision.evidence import Evidence, Probabilities, numbered

ROUNDS = 30
"""Of EM; the rates move less than a thousandth after twenty."""
PRIOR_SONGS = 20.0
"""Songs' worth of evidence that a genre's rate is that of all, and that a tag contradicts as often as it occurs."""
QUIET_SONGS = 10.0
"""Songs' worth of evidence that nothing contradicts, before any is seen."""
MAX_RATE = 0.5


@dataclass(frozen=True, kw_only=True)
class Contradictions:
    """How tags contradict the sound."""

    confusions: NDArray[np.float64]
    """[genres, genres] of a song of each genre, the probability that its sound leaves to each; rows sum to 1.

    Where a genre's songs are often tagged as another one, a model learns to leave so much to that one: what looks like
    its own doubt are wrong tags then.
    """
    rates: NDArray[np.float64]
    """[genres] share of the songs that sound like each whose tag says another, beyond the model's own doubt."""
    others: NDArray[np.float64]
    """[genres, genres] which tag it is then, each row sums to 1; its diagonal is 0."""
    rate: float
    """Of all songs."""

    def mislabelled(self, share: float) -> NDArray[np.float64]:
        """[genres, genres] from a genre to the tag, where this share of the model's doubts are tags that it learned."""
        genres = len(self.confusions)
        mixed: NDArray[np.float64] = (1 - share) * np.eye(genres) + share * self.confusions
        return mixed

    def transition(self, share: float) -> NDArray[np.float64]:
        """[genres, genres] from a genre to what is said for it, where this share of the contradictions is at work."""
        moved = (share * self.rates)[:, np.newaxis]
        stays: NDArray[np.float64] = np.diag(1 - moved[:, 0]) + moved * self.others
        return stays


def tag_likelihood(tags: Bools, transition: NDArray[np.float64]) -> NDArray[np.float64]:
    """[songs, genres] P(tags | genre) up to a factor a song; 1 for all genres where there is no tag.

    Of several tags the mean counts: a song of two genres has a right tag for either.
    """
    counts = tags.sum(axis=1, keepdims=True)
    likelihood = tags @ transition.T / np.maximum(counts, 1)
    return np.where(counts > 0, likelihood, 1.0)


def group_weights(groups: Ints) -> NDArray[np.float64]:
    """[songs] weights by which a group (an artist, an album) counts as the square root of its songs.

    Whole artists are tagged wrongly together: their songs are not one piece of evidence, nor as many as they are. The
    weight must not depend on the tag, or wrong tags, which are rarer on an artist, would count for more than right
    ones.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / np.sqrt(sizes[group])
    return weights


def fit_contradictions(evidence: Evidence, prior: NDArray[np.float64]) -> Contradictions:
    """By expectation maximisation over tagged songs; `prior` [genres] is how often a genre occurs."""
    tagged = evidence.only(evidence.is_tagged)
    weights = group_weights(numbered(tagged.artists))
    genres = len(prior)
    usual = np.tile(prior, (genres, 1))
    np.fill_diagonal(usual, 0)
    usual /= usual.sum(axis=1, keepdims=True)
    found = Contradictions(
        confusions=confusions_of(evidence.sound), rates=np.full(genres, 0.02), others=usual, rate=0.02
    )
    for _ in range(ROUNDS):
        found = _again(found, tagged, weights, usual)
    return found


def confusions_of(sound: Probabilities) -> NDArray[np.float64]:
    """[genres, genres] mean probabilities of songs, by the genre that is likeliest for each."""
    genres = sound.shape[1]
    together = np.eye(genres)[sound.argmax(axis=1)].T @ sound + np.eye(genres)
    confusions: NDArray[np.float64] = together / together.sum(axis=1, keepdims=True)
    return confusions


def unmixed(sound: Probabilities, mixing: NDArray[np.float64]) -> Probabilities:
    """[songs, genres] the probabilities of genres, of probabilities of tags; mixing [genres, genres] from genre to tag.

    The backward correction for label noise (Patrini et al. 2017), with what becomes negative set to 0.
    """
    genres = np.maximum(np.linalg.solve(mixing.T, sound.T).T, 0)
    corrected: Probabilities = genres / genres.sum(axis=1, keepdims=True)
    return corrected


def _again(
    found: Contradictions, tagged: Evidence, weights: NDArray[np.float64], usual: NDArray[np.float64]
) -> Contradictions:
    counts = _expected_counts(tagged, found.transition(1.0), weights)
    agree = np.diag(counts).copy()
    np.fill_diagonal(counts, 0)
    contradict = counts.sum(axis=1)
    rate = min(contradict.sum() / (counts.sum() + agree.sum() + QUIET_SONGS), MAX_RATE)
    rates = (contradict + PRIOR_SONGS * rate) / (agree + contradict + PRIOR_SONGS)
    others = counts + PRIOR_SONGS * usual
    return replace(
        found,
        rates=np.minimum(rates, MAX_RATE),
        others=others / others.sum(axis=1, keepdims=True),
        rate=float(rate),
    )


def _expected_counts(
    tagged: Evidence, transition: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[genres, genres] songs by the genre that they sound like and by tag."""
    share = tagged.tags / tagged.tags.sum(axis=1, keepdims=True)
    likely = tagged.sound * tag_likelihood(tagged.tags, transition)
    evidence = likely.sum(axis=1, keepdims=True)
    # Of song i, the joint of genre g and tag t is sound_i(g) * transition(g, t) * share_i(t) / evidence_i.
    scaled: Probabilities = tagged.sound / np.maximum(evidence, 1e-300) * weights[:, np.newaxis]
    counts: NDArray[np.float64] = (scaled.T @ share) * transition
    return counts
