"""Which songs a dry run looks at: those with a genre that may be written, by what is stored."""

from django.db.models import Q

from portal.library.models import Analysis
from portal.preferences.values import Preferences
from portal.verdicts.models import Decision


def candidates(min_confidence: float, settings: Preferences) -> Q:
    """Songs with a person's word, or with a decision that is sure enough; where tags are translated, those with tags.

    Songs that were classified, and of which nothing was decided, are among them: they are told why they are left alone.
    """
    decided = Q(decision__genre__isnull=False, decision__confidence__gte=min_confidence)
    decided &= ~Q(decision__kind__in=_switched_off(settings))
    chosen = Q(override__isnull=False) | is_classified() & (decided | Q(decision=None))
    return chosen | Q(tag_genre__isnull=False) if settings.write_translations else chosen


def of_another_model() -> Q:
    """Songs that were decided, without a genre: the model in service can use nothing of what is known."""
    return is_classified() & Q(decision__isnull=False, decision__genre=None, override=None)


def is_classified() -> Q:
    """Songs whose current verdict may be written, by what the vote came to."""
    # Of what was said out of fold before outcomes were kept, nobody knows whether the song is like the training.
    outcome = Q(predictions__outcome=Analysis.CLASSIFIED)
    outcome |= Q(predictions__outcome="", predictions__out_of_fold=False)
    return outcome & Q(analysis=Analysis.CLASSIFIED, predictions__current=True)


def _switched_off(settings: Preferences) -> list[Decision.Kind]:
    kinds = (
        (Decision.Kind.FILL, settings.write_fills),
        (Decision.Kind.CORRECTION, settings.write_corrections),
    )
    return [kind for kind, is_written in kinds if not is_written]
