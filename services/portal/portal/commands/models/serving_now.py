"""What `reclass status` says of the model in service: its name, how old and how good it is, or what to do for one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from runtime.errors import RemoteError

from portal.classification.storing import NO_MODEL_MESSAGE
from portal.commands.models.reports import held_out_words
from portal.library.stages import TRIAL_WARNING
from portal.remote.inference import Stage, stages
from portal.remote.models import models_at_hand
from portal.remote.reports import HeldOut, Model


class Service(StrEnum):
    """Whether songs get a genre."""

    IN_SERVICE = "IN_SERVICE"
    NO_MODEL = "NO_MODEL"
    BROKEN = "BROKEN"
    """A model should serve and cannot."""
    UNKNOWN = "UNKNOWN"
    """Nobody could be asked."""


def model_as_data(timeout_seconds: float) -> dict[str, Any]:
    """The model in service and its stages; a message with what to do where there is none."""
    try:
        found = stages(timeout_seconds=timeout_seconds)
        with models_at_hand() as models:
            kept = models.kept(timeout_seconds=timeout_seconds)
    except RemoteError as error:
        return {
            "state": Service.UNKNOWN.value,
            "ready": False,
            "in_service": None,
            "stages": [],
            "message": error.message,
        }
    state = _state(found)
    return {
        "state": state.value,
        "ready": state is Service.IN_SERVICE,
        "in_service": _model(kept.in_service) if kept.in_service else None,
        "stages": [_stage(stage) for stage in found],
        "message": _remedy(state, found, kept.models),
    }


def model_lines(data: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    model = data["in_service"]
    if model and data["state"] == Service.IN_SERVICE:
        promoted = model["promoted_time"]
        since = f", in service since {_minute(promoted)}" if promoted else ""
        yield f"Model in service: {model['name']}, trained {_minute(model['trained_time'])}{since}"
        held_out = HeldOut(**model["held_out"]) if model["held_out"] else None
        yield f"Held-out-artist accuracy: {held_out_words(held_out)}"
    if data["message"]:
        yield data["message"]
    for stage in data["stages"]:
        serving = stage["model_version"] if stage["ready"] else f"not ready: {stage['message']}"
        trial = f" ({TRIAL_WARNING})" if stage["for_trials"] else ""
        yield f"Stage {stage['stage']}: {serving}{trial}"


def _state(found: Sequence[Stage]) -> Service:
    if any(stage.ready for stage in found):
        return Service.IN_SERVICE
    return Service.BROKEN if any(stage.broken for stage in found) else Service.NO_MODEL


def _remedy(state: Service, found: Sequence[Stage], kept: Sequence[Model]) -> str:
    if state is Service.BROKEN:
        return next(
            f"The model in service cannot classify songs: {stage.message}" for stage in found if stage.broken
        )
    if state is not Service.NO_MODEL:
        return ""
    said = f"NO_MODEL: songs get vectors and no genre. {NO_MODEL_MESSAGE}"
    return (
        f"{said} Or `reclass models promote {kept[0].name}`, which is kept and was never used."
        if kept
        else said
    )


def _model(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "heads": list(model.heads),
        "trained_time": model.create_time.isoformat(),
        "promoted_time": model.promote_time.isoformat() if model.promote_time else None,
        "songs": model.song_count,
        "genres": list(model.genres),
        "feature_versions": list(model.feature_versions),
        "training_digest": model.training_digest,
        "held_out": asdict(model.held_out) if model.held_out else None,
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "kinds": list(stage.kinds),
        "ready": stage.ready,
        "model_version": stage.model_version,
        "genres": list(stage.genres),
        "trained_time": stage.trained_time.isoformat() if stage.trained_time else None,
        "message": stage.message,
        "for_trials": stage.is_for_trials,
    }


def _minute(instant: str) -> str:
    """For example "2026-05-04 13:21 UTC"; instants are in UTC."""
    return f"{instant[:10]} {instant[11:16]} UTC"
