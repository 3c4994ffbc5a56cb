"""Genres and their aliases in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from portal.genres.models import Alias, Genre
from portal.library.labels import relabel


class Relabelling(ModelAdmin):
    """What songs' tags claim follows from genres and aliases, so it is worked out anew whenever those change."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._relabel(request)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        super().delete_model(request, obj)
        self._relabel(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        self._relabel(request)

    def _relabel(self, request: HttpRequest) -> None:
        changed = relabel()
        if changed:
            words = "song has" if changed == 1 else "songs have"
            messages.info(request, f"{changed:,} {words} another genre by their tags now.")


class AliasInline(TabularInline):
    """The spellings of one genre."""

    model = Alias
    extra = 1
    tab = True


@admin.register(Genre)
class GenreAdmin(Relabelling):
    """The genres that songs can have."""

    list_display = ("name", "custom", "retired", "by_ai", "spelling_count")
    list_filter = ("custom", "retired")
    search_fields = ("name", "aliases__spelling")
    inlines = (AliasInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Genre]:
        said = Count("predictions", filter=Q(predictions__current=True), distinct=True)
        return super().get_queryset(request).annotate(said=said, spelled=Count("aliases", distinct=True))

    @display(description="Songs, says the AI", ordering="said")
    def by_ai(self, genre: Any) -> int:
        return int(genre.said)

    @display(description="Spellings", ordering="spelled")
    def spelling_count(self, genre: Any) -> int:
        return int(genre.spelled)


@admin.register(Alias)
class AliasAdmin(Relabelling):
    """Spellings found in tags."""

    list_display = ("spelling", "genre")
    list_filter = (("genre", RelatedDropdownFilter),)
    list_filter_submit = True
    search_fields = ("spelling",)
    list_select_related = ("genre",)
