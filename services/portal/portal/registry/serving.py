"""Which heads are in service, and which of them use whole songs, as the rows of models tell."""

from collections.abc import Iterable

from portal.registry.models import ModelStage, TrainedModel


def serving_versions() -> frozenset[str]:
    """The versions of the heads that are in service."""
    serving = TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE)
    return frozenset(head for heads in serving.values_list("heads", flat=True) for head in heads)


def whole_song_heads(versions: Iterable[str]) -> frozenset[str]:
    """Those of these heads, such as "genre_fma/7", that have learned from whole songs."""
    stages = ModelStage.objects.filter(model_version__in=set(versions))
    return frozenset(stage.model_version for stage in stages if stage.uses_whole_songs)
