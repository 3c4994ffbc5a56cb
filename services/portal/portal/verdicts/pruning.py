"""Forgets what models said that are kept no more."""

from portal.registry.models import TrainedModel
from portal.verdicts.models import Prediction


def prune_predictions() -> int:
    """Remove earlier verdicts of models that could not be put back; a song's current one stays, whoever said it.

    Where no model is known, nothing is removed.
    """
    kept = {head for heads in TrainedModel.objects.values_list("heads", flat=True) for head in heads}
    if not kept:
        return 0
    removed, _ = Prediction.objects.filter(current=False).exclude(model_version__in=kept).delete()
    return removed
