"""The models that trainings made, in the admin: a list, and a page with the report of each."""

import base64
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from runtime.errors import RemoteError

from portal.decisions.reading import calibration_sentence, current_reading, promise_sentence
from portal.library.embeddings import kind_words, seconds_a_song
from portal.orchestration.start import start_model_rollback, start_promote
from portal.pages.badges import MODEL
from portal.pages.buttons import ask_for
from portal.pages.page_admin import KeptAdmin
from portal.registry import report_sentences
from portal.registry.mirror import reconcile
from portal.registry.models import TrainedModel
from portal.remote.decisions import decisions_at_hand
from portal.remote.models import ModelDetails, models_at_hand
from portal.remote.reports import Picture, StageReport, TrainingReport
from portal.runs.models import Run
from portal.training.training_run import without_sentence

LIST = "admin:registry_trainedmodel_changelist"


@admin.register(TrainedModel)
class TrainedModelAdmin(KeptAdmin):
    """What inference keeps, as it says when a page is opened; while it is silent, as it said last."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; a POST comes from one of its buttons."""
        self.refuse_without_rights(request)
        if request.method == "POST":
            return self._switch(request)
        _, trouble = _asked()
        models = TrainedModel.objects.all()
        return self.page(
            request,
            "portal/models.html",
            title="Models",
            lines=[{"model": model, "badge": MODEL[model.state]} for model in models],
            trouble=trouble,
            **_rollback(),
        )

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """One model, by its name, with its report."""
        self.refuse_without_rights(request)
        details, trouble = _asked(object_id)
        model = TrainedModel.objects.filter(name=object_id).first()
        if model is None:
            messages.error(request, trouble or f"There is no model {object_id}.")
            return redirect(LIST)
        return self.page(
            request,
            "portal/model.html",
            original=object_id,
            title=object_id,
            model=model,
            badge=MODEL[model.state],
            trouble=trouble,
            **_rollback(),
            **(_report(details) if details else {}),
            without=without_sentence(model.runs.filter(kind=Run.Kind.TRAIN).first(), kind_words()),
            judged=_judged(model) if details else {},
        )

    def _switch(self, request: HttpRequest) -> HttpResponse:
        by = request.user.get_username()
        if "promote" in request.POST:
            ask_for(request, lambda: start_promote(request.POST["promote"], by=by))
        elif "roll_back" in request.POST:
            ask_for(request, lambda: start_model_rollback(request.POST["roll_back"], by=by))
        return redirect(LIST)


def _asked(name: str = "") -> tuple[ModelDetails | None, str]:
    """Ask inference what it has, and for the report of a model that is named; that, or why it could not be asked."""
    try:
        with models_at_hand() as models:
            reconcile(models)
            known = TrainedModel.objects.filter(name=name).exists()
            return models.get(name) if known else None, ""
    except RemoteError as error:
        return None, error.message


def _rollback() -> dict[str, Any]:
    """The model that answers, and the one that a rollback would put back."""
    return {
        "in_service": TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE).first(),
        "rollback_target": TrainedModel.objects.filter(is_rollback_target=True).first(),
    }


def _report(details: ModelDetails) -> dict[str, Any]:
    heads = {_head(stage) for stage in details.report.stages}
    words, seconds = kind_words(), seconds_a_song()
    about = map(report_sentences.stage_of_picture, (picture.name for picture in details.pictures))
    return {
        "report": details.report,
        "together": _together(details.report),
        "vote_pictures": _pictures(details, set(about) - heads),
        "skipped_embeddings": report_sentences.skipped_embeddings(details.report, words),
        "stages": [
            _stage(stage, details)
            | {
                "features": words(report_sentences.kinds_of(stage)),
                "added": report_sentences.added_sentence(stage, words, seconds),
            }
            for stage in details.report.stages
        ],
    }


def _together(report: TrainingReport) -> dict[str, str]:
    """What is said of all stages together, by what it is about."""
    cascade = report.cascade
    if not cascade.songs:
        return {}
    said = {
        "Decided by": report_sentences.decided_sentence(cascade),
        "Asked for 95 %": report_sentences.promise_sentence(cascade),
        "Thresholds proposed": report_sentences.proposal_sentence(cascade),
    }
    return {about: sentence for about, sentence in said.items() if sentence}


def _judged(model: TrainedModel) -> dict[str, str]:
    """What people's judgements say of the model in service, by what it is about."""
    if model.state != TrainedModel.State.IN_SERVICE:
        return {}
    try:
        with decisions_at_hand() as decisions:
            reading = current_reading(decisions)
    except RemoteError as error:
        return {"Judged songs": error.message}
    said = {
        "95 %, judged": promise_sentence(reading),
        "Calibration error, judged": calibration_sentence(reading),
    }
    return {about: sentence for about, sentence in said.items() if sentence}


def _stage(stage: StageReport, details: ModelDetails) -> dict[str, Any]:
    return {
        "figures": stage,
        "pictures": _pictures(details, {_head(stage)}),
        "matrix": list(report_sentences.matrix(stage.confusion)),
        "mistakes": report_sentences.mistakes(stage.confusion),
        "noise_sentence": report_sentences.noise_sentence(stage),
    }


def _head(stage: StageReport) -> str:
    return stage.model_version.partition("/")[0]


def _pictures(details: ModelDetails, about: set[str]) -> list[dict[str, str]]:
    found = []
    for picture in details.pictures:
        if report_sentences.stage_of_picture(picture.name) in about:
            title, how = report_sentences.picture_words(picture.name)
            wide = "rc-matrix" if "confusion" in picture.name else ""
            found.append({"title": title, "how": how, "address": _inline(picture), "wide": wide})
    return found


def _inline(picture: Picture) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"
