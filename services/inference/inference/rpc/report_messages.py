"""The events and reports of trainings and evaluations, as messages of the contract."""

from collections.abc import Iterable, Mapping

from reclass.inference.v1 import inference_pb2
from runtime.messages import message_of

from inference.evaluation.coverage import CoveragePoint
from inference.evaluation.thresholds import CascadeFigures
from inference.jobs.evaluation_job import EvaluationReport
from inference.jobs.training_job import TrainedModel
from inference.jobs.worker_process import Progress
from inference.registry.models import RegisteredModel
from inference.registry.oof_predictions import OofPrediction
from inference.registry.records import HeadRecord
from inference.rpc.kinds import kind_to, kinds_to
from inference.rpc.messages import OUTCOMES, sound_to, verdict_to
from inference.rpc.model_messages import model_to, picture_to


def train_response(event: Progress | OofPrediction | TrainedModel) -> inference_pb2.TrainResponse:
    """The message of one event of a training."""
    match event:
        case Progress():
            return inference_pb2.TrainResponse(progress=message_of(inference_pb2.TrainProgress, event))
        case OofPrediction():
            return inference_pb2.TrainResponse(out_of_fold=oof_prediction_to(event))
        case TrainedModel():
            return inference_pb2.TrainResponse(report=report_to(event.registered, event.records))


def oof_prediction_to(prediction: OofPrediction) -> inference_pb2.OutOfFoldPrediction:
    """The message of an out-of-fold prediction."""
    return message_of(
        inference_pb2.OutOfFoldPrediction,
        prediction,
        verdicts=map(verdict_to, prediction.verdicts),
        outcome=OUTCOMES[prediction.outcome],
        sound=next(sound_to(each) for each in prediction.verdicts if each.stage == prediction.deciding_stage),
    )


def evaluate_response(event: Progress | EvaluationReport) -> inference_pb2.EvaluateResponse:
    """The message of one event of an evaluation on a given split."""
    if isinstance(event, Progress):
        return inference_pb2.EvaluateResponse(progress=message_of(inference_pb2.TrainProgress, event))
    training, validation, test = event.songs
    report = inference_pb2.EvaluationReport(
        stage=stage_report_to("", event.record),
        training_songs=training,
        validation_songs=validation,
        test_songs=test,
        seconds=event.record.training_seconds,
        pictures=[picture_to(each) for each in event.pictures],
    )
    return inference_pb2.EvaluateResponse(report=report)


def report_to(registered: RegisteredModel, records: Mapping[str, HeadRecord]) -> inference_pb2.TrainingReport:
    """The report on a model; what concerns all stages is said of the first, which has the most songs."""
    first, last = next(iter(records.values())), list(records.values())[-1]
    return message_of(
        inference_pb2.TrainingReport,
        first,
        model=model_to(registered),
        stages=[stage_report_to(name, record) for name, record in records.items()],
        skipped_genres=[message_of(inference_pb2.SkippedGenre, skip) for skip in first.skipped],
        skipped_embeddings=[
            inference_pb2.SkippedEmbedding(kind=kind_to(skip.kind), reason=skip.reason)
            for skip in first.skipped_embeddings
        ],
        training_seconds=sum(record.training_seconds for record in records.values()),
        create_time=first.created_time,
        cascade=cascade_report_to(last.cascade) if last.cascade else None,
    )


def stage_report_to(name: str, record: HeadRecord) -> inference_pb2.StageReport:
    """The figures of one stage."""
    held_out, calibration, noise = record.held_out, record.calibration, record.noise
    return inference_pb2.StageReport(
        stage=record.stage,
        model_version=name,
        algorithm=record.recipe,
        held_out_accuracy=held_out.accuracy,
        held_out_macro_f1=held_out.macro_f1,
        held_out_songs=held_out.songs,
        majority_baseline_accuracy=held_out.majority_baseline_accuracy,
        out_of_fold_accuracy=record.out_of_fold_accuracy,
        temperature=record.temperature,
        calibration=record.calibration_kind,
        calibration_error_before=calibration.before,
        calibration_error_after=calibration.after,
        calibration_error_sampling=calibration.sampling,
        held_out_accuracy_low=held_out.accuracy_low,
        held_out_accuracy_high=held_out.accuracy_high,
        balanced_accuracy=held_out.balanced_accuracy,
        top3_accuracy=held_out.top3_accuracy,
        top5_accuracy=held_out.top5_accuracy,
        confusion=inference_pb2.ConfusionMatrix(
            genres=record.genres, counts=[count for row in held_out.confusion for count in row]
        ),
        candidates=[
            inference_pb2.CandidateHead(
                algorithm=candidate.algorithm,
                validation_accuracy=candidate.accuracy,
                validation_loss=candidate.loss,
                selected=candidate.selected,
            )
            for candidate in record.candidates
        ],
        noise=message_of(
            inference_pb2.NoiseReport,
            noise,
            dropped=noise.dropped_labels,
            down_weighted=noise.down_weighted_labels,
        )
        if noise
        else None,
        coverage=coverage_to(record.coverage),
        promise=point_to(record.promise),
        ood_threshold=record.ood_threshold,
        ood_rate=record.ood_rate,
        genres=[message_of(inference_pb2.GenreReport, figures) for figures in held_out.genres],
        feature_versions=record.feature_versions.values(),
        kinds=kinds_to(record.feature_versions),
        added=message_of(inference_pb2.Added, record.added) if record.added else None,
    )


def cascade_report_to(figures: CascadeFigures) -> inference_pb2.CascadeReport:
    """The figures of the vote of all stages."""
    return message_of(
        inference_pb2.CascadeReport,
        figures,
        curve=[message_of(inference_pb2.ThresholdPoint, point) for point in figures.curve],
        coverage=coverage_to(figures.coverage),
        promise=point_to(figures.promise),
    )


def coverage_to(points: Iterable[CoveragePoint]) -> list[inference_pb2.CoveragePoint]:
    """The points of a coverage curve."""
    return [message_of(inference_pb2.CoveragePoint, point) for point in points]


def point_to(point: CoveragePoint | None) -> inference_pb2.CoveragePoint | None:
    """A point of the curve, where there is one."""
    return message_of(inference_pb2.CoveragePoint, point) if point else None
