"""What `reclass extract` and `reclass status` say of the stages: songs done, failed, skipped and pending, and why."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from rich.table import Table
from runtime.errors import RemoteError

from portal.commands.surroundings import RefusalError
from portal.commands.terminal import Terminal
from portal.library.embeddings import enabled_kinds, known_kinds, note_capabilities
from portal.library.models import Analysis, Vector
from portal.library.reasons import reasons
from portal.library.stages import ADDITIONAL_KINDS, ALL, TRIAL_WARNING, Stages, count_stages, stages_of
from portal.preferences.current import preferences
from portal.remote.audio import made_by_random_weights
from portal.remote.features import capabilities_now

FEATURES_TIMEOUT_SECONDS = 10.0


def known_stages(asked: Sequence[str]) -> list[str]:
    """The kinds as they were typed; `RefusalError` names those that there are where one is none of them."""
    known = _known()
    if not known.issuperset(asked):
        with suppress(RemoteError):  # the run says what a silent service comes to
            note_capabilities(capabilities_now(preferences(), FEATURES_TIMEOUT_SECONDS, patient=True))
        known = _known()
    for each in asked:
        if each not in known:
            raise RefusalError(f"There are no vectors “{each}”; there are {', '.join(sorted(known))}.")
    return list(asked)


def _known() -> set[str]:
    return {*known_kinds(), *ADDITIONAL_KINDS, ALL}


def report(result: Mapping[str, Any], console: Terminal) -> bool:
    """Show the stages of an extract run and why songs failed or were skipped; whether all that was asked is done."""
    versions: Mapping[str, str] = result.get("versions", {})
    in_order = [kind for kind in dict.fromkeys((*known_kinds(), *versions)) if kind in versions]
    stages = Stages(
        versions={kind: versions[kind] for kind in in_order}, not_installed=result.get("not_installed", {})
    )
    if not stages.versions:
        return False
    counted = _as_data(stages)
    show_stages(counted, console)
    for analysis, word in ((Analysis.FAILED, "failed"), (Analysis.SKIPPED, "skipped")):
        for each in reasons(analysis):
            line = f"{each.songs} {word} ({each.code}): {each.message} – for example “{each.example}”"
            console.print(f"  {line}")
    left = sum(stage["failed"] + stage["pending"] for stage in counted if stage["installed"])
    return not left and not stages.not_installed


def stages_as_data(timeout_seconds: float, serving_kinds: Iterable[str] = ()) -> dict[str, Any]:
    """Every stage with its counts; a message where the features service does not answer.

    `serving_kinds` are those that the model in service uses.
    """
    try:
        # Kinds that no usual stage uses are shown once somebody has asked for them, or a model uses them.
        stored = Vector.objects.filter(kind__in=ADDITIONAL_KINDS).values_list("kind", flat=True).distinct()
        found = note_capabilities(capabilities_now(preferences(), timeout_seconds, patient=True))
        additional = (kind for kind in ADDITIONAL_KINDS if kind in {*stored, *serving_kinds})
        kinds = (*enabled_kinds(), *additional)
        stages = stages_of(found.kinds, kinds)
    except RemoteError as error:
        return {"stages": [], "message": f"features does not answer: {error.message}"}
    return {"stages": _as_data(stages), "message": ""}


def show_stages(stages: list[dict[str, Any]], console: Terminal) -> None:
    """A line for each stage that is installed, and why the others are not."""
    table = Table("stage", "done", "failed", "skipped", "pending", "vectors")
    for stage in stages:
        if stage["installed"]:
            numbers = (str(stage[name]) for name in ("done", "failed", "skipped", "pending"))
            table.add_row(stage["stage"], *numbers, stage["version"])
    console.print(table)
    for stage in stages:
        if not stage["installed"]:
            console.print(f"{stage['stage']}: {stage['message']}")
        elif stage["for_trials"]:
            console.print(f"{stage['stage']}: {TRIAL_WARNING}")


def _as_data(stages: Stages) -> list[dict[str, Any]]:
    counted = count_stages(stages.versions)
    made = [
        {
            "stage": kind,
            "installed": True,
            "version": version,
            "message": stages.where.get(kind, ""),
            "for_trials": made_by_random_weights(version),
            **asdict(counted[kind]),
        }
        for kind, version in stages.versions.items()
    ]
    others = [
        {"stage": kind, "installed": False, "version": "", "message": why, "for_trials": False}
        for kind, why in stages.not_installed.items()
    ]
    return [*made, *others]
