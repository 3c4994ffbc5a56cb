"""The settings that travel with a request, as the contracts say them."""

from collections.abc import Sequence
from typing import TypedDict

from reclass.features.v1 import features_pb2 as features
from reclass.inference.v1 import inference_pb2 as inference

from portal.preferences.values import Preferences

_EXCERPTS = {
    "middle": features.EXCERPT_MIDDLE_30S,
    "first": features.EXCERPT_FIRST_30S,
    "whole": features.EXCERPT_WHOLE,
}
_DEVICES = {"auto": features.DEVICE_AUTO, "cuda": features.DEVICE_CUDA, "cpu": features.DEVICE_CPU}


def excerpt(settings: Preferences) -> "features.Excerpt.ValueType":
    """Which part of a song is to be analysed."""
    return _EXCERPTS[settings.excerpt]


def path_mappings(settings: Preferences) -> list[features.PathMapping]:
    """Where Plex's folders are."""
    parts = (mapping.rpartition("=") for mapping in settings.path_mappings)
    return [features.PathMapping(from_prefix=before, to_prefix=after) for before, _, after in parts]


def compute(settings: Preferences) -> features.ComputeOptions:
    """How models of embeddings are to run."""
    return features.ComputeOptions(
        device=_DEVICES[settings.device],
        gpu_memory_share=settings.gpu_memory_share,
        batch_size=settings.batch_size,
    )


class Voting(TypedDict):
    """How songs are voted on, as the fields of a request."""

    stage_thresholds: Sequence[float]
    max_stages: int


def voting(settings: Preferences) -> Voting:
    """The same for every request whose answer depends on the vote."""
    return Voting(stage_thresholds=stage_thresholds(settings), max_stages=settings.stages)


def stage_thresholds(settings: Preferences) -> tuple[float, ...]:
    """From which confidence on each of the first stages decides; for later ones inference knows it."""
    return settings.stage_1_confidence, settings.stage_2_confidence, settings.stage_3_confidence


def classify_options(settings: Preferences) -> inference.ClassifyOptions:
    """How to vote, and what is handed on to features."""
    return inference.ClassifyOptions(
        top_k=settings.predictions,
        **voting(settings),
        path_mappings=path_mappings(settings),
        excerpt=excerpt(settings),
        compute=compute(settings),
        wait_for_features=True,  # a run of many songs outlives a restart; other programs are told at once
    )
