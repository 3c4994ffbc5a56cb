"""The record of a head and the pictures of its report, alike for a training and for an evaluation on a given split."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.evaluation.plots import (
    CONFUSION_FILE,
    COVERAGE_FILE,
    RELIABILITY_FILE,
    draw_confusion,
    draw_coverage,
    draw_reliability,
)
from inference.registry.records import CandidateRecord, HeadRecord
from inference.training.dataset_files import FeatureVersion
from inference.training.stage_result import HeadResult


def head_record(result: HeadResult, versions: Sequence[FeatureVersion], **figures: Any) -> HeadRecord:
    """The record of a head that learned from vectors of these feature versions; figures : its other fields."""
    return HeadRecord(
        recipe=str(result.recipe),
        candidates=tuple(
            CandidateRecord(
                algorithm=str(each.recipe),
                accuracy=each.accuracy,
                loss=each.loss,
                selected=each.recipe == result.recipe,
            )
            for each in result.candidates
        ),
        genres=result.genres,
        temperature=result.scaling.temperature,
        calibration_kind=result.scaling.kind,
        calibration=result.calibration,
        feature_versions={version.kind: version.version for version in versions},
        lengths={version.kind: version.length for version in versions},
        held_out=result.held_out,
        coverage=result.coverage.points,
        promise=result.coverage.promise,
        created_time=datetime.now(UTC),
        **figures,
    )


def draw_report(folder: Path, record: HeadRecord, *, title: str, part: str, songs: int) -> None:
    """The pictures of a head. part : of whom the held-out figures are; songs : of the coverage and the calibration."""
    draw_confusion(folder / CONFUSION_FILE, record.held_out, f"{title}, {part}")
    draw_coverage(folder / COVERAGE_FILE, record.coverage, songs, f"{title}: accuracy by threshold")
    noise_rate = record.noise.label_noise_rate if record.noise else 0.0
    draw_reliability(
        folder / RELIABILITY_FILE, record.calibration, songs, f"{title}: calibration", noise_rate
    )
