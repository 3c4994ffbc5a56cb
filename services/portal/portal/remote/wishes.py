"""What people have set, as the services are told it with each request."""

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


def excerpt(wishes: Preferences) -> "features.Excerpt.ValueType":
    """Which part of a song is to be heard."""
    return _EXCERPTS[wishes.excerpt]


def path_mappings(wishes: Preferences) -> list[features.PathMapping]:
    """Where Plex's folders are."""
    parts = (mapping.rpartition("=") for mapping in wishes.path_mappings)
    return [features.PathMapping(from_prefix=before, to_prefix=after) for before, _, after in parts]


def compute(wishes: Preferences) -> features.ComputeOptions:
    """How models of embeddings are to run."""
    return features.ComputeOptions(
        device=_DEVICES[wishes.device],
        gpu_memory_share=wishes.gpu_memory_share,
        batch_size=wishes.batch_size,
    )


class Voting(TypedDict):
    """How songs are voted on, as the fields of a request."""

    stage_thresholds: Sequence[float]
    max_stages: int


def voting(wishes: Preferences) -> Voting:
    """The same for every request whose answer hangs on the vote."""
    thresholds = (wishes.stage_1_confidence, wishes.stage_2_confidence)
    return Voting(stage_thresholds=thresholds, max_stages=wishes.stages)


def classify_options(wishes: Preferences) -> inference.ClassifyOptions:
    """How to vote, and what is handed on to features."""
    return inference.ClassifyOptions(
        top_k=wishes.predictions,
        **voting(wishes),
        path_mappings=path_mappings(wishes),
        excerpt=excerpt(wishes),
        compute=compute(wishes),
        wait_for_features=True,  # a run of many songs outlives a restart; other programs are told at once
    )
