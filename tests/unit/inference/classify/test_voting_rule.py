"""One rule of voting, whoever asks: serving, out-of-fold outcomes, figures, promotion."""

import numpy as np
from inference.arrays import Array, Ints
from inference.classify.song_vectors import SongVectors
from inference.classify.stages import Stage, Vector
from inference.classify.verdicts import HeadOutput, InstalledHead
from inference.classify.voting_rule import Outcome, Rule
from inference.evaluation.comparison import StagePredictions, voted
from inference.evaluation.predictions import Predictions
from inference.evaluation.thresholds import vote as vote_of_figures
from inference.registry.oof_predictions import StageOofPredictions, oof_predictions
from voting_heads import classify

SONGS, GENRES = 300, ("Blues", "Jazz", "Rap")
CHAIN = ("FMA", "MUSICNN", "KIND1000")
STAGES = tuple(Stage(CHAIN[: place + 1]) for place in range(3))
RULE = Rule(thresholds=(0.75, 0.6, 0.0))


class Stages:
    """Three stages that predict at random, some songs out of their distribution."""

    def __init__(self) -> None:
        random = np.random.default_rng(4)
        self.logits = [np.log(random.dirichlet(np.ones(3) * 0.6, SONGS) + 1e-9) for _ in STAGES]
        self.is_ood = [random.random(SONGS) < 0.3 for _ in STAGES]
        self.probabilities = [np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in self.logits]

    def served(self, song: int, rule: Rule) -> tuple[Outcome, int, str]:
        """What the service says of a song."""
        heads = [
            InstalledHead(
                stage=stage,
                version=f"{stage.model}/1",
                genres=GENRES,
                temperature=1.0,
                feature_versions=dict.fromkeys(stage.kinds, "1"),
                ood_threshold=1.0,
            )
            for stage in STAGES
        ]
        sent = tuple(
            Vector(kind=kind, version="1", values=np.zeros(length, dtype=np.float32))
            for kind, length in zip(CHAIN, (518, 250, 96), strict=True)
        )

        def predict(head: InstalledHead, vectors: Array, folds: Ints) -> HeadOutput:
            place = head.stage.number - 1
            distance = 2.0 if self.is_ood[place][song] else 0.5
            return HeadOutput(logits=self.logits[place][[song]], distances=np.array([distance]))

        said = classify(heads=heads, song=SongVectors(sent=sent, extract=None), predict=predict, rule=rule)
        return said.outcome, said.verdicts[-1].stage, said.verdicts[-1].top[0][0]

    def out_of_fold(self, rule: Rule) -> list[tuple[Outcome, int, str]]:
        """What a training says of all songs."""
        predictions = [
            StageOofPredictions(
                stage=stage,
                version=f"{stage.model}/1",
                genres=GENRES,
                feature_versions=("1",),
                rows=np.arange(SONGS),
                probabilities=self.probabilities[place],
                suspected_label_error=np.zeros(SONGS, dtype=np.bool_),
                is_ood=self.is_ood[place],
            )
            for place, stage in enumerate(STAGES)
        ]
        found = oof_predictions([str(song) for song in range(SONGS)], predictions, rule)
        return [
            (each.outcome, each.deciding_stage, each.verdicts[each.deciding_stage - 1].top[0][0])
            for each in found
        ]

    def compared(self, rule: Rule) -> list[str]:
        """The genres by which a promotion is decided."""
        predictions = [
            StagePredictions(
                songs=np.arange(SONGS),
                genres=GENRES,
                probabilities=self.probabilities[place],
                is_ood=self.is_ood[place],
                threshold=rule.in_force(3)[place],
            )
            for place in range(3)
        ]
        return list(voted(np.arange(SONGS), predictions[: rule.max_stages]))

    def figures(self, rule: Rule) -> tuple[list[int], list[str]]:
        """The deciding stages and genres that reports and proposals of thresholds are made from."""
        labels = np.zeros(SONGS, dtype=np.intp)
        stages = [
            Predictions(
                rows=np.arange(SONGS),
                probabilities=probabilities,
                multi_hot=np.ones((SONGS, 3), dtype=np.bool_),
                labels=labels,
                groups=labels,
                is_ood=is_ood,
            )
            for probabilities, is_ood in zip(self.probabilities, self.is_ood, strict=True)
        ]
        found = vote_of_figures(stages, rule.in_force(3))
        return [int(each) + 1 for each in found.stages], [GENRES[genre] for genre in found.predicted]


def test_serving_and_training_and_promotion_and_figures_vote_alike() -> None:
    stages = Stages()
    served = [stages.served(song, RULE) for song in range(SONGS)]
    assert {outcome for outcome, _, _ in served} == {Outcome.CLASSIFIED, Outcome.OUT_OF_DISTRIBUTION}
    assert {stage for _, stage, _ in served} == {1, 2, 3}
    assert stages.out_of_fold(RULE) == served
    assert stages.compared(RULE) == [genre for _, _, genre in served]
    assert stages.figures(RULE) == ([stage for _, stage, _ in served], [genre for _, _, genre in served])


def test_they_ask_no_more_stages_than_are_allowed() -> None:
    stages, rule = Stages(), Rule(thresholds=RULE.thresholds, max_stages=2)
    served = [stages.served(song, rule) for song in range(SONGS)]
    assert stages.out_of_fold(rule) == served
    assert stages.compared(rule) == [genre for _, _, genre in served]
