"""Votes anew on the songs of a training when other thresholds are in force than those that they were voted on by."""

from django.db import transaction
from django.db.models import Q

from portal.library.stages import leading_stages
from portal.preferences.values import Preferences
from portal.remote.request_settings import stage_thresholds
from portal.remote.services import Services
from portal.verdicts.models import Prediction
from portal.verdicts.oof_predictions import waiting_room
from portal.verdicts.predictions import DIGITS, genres_by_name


def vote_again(services: Services, settings: Preferences) -> int:
    """How many songs were asked for again: those of the model in service, what it said of each out of fold.

    Each stage's word is kept by inference, which alone knows the rule; no audio is read for it. A stage that is
    switched off has no vote, as in a classification; of songs that nothing but this concerns the verdict stays.
    """
    stages = services.inference.status()
    serving = [stage.model_version for stage in stages if stage.ready]
    asked = max(1, leading_stages(stages))
    current = Prediction.objects.filter(current=True, out_of_fold=True, model_version__in=serving)
    concerned = current.filter(_by_other_rule(settings, asked))
    if not concerned.exists():
        return 0
    model = services.models.kept().in_service
    if model is None:
        return 0
    tracks = set(map(str, concerned.values_list("track_id", flat=True)))
    by_those_on = settings.model_copy(update={"stages": min(settings.stages, asked)})
    with waiting_room(genres_by_name()) as said:
        for each in services.models.out_of_fold(model.name, by_those_on):
            if each.song_id in tracks:
                said.take(each)
        with transaction.atomic():
            said.store(of_heads=serving)
        return said.count


def _by_other_rule(settings: Preferences, stages: int) -> Q:
    """Predictions, out of fold, that another vote by these settings could change, with so many stages that are on."""
    other = Q(outcome="") | Q(deciding_stage__gt=settings.stages)
    for place, threshold in enumerate(stage_thresholds(settings)[:stages]):
        voted_on = {f"stages__{place}__3": round(threshold, DIGITS)}
        other |= Q(**{f"stages__{place}__isnull": False}) & ~Q(**voted_on)
    for stage in range(1, min(settings.stages, stages)):
        # It was the last one allowed, and is not any more.
        undecided = {f"stages__{stage - 1}__2": False, f"stages__{stage}__isnull": False}
        other |= Q(deciding_stage=stage, **undecided)
    return other
