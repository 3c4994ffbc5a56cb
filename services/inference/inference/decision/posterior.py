"""The genre of songs given sound, album, artist and tags, each of which can be left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.decision.album_messages import NOTHING, messages, tree_of
from inference.decision.decision_model import SILENCE, DecisionModel, Reading, log_ratios
from inference.decision.evidence import Evidence, Probabilities
from inference.decision.tag_noise import tag_likelihood
from inference.decision.words import Words


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is asked beside the sound."""

    albums: bool = True
    artists: bool = True
    tags: bool = True


ALL = Sources()


@dataclass(frozen=True, kw_only=True)
class Posteriors:
    """Probabilities [songs, genres] with each source and those before it."""

    sound: Probabilities
    album: Probabilities
    artist: Probabilities
    final: Probabilities


def decide(
    model: DecisionModel,
    evidence: Evidence,
    reading: Reading,
    sources: Sources = ALL,
    words: Words | None = None,
) -> Posteriors:
    """The genre of songs given everything that is known of them.

    By Bayes: the sound's likelihood ratios (its probabilities divided by the prior that the training implies), times
    what album and artist say by the sound of their other songs, times P(tags | genre), times the prior. Of which a
    person has said what they are, those songs say that instead of what they sound like.
    """
    sound, prior = model.sound(evidence.sound, reading), model.prior_in(reading)
    ratios = log_ratios(sound, prior)
    tree = tree_of(evidence if words is None else words.those_that_speak(evidence))
    strengths = model.strengths(reading) if sources.albums else SILENCE
    artist = strengths.artist if sources.artists else NOTHING
    said = ratios if words is None else words.instead_of(ratios, prior)
    by_album = ratios + messages(ratios, tree, prior, strengths.of(tree), NOTHING, said)
    by_artist = by_album
    if artist.weight:
        by_artist = ratios + messages(ratios, tree, prior, strengths.of(tree), artist, said)
    album, whole = probabilities(by_album, prior), probabilities(by_artist, prior)
    final = whole
    if sources.tags:
        likely = tag_likelihood(evidence.tags, model.tags(reading))
        final = doubted(whole, prior, evidence, reading) * likely
        final /= final.sum(axis=1, keepdims=True)
    return Posteriors(sound=sound, album=album, artist=whole, final=slipped(final, evidence, reading))


LAPSED = 0.3
"""What the evidence of a song counts of which a model is far surer than it should be, as an exponent."""


def doubted(
    whole: Probabilities, prior: NDArray[np.float64], evidence: Evidence, reading: Reading
) -> Probabilities:
    """The same where a few songs may sound less clearly than they seem to: of tagged songs.

    How sure the sound is on the mean is measured with all songs of a training. How that doubt is spread matters only
    where a tag contradicts it.
    """
    if not reading.lapses:
        return whole
    mixed = (1 - reading.lapses) * whole + reading.lapses * tempered(whole, prior)
    return np.where(evidence.is_tagged[:, np.newaxis], mixed, whole)


def tempered(sound: Probabilities, prior: NDArray[np.float64]) -> Probabilities:
    """[..., genres] what probabilities are if they are far too sure; prior [..., genres]."""
    powers = (sound / prior) ** LAPSED * prior
    tempered: Probabilities = powers / powers.sum(axis=-1, keepdims=True)
    return tempered


def probabilities(ratios: NDArray[np.float64], prior: NDArray[np.float64]) -> Probabilities:
    """[songs, genres] of the logarithms of likelihood ratios."""
    logs = ratios + np.log(prior)
    exponentials = np.exp(logs - logs.max(axis=1, keepdims=True))
    normed: Probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return normed


def slipped(final: Probabilities, evidence: Evidence, reading: Reading) -> Probabilities:
    """The same where a genre that the model has learned wrongly is moved: of songs without a tag, or whose tag agrees.

    Where tag and sound disagree, people's judgements are of those songs themselves, and are in the reading already.
    """
    if reading.slips is None:
        return final
    agree = evidence.tags[np.arange(len(final)), final.argmax(axis=1)] | ~evidence.is_tagged
    moved = final @ reading.slips
    # Few judgements say how often songs are of another genre, and hardly of which: they make no genre of another one.
    stays = moved.argmax(axis=1) == final.argmax(axis=1)
    return np.where((agree & stays)[:, np.newaxis], moved, final)
