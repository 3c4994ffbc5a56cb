"""Makes the rows of models what inference has: after each switch, when a page asks, and once a minute.

inference owns the models. Either side may have been away, or be back from a backup: what it says now is what stands.
"""

from typing import Any

from django.db import connection, transaction

from portal.registry.models import ModelGenre, ModelStage, TrainedModel
from portal.remote.audio import kind_name
from portal.remote.models import LOOK_TIMEOUT_SECONDS, ModelsClient
from portal.remote.reports import Model, StageReport, TrainingReport
from portal.remote.verdicts import kinds_of_head

# Whoever mirrors comes after whoever does already. Any number that nothing else of ours locks.
LOCK = 0x6D6F64656C
_ADDED = {"added_accuracy", "added_accuracy_low", "added_accuracy_high", "added_songs"}
_STAGE = {field.name for field in ModelStage._meta.concrete_fields} - _ADDED - {"id", "model", "kinds"}
_GENRE = {field.name for field in ModelGenre._meta.concrete_fields} - {"id", "stage"}


def reconcile(models: ModelsClient, *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS) -> None:
    """Read the models that inference keeps, and the reports of those that are new here; forget those that are gone.

    A name that stands for another training than before, as after a restore, is a new model. Raises `RemoteError`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Asked for with the lock held: an answer from before another's would undo what that one has found since, and
        # forget the model that a training has just made.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        kept = models.kept(timeout_seconds=timeout_seconds)
        known = set(TrainedModel.objects.values_list("name", "created_time"))
        TrainedModel.objects.exclude(name__in=[model.name for model in kept.models]).delete()
        for model in kept.models:
            if (model.name, model.create_time) not in known:
                _add(model, models.get(model.name, timeout_seconds=timeout_seconds).report)
            _update(model, is_rollback_target=model.name == kept.rollback_model)


def note_promotion(name: str, by: str) -> None:
    """Keep who put the model into service, as `reconcile` has just found it."""
    TrainedModel.objects.filter(name=name, state=TrainedModel.State.IN_SERVICE).update(promoted_by=by)


def _add(model: Model, report: TrainingReport) -> None:
    TrainedModel.objects.filter(name=model.name).delete()
    row = TrainedModel.objects.create(
        name=model.name,
        created_time=model.create_time,
        group_count=report.group_count,
        cut_links=report.cut_links,
        is_rollback_target=False,
        skipped_embeddings=[[kind_name(each.kind), each.reason] for each in report.skipped_embeddings],
        **_state(model),
    )
    for each in report.stages:
        stage = ModelStage.objects.create(model=row, **_stage(each))
        ModelGenre.objects.bulk_create(
            ModelGenre(stage=stage, **{name: getattr(genre, name) for name in _GENRE})
            for genre in each.genres
        )


def _stage(report: StageReport) -> dict[str, Any]:
    values = {name: getattr(report, name) for name in _STAGE}
    kinds = tuple(map(kind_name, report.kinds)) or kinds_of_head(report.model_version)
    if report.HasField("added"):
        values |= {name: getattr(report.added, name.removeprefix("added_")) for name in _ADDED}
    return values | {"feature_versions": list(report.feature_versions), "kinds": list(kinds)}


def _update(model: Model, *, is_rollback_target: bool) -> None:
    row = TrainedModel.objects.get(name=model.name)
    now = _state(model) | {"is_rollback_target": is_rollback_target}
    if row.promoted_time != model.promote_time:
        now["promoted_by"] = ""
    if any(getattr(row, name) != value for name, value in now.items()):
        TrainedModel.objects.filter(pk=row.pk).update(**now)


def _state(model: Model) -> dict[str, Any]:
    held_out, comparison = model.held_out, model.comparison
    return {
        "state": model.state,
        "heads": list(model.heads),
        "feature_versions": list(model.feature_versions),
        "genres": list(model.genres),
        "song_count": model.song_count,
        "training_digest": model.training_digest,
        "random_weights": model.random_weights,
        "promoted_time": model.promote_time,
        "held_out_songs": held_out.songs if held_out else None,
        "held_out_accuracy": held_out.accuracy if held_out else None,
        "held_out_accuracy_low": held_out.accuracy_low if held_out else None,
        "held_out_accuracy_high": held_out.accuracy_high if held_out else None,
        "compared_with": comparison.other_model if comparison else "",
        "compared_accuracy": comparison.other_accuracy if comparison else None,
        "comparison": comparison.verdict if comparison else "",
    }
