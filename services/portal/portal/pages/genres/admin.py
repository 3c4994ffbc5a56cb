"""Genres and their aliases in the admin."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.forms import PaginationInlineFormSet

from portal.counting import counted
from portal.first_guess.keeping import refresh
from portal.genres.models import Alias, Genre
from portal.genres.spelling import normalised
from portal.labels.tags import relabel
from portal.pages import badges
from portal.pages.genres import unmapped_tags
from portal.pages.genres.dependents import dependents
from portal.pages.page_admin import ListAdmin, column
from portal.pages.theme import without_closed_page
from portal.training.readiness import survey_genres
from portal.training.suggestions import suggestions
from portal.verdicts.models import Prediction


def _count(related: QuerySet[Any]) -> Coalesce:
    of_each = related.order_by().values("genre").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(of_each), 0)


class Relabelling(ListAdmin):
    """What songs' tags say follows from genres and aliases, so it is worked out anew whenever those change."""

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
        refresh()  # a retired genre is not guessed
        if changed:
            have = counted(changed, "song", verb=("has", "have"))
            messages.info(request, f"By tags {have} another genre now.")


class AliasFormSet(PaginationInlineFormSet):
    """The spellings of one genre, none of them twice."""

    def clean(self) -> None:
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            spelling = normalised(getattr(form, "cleaned_data", {}).get("spelling", ""))
            if spelling and spelling in seen:
                form.add_error("spelling", "This spelling is here twice.")
            seen.add(spelling)


class AliasInline(TabularInline):
    """The spellings of one genre."""

    model = Alias
    formset = AliasFormSet
    extra = 1
    tab = True


@admin.register(Genre)
class GenreAdmin(Relabelling):
    """The genres that songs can have."""

    list_display = ("name", "kind", "by_ai", "spelling_count")
    list_filter = ("custom", "retired")
    search_fields = ("name", "aliases__spelling")
    inlines = (AliasInline,)
    actions: ClassVar[Any] = ("retire", "take_back")
    by_ai = column("Predicted songs", "said")
    spelling_count = column("Spellings", "spelled")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Genres are deleted one by one, on a page that says what depends on each."""
        return {
            name: action for name, action in super().get_actions(request).items() if name != "delete_selected"
        }

    @admin.action(description="Retire", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[Genre]) -> None:
        """Neither learned nor written any more."""
        self._set_retired(request, queryset, retired=True)

    @admin.action(description="Take back into use", permissions=["change"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Genre]) -> None:
        """Learned and written again."""
        self._set_retired(request, queryset, retired=False)

    def _set_retired(self, request: HttpRequest, genres: Iterable[Genre], *, retired: bool) -> None:
        names = []
        for genre in genres:
            genre.retired = retired
            genre.save(update_fields=("retired",))
            self.log_change(request, genre, "Retired." if retired else "Taken back into use.")
            names.append(genre.name)
        said = "retired: neither learned nor written any more" if retired else "in use again"
        messages.success(request, f"{', '.join(names)}: {said}.")
        self._relabel(request)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say what depends on it, and that it can be retired; what people said of songs is never deleted with it."""
        genre = self.get_object(request, object_id)
        if genre is None or not self.has_delete_permission(request, genre):
            return self._delete_as_any(request, object_id)
        found = dependents(genre)
        page = reverse("admin:genres_genre_change", args=(genre.pk,))
        may_change = self.has_change_permission(request, genre)
        if request.method == "POST" and "retire" in request.POST and may_change:
            self._set_retired(request, [genre], retired=True)
            return redirect(page)
        if request.method == "POST" and not found.forbids:
            return self._delete_as_any(request, object_id)
        return self.page(
            request,
            "portal/genre_delete.html",
            original=genre,
            title=f"Delete {genre}",
            genre=genre,
            dependents=found,
            cancel=page,
        )

    def _delete_as_any(self, request: HttpRequest, object_id: str) -> HttpResponse:
        answer: HttpResponse = super().delete_view(request, object_id)
        return answer

    def get_queryset(self, request: HttpRequest) -> QuerySet[Genre]:
        found: QuerySet[Genre] = super().get_queryset(request)
        # Two counts, not two joins: those would multiply every song by every alias.
        said = Prediction.objects.filter(genre=OuterRef("pk"), current=True)
        spelled = Alias.objects.filter(genre=OuterRef("pk"))
        return found.annotate(said=_count(said), spelled=_count(spelled))

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("readiness/", "genres_genre_readiness", self.readiness),)

    def readiness(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """What a training would find of each genre."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = survey_genres()
        return self.page(
            request,
            "portal/readiness.html",
            opts=None,  # the header would name the list of genres instead
            title="What can be learned",
            found=found,
            suggestions=[without_closed_page(each, request.user) for each in suggestions(found)],
            trainings=(("train", "Train"), ("train-as-is", "Train as it is")),
            may_start=any(each.labelled for each in found.genres)
            and request.user.has_perm("runs.change_run"),
        )

    @admin.display(description="Kind", ordering="custom")
    def kind(self, genre: Genre) -> SafeString:
        return badges.genre_kind(custom=genre.custom, retired=genre.retired).html


@admin.register(Alias)
class AliasAdmin(Relabelling):
    """Spellings found in tags."""

    list_display = ("spelling", "genre")
    list_filter = (("genre", RelatedDropdownFilter),)
    list_filter_submit = True
    search_fields = ("spelling",)
    list_select_related = ("genre",)

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("unmapped/", "genres_alias_unmapped", self.unmapped),)

    def unmapped(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The tags that stand for no genre; by a click a person says what is to come of one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            may_add_genres = request.user.has_perm("genres.add_genre")
            if not self.has_add_permission(request) or ("new_genre" in request.POST and not may_add_genres):
                raise PermissionDenied
            unmapped_tags.take(request)
            return redirect(request.get_full_path())
        return self.page(
            request,
            "portal/unmapped.html",
            opts=None,  # the header would name the list of aliases instead
            may_add=self.has_add_permission(request),
            may_add_genres=request.user.has_perm("genres.add_genre"),
            **unmapped_tags.context(request),
        )
