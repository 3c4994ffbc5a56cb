"""Which heads hear whole songs in place of excerpts, from the reports of the trainings that made them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portal.library.models import VectorKind
from portal.runs.models import Run


def whole_song_heads(versions: Iterable[str]) -> frozenset[str]:
    """Those of these heads, such as "genre_fma/7", that have learned from whole songs."""
    wanted = set(versions)
    made_them = Run.objects.filter(kind=Run.Kind.TRAIN, result__heads__has_any_keys=sorted(wanted))
    reports = made_them.values_list("result__stages", flat=True)
    return frozenset(wanted & set().union(*map(_hearing_whole_songs, reports)))


def _hearing_whole_songs(stages: Sequence[Mapping[str, Any]] | None) -> set[str]:
    return {
        stage["model_version"]
        for stage in stages or ()
        if any(made.startswith(VectorKind.FMA_NATIVE) for made in stage.get("feature_versions", ()))
    }
