"""Votes anew on the songs of a training when other thresholds are in force than those that they were voted on by."""

from django.db import transaction
from django.db.models import Q

from portal.preferences.values import Preferences
from portal.remote.services import Services
from portal.verdicts.models import Prediction
from portal.verdicts.oof_predictions import waiting_room
from portal.verdicts.predictions import DIGITS, genres_by_name


def vote_again(services: Services, settings: Preferences) -> int:
    """How many songs were asked for again: those of the model in service, what it said of each out of fold.

    Each stage's word is kept by inference, which alone knows the rule; no audio is read for it.
    """
    serving = [stage.model_version for stage in services.inference.status() if stage.ready]
    current = Prediction.objects.filter(current=True, out_of_fold=True, model_version__in=serving)
    if not current.filter(_by_other_rule(settings)).exists():
        return 0
    model = services.models.kept().in_service
    if model is None:
        return 0
    with waiting_room(genres_by_name()) as said:
        for each in services.models.out_of_fold(model.name, settings):
            said.take(each)
        with transaction.atomic():
            said.store(of_heads=serving)
        return said.count


def _by_other_rule(settings: Preferences) -> Q:
    """Predictions, out of fold, that a vote by these thresholds and stages could change."""
    first, second = (
        round(each, DIGITS) for each in (settings.stage_1_confidence, settings.stage_2_confidence)
    )
    other = Q(outcome="") | ~Q(stages__0__3=first) | Q(stages__1__isnull=False) & ~Q(stages__1__3=second)
    other |= Q(deciding_stage__gt=settings.stages)
    for stage in range(1, settings.stages):
        # It was the last one allowed, and is not any more.
        undecided = {f"stages__{stage - 1}__2": False, f"stages__{stage}__isnull": False}
        other |= Q(deciding_stage=stage, **undecided)
    return other
