"""The words in which a model's report is told."""

import io
from collections.abc import Iterable

import pytest
from portal.commands.models.reports import stages_table
from portal.registry.report_sentences import (
    added_sentence,
    decided_sentence,
    kinds_of,
    mistakes,
    noise_sentence,
    picture_words,
    promise_sentence,
    proposal_sentence,
    skipped_embeddings,
    stage_of_picture,
)
from portal.remote.reports import CascadeReport, ConfusionMatrix, CoveragePoint, StageReport
from reclass.features.v1 import features_pb2 as pb2
from reclass.inference.v1 import inference_pb2 as pb
from rich.console import Console

CONFUSION = ConfusionMatrix(genres=("Blues", "Jazz", "Rap"), counts=(5, 1, 3, 0, 7, 0, 0, 1, 6))


def test_mistakes_are_named_the_most_frequent_first() -> None:
    found = [(each.genre, each.said, each.songs, each.of) for each in mistakes(CONFUSION)]
    assert found == [("Blues", "Rap", 3, 9), ("Blues", "Jazz", 1, 9), ("Rap", "Jazz", 1, 7)]
    assert len(mistakes(CONFUSION, most=1)) == 1
    assert mistakes(ConfusionMatrix()) == []


def test_the_figures_of_three_stages_are_whole_in_a_terminal_of_eighty_characters() -> None:
    names = ("held_out_accuracy", "held_out_accuracy_low", "held_out_accuracy_high", "balanced_accuracy")
    names += ("top3_accuracy", "top5_accuracy", "majority_baseline_accuracy", "held_out_macro_f1")
    names += tuple(f"calibration_error_{when}" for when in ("before", "after", "sampling"))
    figures = {**dict.fromkeys(names, 1.0), "held_out_songs": 12345}
    stages = [
        StageReport(stage=number, model_version=f"genre_fma_native/{number}", **figures)  # type: ignore[arg-type]
        for number in (1, 2, 3)
    ]
    console = Console(file=io.StringIO(), width=80)
    console.print(stages_table(stages))
    said = console.file.getvalue()  # type: ignore[attr-defined] # it is the one above
    assert "…" not in said
    assert said.count("100.0% of 12345") == said.count("100.0% to 100.0%") == said.count("1.000 ± 1.000") == 3
    assert all(f"genre_fma_native/{number}" in said for number in (1, 2, 3))


def words(kinds: Iterable[str], *, whole_song: bool = False) -> str:
    return " + ".join(kinds)


def test_a_later_stage_says_what_its_embedding_added_and_costs() -> None:
    added = pb.Added(accuracy=0.081, accuracy_low=-0.002, accuracy_high=0.11, songs=1234)
    stage = StageReport(kinds=[pb2.VECTOR_KIND_FMA, pb2.VECTOR_KIND_MUSICNN], added=added)
    said = added_sentence(stage, words, {"musicnn": 0.0434})
    for part in ("musicnn adds +8.1 points to fma", "-0.2 to +11.0", "1,234 songs", "43 ms"):
        assert part in said
    assert "ms" not in added_sentence(stage, words, {"musicnn": 0.0})
    assert added_sentence(StageReport(kinds=[pb2.VECTOR_KIND_FMA]), words, {}) == ""


def test_the_kinds_of_an_old_report_are_read_from_its_heads_name() -> None:
    assert kinds_of(StageReport(model_version="genre_fma_mert/3")) == ("fma", "mert")
    assert kinds_of(StageReport(kinds=[1, 1000])) == ("fma", "kind1000")


def test_what_no_stage_adds_is_named_with_the_reason() -> None:
    left_out = pb.SkippedEmbedding(kind=pb2.VECTOR_KIND_MERT, reason="Only 3 songs have it.")
    report = pb.TrainingReport(skipped_embeddings=[left_out])
    assert skipped_embeddings(report, words) == [("mert", "Only 3 songs have it.")]


def test_what_no_stage_is_sure_of_is_said_beside_what_each_decides() -> None:
    assert decided_sentence(CascadeReport(decided=[0.5, 0.25])).startswith(
        "stage 1 50%, stage 2 25%; of 25% no stage is sure"
    )


def test_the_promise_is_named_with_what_it_covers_and_how_sure_it_is() -> None:
    promise = CoveragePoint(threshold=0.7, coverage=0.6, accuracy=0.951, accuracy_low=0.93)
    said = promise_sentence(CascadeReport(promise=promise))
    assert "95% are right from a confidence of 70 % on, which covers 60% of the songs" in said
    assert "at least 93%" in said


def test_where_nothing_can_be_promised_that_is_said() -> None:
    assert "no threshold" in promise_sentence(CascadeReport())


def test_thresholds_are_proposed_only_where_there_is_a_later_stage() -> None:
    curve = [pb.ThresholdPoint(thresholds=[0.65, 0.0], accuracy=0.9, escalation_rate=0.3)]
    assert proposal_sentence(CascadeReport(proposed_thresholds=[0.65, 0.0], curve=curve)) == (
        "stage 1 from 65 % on: within a point of all stages for every song, and 30% of the songs go on to a later "
        "stage."
    )
    alone = [pb.ThresholdPoint(thresholds=[0.0])]
    assert proposal_sentence(CascadeReport(proposed_thresholds=[0.0], curve=alone)) == ""


def test_what_was_done_about_wrong_labels_is_said_with_both_accuracies() -> None:
    noise = pb.NoiseReport(
        suspected_label_errors=15,
        dropped=12,
        down_weighted=3,
        accuracy_with=0.8,
        accuracy_without=0.75,
        label_noise_rate=0.1,
        overconfidence_if_right=0.08,
    )
    said = noise_sentence(StageReport(noise=noise))
    assert "80.0% are right by their labels with that, and 75.0% without" in said
    assert "confidences are 8 points too high" in said
    assert noise_sentence(StageReport()) == ""


@pytest.mark.parametrize(
    ("name", "about", "title"),
    [
        ("genre_fma-confusion.png", "genre_fma", "Which genres are taken for which"),
        ("genre_fma_mert-reliability.png", "genre_fma_mert", "Is the confidence true?"),
        ("vote.png", "vote", "What a later stage costs and brings"),
        ("vote-coverage.png", "vote", "What a threshold gives"),
        ("genre_fma-of_tomorrow.svg", "genre_fma", "Of tomorrow"),
    ],
)
def test_every_picture_has_a_title_and_stands_with_its_stage(name: str, about: str, title: str) -> None:
    assert stage_of_picture(name) == about
    assert picture_words(name)[0] == title
