"""Learns what decisions need, from the out-of-fold predictions of all stages of a training."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.arrays import Bools
from inference.classify.voting_rule import Rule, decide
from inference.decision.decision_model import DecisionModel
from inference.decision.evidence import Evidence, Probabilities
from inference.decision.fitting import fit_decision_model
from inference.decision.promise import HeldOutSongs
from inference.jobs.champion import LearnedStage
from inference.training.corpus import Corpus
from inference.training.dataset import LabelSource

MOST_HELD_OUT = 20_000
"""Songs that are kept for the promise; more would not make it surer by a tenth of a point."""


def train_decisions(corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule) -> DecisionModel:
    """The decision model of what these stages say together, voted on by this rule."""
    return fit_decision_model(evidence_of(corpus, learned, rule), learned[0].trained.genres)


def held_out_songs(corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule) -> HeldOutSongs:
    """What is kept of the songs of a training, any `MOST_HELD_OUT` of them."""
    rows, evidence, _ = voted(corpus, learned, rule)
    kept = np.arange(len(rows))
    if len(rows) > MOST_HELD_OUT:
        kept = np.sort(np.random.default_rng(0).choice(len(rows), MOST_HELD_OUT, replace=False))
    return HeldOutSongs(
        sound=evidence.sound[kept],
        labels=corpus.multi_hot[rows[kept]][:, codes_of(corpus, learned)],
        is_tag=(corpus.sources[rows] == LabelSource.TAG)[kept],
        groups=corpus.groups[rows[kept]],
    )


def evidence_of(corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule) -> Evidence:
    """What is known of the songs of a training that are like it.

    What a model says of a song unlike all that it knows tells nothing of tags and albums.
    """
    _, evidence, is_ood = voted(corpus, learned, rule)
    return evidence.only(~is_ood)


def voted(
    corpus: Corpus, learned: Sequence[LearnedStage], rule: Rule
) -> tuple[NDArray[np.intp], Evidence, Bools]:
    """Songs of the corpus, what is known of those that the first stage has predicted out of fold, and whether each is
    out of distribution.

    Only tags are evidence of tags: a song that a person has labelled counts as one without.
    """
    asked = learned[: rule.max_stages]
    rows = learned[0].rows[learned[0].trained.out_of_fold.predictions.rows]
    place = {int(row): number for number, row in enumerate(rows)}
    sounds, is_ood = zip(*(_spread(each, place) for each in asked), strict=True)
    confidences = [sound.max(axis=1) for sound in sounds]
    decisions = decide(
        confidences,
        is_ood,
        rule.in_force(len(learned))[: len(asked)],
        [confidence > 0 for confidence in confidences],
    )
    codes = codes_of(corpus, learned)
    is_tag = corpus.sources[rows] == LabelSource.TAG
    evidence = Evidence(
        sound=np.stack(sounds)[decisions.stages, np.arange(len(rows))],
        tags=corpus.multi_hot[rows][:, codes] & is_tag[:, np.newaxis],
        albums=corpus.places.albums[rows],
        artists=corpus.places.artists[rows],
        kinds=corpus.places.kinds[rows],
        recordings=corpus.recordings[rows],
    )
    return rows, evidence, decisions.is_ood


def codes_of(corpus: Corpus, learned: Sequence[LearnedStage]) -> list[int]:
    """Of the genres that were learned, in the corpus."""
    return [corpus.genres.index(genre) for genre in learned[0].trained.genres]


def _spread(learned: LearnedStage, place: Mapping[int, int]) -> tuple[Probabilities, Bools]:
    """A stage's out-of-fold probabilities [songs, genres], 0 where it has none; and which are out of distribution."""
    predictions = learned.trained.out_of_fold.predictions
    sound = np.zeros((len(place), len(learned.trained.genres)))
    is_ood = np.zeros(len(place), dtype=np.bool_)
    own = np.array([place.get(int(row), -1) for row in learned.rows[predictions.rows]])
    sound[own[own >= 0]] = predictions.probabilities[own >= 0]
    is_ood[own[own >= 0]] = predictions.is_ood[own >= 0]
    return sound, is_ood
