"""What people have set, as the services are told it with each request."""

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


def classify_options(wishes: Preferences) -> inference.ClassifyOptions:
    """How to vote, and what is handed on to features."""
    return inference.ClassifyOptions(
        top_k=wishes.predictions,
        stage_thresholds=(wishes.stage_1_confidence, wishes.stage_2_confidence),
        max_stages=wishes.stages,
        path_mappings=path_mappings(wishes),
        excerpt=excerpt(wishes),
        compute=compute(wishes),
    )
