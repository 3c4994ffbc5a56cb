"""The record of a head that nobody trained."""

from datetime import UTC, datetime

from inference.evaluation.calibration import CalibrationFigures
from inference.evaluation.metrics import HeldOutFigures
from inference.evaluation.thresholds import CascadeFigures
from inference.registry.records import CandidateRecord, HeadRecord

RECORD = HeadRecord(
    stage=1,
    recipe="logistic-regression (C 0.01)",
    candidates=(
        CandidateRecord(algorithm="logistic-regression (C 0.01)", accuracy=1.0, loss=0.2, selected=True),
    ),
    genres=("Blues", "Jazz", "K-Pop"),
    temperature=0.5,
    calibration_kind="temperature",
    calibration=CalibrationFigures(
        songs=30, before=0.2, after=0.1, sampling=0.1, bins_before=(), bins_after=()
    ),
    feature_versions={"FMA": "fma-518/1"},
    held_out=HeldOutFigures(
        songs=3,
        accuracy=1.0,
        accuracy_low=0.4,
        accuracy_high=1.0,
        macro_f1=1.0,
        balanced_accuracy=1.0,
        top3_accuracy=1.0,
        top5_accuracy=1.0,
        majority_baseline_accuracy=0.3,
        confusion=(),
        genres=(),
    ),
    out_of_fold_accuracy=0.9,
    coverage=(),
    song_count=30,
    group_count=10,
    seed=1,
    training_digest="00",
    training_seconds=1.5,
    created_time=datetime(2026, 1, 2, tzinfo=UTC),
    cascade=CascadeFigures(
        songs=3,
        accuracy=1.0,
        accuracy_low=0.4,
        accuracy_high=1.0,
        macro_f1=1.0,
        decided=(0.7,),
        proposed_thresholds=(0.0,),
        curve=(),
        coverage=(),
    ),
)
