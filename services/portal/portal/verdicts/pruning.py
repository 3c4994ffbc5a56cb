"""Forgets what models said that are kept no more."""

from collections.abc import Collection

from portal.verdicts.models import Prediction


def prune_predictions(kept_heads: Collection[str]) -> int:
    """Remove earlier verdicts of models that could not be put back; a song's current one stays, whoever said it.

    kept_heads : versions of all models that inference keeps; where it names none, nothing is removed.
    """
    if not kept_heads:
        return 0
    removed, _ = Prediction.objects.filter(current=False).exclude(model_version__in=kept_heads).delete()
    return removed
