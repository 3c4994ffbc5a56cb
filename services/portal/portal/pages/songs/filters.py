"""What the list of songs can be narrowed down to."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from portal.genres.models import Genre
from portal.library.annotations import GUESS_STANDS, LOOKS_WRONG, with_fields
from portal.library.presence import not_chosen, present
from portal.library.tag_agreement import Agreement
from portal.registry.serving import serving_versions

Choices = Mapping[str, tuple[str, Q]]


class ChoiceFilter(DropdownFilter):
    """Choices by their value in the address, each with its words and the songs that it leaves."""

    choices_offered: ClassVar[Choices]
    field: ClassVar[str] = ""
    """Of the verdict, where the choices need one that not every list has."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(value, words) for value, (words, _) in self.choices_offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.choices_offered.get(self.value() or "")
        if chosen is None:
            return queryset
        return (with_fields(queryset, self.field) if self.field else queryset).filter(chosen[1])


class GenreFilter(DropdownFilter):
    """By the AI's genre."""

    title = "the AI's genre"
    parameter_name = "genre"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Genre.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if not value.isdecimal():
            return queryset
        return with_fields(queryset, "ai_genre_id").filter(ai_genre_id=int(value))


class FirstGuessFilter(DropdownFilter):
    """By the first guess, of songs that neither a person nor a model has decided."""

    title = "first guess"
    parameter_name = "first_guess"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        guessed = Genre.objects.filter(tag_votes__isnull=False).distinct()
        return [
            ("any", "Has a first guess"),
            *((str(pk), name) for pk, name in guessed.values_list("pk", "name")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if value == "any":
            return queryset.filter(GUESS_STANDS)
        return queryset.filter(GUESS_STANDS, first_guess__genre=int(value)) if value.isdecimal() else queryset


class ConfidenceFilter(ChoiceFilter):
    """By how sure the AI is."""

    title = "confidence"
    parameter_name = "confidence"
    field = "ai_confidence"
    choices_offered: ClassVar[Choices] = {
        "90": ("90 % and more", Q(ai_confidence__gte=0.9)),
        "70": ("70 to 90 %", Q(ai_confidence__gte=0.7, ai_confidence__lt=0.9)),
        "50": ("50 to 70 %", Q(ai_confidence__gte=0.5, ai_confidence__lt=0.7)),
        "0": ("below 50 %", Q(ai_confidence__lt=0.5)),
    }


class AgreementFilter(ChoiceFilter):
    """By whether the AI and the tags agree."""

    title = "agreement with the tags"
    parameter_name = "agreement"
    field = "agreement"
    choices_offered: ClassVar[Choices] = {
        value: (words, Q(agreement=value)) for value, words in Agreement.choices
    }


class WriteKindFilter(ChoiceFilter):
    """By what writing the genre would be, of songs that were decided."""

    title = "kind of write"
    parameter_name = "write_kind"
    choices_offered: ClassVar[Choices] = {
        "fill": ("Fill: it has no tag that counts", Q(decision__kind="fill", decision__genre__isnull=False)),
        "correction": (
            "Correction: its tag says otherwise",
            Q(decision__kind="correction", decision__genre__isnull=False),
        ),
        "none": ("None: its tags name the genre", Q(decision__kind="none", decision__genre__isnull=False)),
    }


class SuspectedLabelErrorFilter(ChoiceFilter):
    """Songs whose tag looks wrong."""

    title = "wrong tag"
    parameter_name = "suspected_label_error"
    choices_offered: ClassVar[Choices] = {"yes": ("Looks wrong, or worth a listen", LOOKS_WRONG)}


class StaleFilter(DropdownFilter):
    """Songs whose verdict is an older model's."""

    title = "age of the verdict"
    parameter_name = "stale"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("yes", "Stale: an older model's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        serving = serving_versions() if self.value() == "yes" else None
        if serving is None:
            return queryset
        if not serving:
            return queryset.none()
        predicted = with_fields(queryset, "ai_model").filter(ai_model__isnull=False)
        return predicted.exclude(ai_model__in=serving)


class WeightsFilter(ChoiceFilter):
    """Songs that a model for trials has classified."""

    title = "weights of the model"
    parameter_name = "weights"
    field = "ai_random_weights"
    choices_offered: ClassVar[Choices] = {"random": ("Random: for trials", Q(ai_random_weights=True))}


class OverrideFilter(ChoiceFilter):
    """Songs that a person has decided."""

    title = "override"
    parameter_name = "override"
    choices_offered: ClassVar[Choices] = {
        "yes": ("Set by a person", Q(override__isnull=False)),
        "guess": (
            "Taken from a first guess",
            Q(override__from_first_guess=True, judgement__isnull=True),
        ),
        "no": ("Not set", Q(override__isnull=True)),
    }


class InPlexFilter(ChoicesDropdownFilter):
    """By what of ours stands in Plex."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "state in Plex"


class PresenceFilter(DropdownFilter):
    """Songs that Plex no longer has, or that are in a library that is not chosen, are listed where they are asked for.

    Whoever asks for a library by name asks for its songs, chosen or not.
    """

    title = "presence in Plex"
    parameter_name = "presence"
    all_option = None  # the first choice takes its place

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [
            ("", "In the library"),
            ("unchosen", "In a library that is not chosen"),
            ("gone", "Gone from Plex"),
            ("all", "All"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "all":
            return queryset
        if value == "gone":
            return queryset.filter(removed_time__isnull=False)
        if value == "unchosen":
            return queryset.filter(not_chosen())
        named = request.GET.get("library__id__exact")
        return queryset.filter(Q(removed_time=None) if named else present())
