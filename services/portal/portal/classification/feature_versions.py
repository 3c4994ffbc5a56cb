"""Keeps a classify run to the vectors that it began with, and to a model that has learned from such ones."""

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.errors import RemoteError

from portal.library.embeddings import enabled_kinds, note_capabilities
from portal.library.stages import additional_kinds, leading_stages, stages_of
from portal.preferences.current import preferences
from portal.preferences.values import Preferences
from portal.remote.audio import FMA
from portal.remote.features import FeaturesClient
from portal.remote.inference import Stage
from portal.runs.models import Run
from portal.runs.work import RunFailedError

MAX_STAGES = "max_stages"


def current_extraction(features: FeaturesClient, serving: Iterable[Stage]) -> dict[str, Any]:
    """For `Run.result`: the excerpt that is set, the version of each kind of vector that is sent, and how many stages
    are asked: where an embedding is switched off, those before it.

    A version is the one that features makes now; while features is silent, or lacks the kind, that of the model in
    service.

    Raises `RunFailedError` where a model in service has learned from vectors of another version, of another excerpt
    for one: it could classify none of the songs whose features are extracted now.
    """
    settings = preferences()
    serving = list(serving)
    asked = serving[: leading_stages(serving)]
    switched_off = {} if len(asked) == len(serving) else {MAX_STAGES: max(1, len(asked))}
    learned = {kind: made for stage in serving for kind, made in stage.learned_versions.items()}
    aside = additional_kinds(serving)
    try:
        found = note_capabilities(features.capabilities(settings))
        versions = stages_of(found.kinds, (*enabled_kinds(), *aside)).versions
    except RemoteError:
        # What is stored can be classified without it.
        return {"excerpt": settings.excerpt, "versions": learned, **switched_off}
    for stage in asked:
        for kind, made in stage.learned_versions.items():
            if versions.get(kind, made) != made:
                back = "excerpt" if kind == FMA else "the excerpt, or the model of embeddings,"
                raise RunFailedError(
                    f"The model in service, {stage.model_version}, has learned from features of another version "
                    f"({made}) than the settings say now ({versions[kind]}): run `reclass extract`, then "
                    f"`reclass train`, or set {back} back."
                )
    return {"excerpt": settings.excerpt, "versions": {**learned, **versions}, **switched_off}


def settings_of(run: Run) -> Preferences:
    """The settings as they are now, but for the excerpt, which is that of the run, and stages that are switched off."""
    now = preferences()
    stages = min(now.stages, run.result.get(MAX_STAGES, now.stages))
    return now.model_copy(update={"excerpt": run.result.get("excerpt", now.excerpt), "stages": stages})


def versions_of(run: Run) -> Mapping[str, str]:
    """The versions of the vectors that may be sent, by kind; a kind that is not here may be of any."""
    versions: Mapping[str, str] = run.result.get("versions", {})
    return versions
