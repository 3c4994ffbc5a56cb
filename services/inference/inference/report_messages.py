"""What a training says while it runs and when it has ended, as messages of the contract."""

from collections.abc import Mapping

from reclass.inference.v1 import inference_pb2

from inference.converters import timestamp, verdict_to
from inference.heard_out_of_fold import HeardOutOfFold
from inference.learning import Learned, Step
from inference.model_messages import model_to
from inference.record import HeadRecord


def train_response(event: Step | HeardOutOfFold | Learned) -> inference_pb2.TrainResponse:
    """The message of one event of a training."""
    match event:
        case Step():
            progress = inference_pb2.TrainProgress(step=event.step, fraction=event.fraction)
            return inference_pb2.TrainResponse(progress=progress)
        case HeardOutOfFold():
            prediction = inference_pb2.OutOfFoldPrediction(
                song_id=event.song_id,
                verdicts=[verdict_to(verdict) for verdict in event.verdicts],
                label_suspect=event.label_suspect,
            )
            return inference_pb2.TrainResponse(out_of_fold=prediction)
        case Learned():
            report = report_to(event.records)
            report.model.CopyFrom(model_to(event.kept))
            return inference_pb2.TrainResponse(report=report)


def report_to(records: Mapping[str, HeadRecord]) -> inference_pb2.TrainingReport:
    """The report; what concerns all stages is said of the first, which has the most songs."""
    first = next(iter(records.values()))
    return inference_pb2.TrainingReport(
        stages=[stage_report_to(name, record) for name, record in records.items()],
        song_count=first.song_count,
        group_count=first.group_count,
        genres=first.genres,
        skipped_genres=[
            inference_pb2.SkippedGenre(genre=skip.genre, reason=skip.reason) for skip in first.skipped
        ],
        training_seconds=sum(record.training_seconds for record in records.values()),
        created_time=timestamp(first.created_time),
    )


def stage_report_to(name: str, record: HeadRecord) -> inference_pb2.StageReport:
    """The figures of one stage."""
    held_out = record.held_out
    return inference_pb2.StageReport(
        stage=record.stage,
        model_version=name,
        algorithm=record.algorithm,
        held_out_accuracy=held_out.accuracy,
        held_out_macro_f1=held_out.macro_f1,
        held_out_songs=held_out.songs,
        majority_baseline_accuracy=held_out.majority_baseline_accuracy,
        out_of_fold_accuracy=record.out_of_fold_accuracy,
        temperature=record.temperature,
        calibration_error_before=held_out.calibration_error_before,
        calibration_error_after=held_out.calibration_error_after,
        genres=[
            inference_pb2.GenreReport(
                genre=figures.genre, songs=figures.songs, precision=figures.precision, recall=figures.recall
            )
            for figures in held_out.genres
        ],
        feature_versions=record.feature_versions.values(),
    )
