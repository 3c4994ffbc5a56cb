"""`reclass models | evaluate`: the models that trainings made, and how good they are."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from portal.commands.surroundings import DataOption, portal_at_hand, quit_with, whoever_types
from portal.commands.terminal import Terminal

OUT = "evaluation"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    models = typer.Typer(help="List the models that trainings made; put another one into service.")
    models.callback(invoke_without_command=True)(listed)
    models.command()(promote)
    models.command()(rollback)
    app.add_typer(models, name="models")
    app.command()(evaluate)


def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """List the models that are kept, the newest first."""
    if context.invoked_subcommand:
        return
    with portal_at_hand(data):
        from portal.commands.models.reports import show_models
        from portal.remote.models import models_at_hand

        with models_at_hand() as models:
            show_models(models.kept().models, as_json=as_json)


def promote(
    name: Annotated[str, typer.Argument(help="For example model-7; `reclass models` lists them.")],
    data: DataOption = None,
) -> None:
    """Put a model into service. Songs of its training get its verdict; `reclass classify` classifies the others."""
    with portal_at_hand(data):
        from portal.commands.following import finish
        from portal.orchestration.start import start_promote

        finish(start_promote(name, by=whoever_types("reclass models")))


def rollback(data: DataOption = None) -> None:
    """Put the model back that was in service before."""
    with portal_at_hand(data):
        from portal.commands.following import finish
        from portal.orchestration.start import start_model_rollback
        from portal.remote.models import models_at_hand

        with models_at_hand() as models:
            kept = models.kept()
            # Where nobody can say which one is in service, this says why.
            serving = kept.in_service or models.get().model
        if not kept.rollback_model:
            quit_with(
                f"{serving.name} is in service, and none before it is kept: there is nothing to roll back to. "
                "`reclass models` lists those that can be promoted."
            )
        finish(start_model_rollback(serving.name, by=whoever_types("reclass models")))


class Subset(StrEnum):
    """What `--subset` takes."""

    SMALL = "small"
    MEDIUM = "medium"


def evaluate(
    model: Annotated[
        str, typer.Option(help="Another model than the one in service, for example model-7.")
    ] = "",
    fma: Annotated[
        Path | None,
        typer.Option(
            help="Folder fma_metadata of the public FMA data set: train and evaluate on its official split instead. "
            "Makes no model."
        ),
    ] = None,
    subset: Annotated[Subset, typer.Option(help="Of the FMA data set.")] = Subset.MEDIUM,
    out: Annotated[
        Path | None, typer.Option(help=f"Folder for report.json and the pictures. Without it: {OUT}.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Print how good the model in service is on artists that were not in its training, and save report and pictures."""
    with portal_at_hand(data):
        from portal.commands.models.official_split import evaluate_on_fma, save
        from portal.commands.models.reports import show_report
        from portal.remote.messages import to_dict
        from portal.remote.models import models_at_hand

        folder = out or Path(OUT)
        if fma is not None:
            if model:
                quit_with("--fma learns from the data set alone: leave --model out")
            evaluate_on_fma(fma, subset.value, folder, Terminal(soft_wrap=True))
            return
        with models_at_hand() as models:
            details = models.get(model)
        show_report(details)
        save(to_dict(details.report), details.pictures, folder)
        sys.stdout.write(f"Saved in {folder}: report.json and {len(details.pictures)} pictures\n")
