"""Which songs a dry run looks at: those with a genre that may be written, by what is stored."""

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from portal.ledger.kinds import WriteKind
from portal.library.models import Analysis, Track
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
    return _decided_without_genre() & Q(decision__parts=[])


def genres_out_of_use(tracks: QuerySet[Track]) -> dict[str, int]:
    """The genres that the model says of these songs and that are retired or renamed here; how many songs of each."""
    songs = tracks.filter(_decided_without_genre()).order_by().values("pk")
    said = Decision.objects.filter(track__in=songs).exclude(parts=[]).values_list(KT("parts__-1__1"))
    return dict(said.annotate(songs=Count("pk")))


def _decided_without_genre() -> Q:
    return is_classified() & Q(decision__isnull=False, decision__genre=None, override=None)


def kinds_written(settings: Preferences) -> frozenset[WriteKind]:
    """The kinds of write that are not switched off; a person's word is always written."""
    kinds = {
        WriteKind.PERSON: True,
        WriteKind.FILL: settings.write_fills,
        WriteKind.CORRECTION: settings.write_corrections,
        WriteKind.TRANSLATION: settings.write_translations,
    }
    return frozenset(kind for kind, is_written in kinds.items() if is_written)


def is_classified() -> Q:
    """Songs whose current verdict may be written, by what the vote came to."""
    # Of what was said out of fold before outcomes were kept, nobody knows whether the song is like the training.
    outcome = Q(predictions__outcome=Analysis.CLASSIFIED)
    outcome |= Q(predictions__outcome="", predictions__out_of_fold=False)
    return outcome & Q(analysis=Analysis.CLASSIFIED, predictions__current=True)


def _switched_off(settings: Preferences) -> list[Decision.Kind]:
    written = kinds_written(settings)
    return [kind for kind in (Decision.Kind.FILL, Decision.Kind.CORRECTION) if WriteKind(kind) not in written]
