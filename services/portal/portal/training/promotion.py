"""The promote run: another model is put into service, and what it said of its training songs comes with it."""

from collections.abc import Iterable

from django.db import transaction

from portal.counting import counted
from portal.preferences.current import preferences
from portal.public.songs import public_versions
from portal.registry.mirror import note_promotion, reconcile
from portal.registry.models import TrainedModel
from portal.remote.reports import Model
from portal.runs.models import Run
from portal.runs.work import RunJob, Work
from portal.training.dataset import present_versions
from portal.verdicts.oof_predictions import waiting_room
from portal.verdicts.predictions import genres_by_name
from portal.verdicts.pruning import prune_predictions


class Promoting(Work):
    """Arguments: `model`, a name; or `back_from`, the model in service, to put the one before it back.

    `by` is whoever wants it. Whenever it is broken off, the one model or the other is in service.
    """

    def select_songs(self, job: RunJob) -> Iterable[int]:
        """Switch, then store. Done again after a crash it comes to the same: a switch that is done is not repeated."""
        job.report("put the model into service", 0.1)
        model = self._switch(job)
        reconcile(job.services.models)
        note_promotion(model.name, job.run.arguments["by"])
        job.report("store what it said of its training songs", 0.5)
        with waiting_room(genres_by_name()) as said:
            for each in job.services.models.out_of_fold(model.name, preferences()):
                said.take(each)
            with transaction.atomic():
                said.store()
                prune_predictions()
                job.run.model = TrainedModel.objects.get(name=model.name)
                job.run.result = {"songs": said.count}
                job.run.save(update_fields=("result", "model"))
        return ()

    def _switch(self, job: RunJob) -> Model:
        models, settings = job.services.models, preferences()
        stored = [*present_versions().values(), *public_versions()]
        back_from = job.run.arguments.get("back_from")
        if back_from:
            return models.roll_back(back_from, settings, stored)
        return models.promote(job.run.arguments["model"], settings, stored)

    def summarise(self, run: Run) -> str:
        """The outcome in a sentence, and what comes next."""
        if run.model is None:
            return ""
        songs = run.result["songs"]
        have = f"{counted(songs, 'song')} of its training {'has' if songs == 1 else 'have'}"
        return f"{run.model} is in service. {have} its verdict; run `reclass classify` for the others."
