"""The votes of tags in the admin: which tag of a song's sound speaks for which genre, before anything is trained."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from portal.counting import counted
from portal.first_guess.keeping import refresh
from portal.first_guess.known_tags import known_tags
from portal.first_guess.models import TagVote
from portal.first_guess.reading import WORTH, cannot_be_guessed
from portal.first_guess.seeds import missing_votes, plant
from portal.genres.models import Genre
from portal.pages.badges import Badge, Tone
from portal.pages.page_admin import ListAdmin
from portal.registry.serving import serving_versions

SILENT = Badge(
    text="not given",
    tone=Tone.WARNING,
    meaning="No embedding that was seen here gives this tag: the vote says nothing.",
)
GIVEN = Badge(text="given", tone=Tone.GOOD, meaning="An embedding gives this tag to songs.")


class TagVoteForm(forms.ModelForm):  # type: ignore[type-arg] # generic in its stubs alone
    """A vote, whose tag is chosen from those that embeddings give."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = sorted(known_tags(), key=str.casefold)
        if "tag" in self.fields and known:
            self.fields["tag"] = _choice(known, self.instance.tag, str(self.fields["tag"].help_text))


def _choice(known: list[str], present: str, help_text: str) -> forms.ChoiceField:
    """Of these tags, and the one that is set."""
    offered = known if not present or present in known else [present, *known]
    return forms.ChoiceField(
        choices=[("", "Choose a tag"), *((tag, tag) for tag in offered)],
        widget=UnfoldAdminSelectWidget,
        help_text=help_text,
        error_messages={
            "invalid_choice": f"No embedding gives the tag “%(value)s”. Known are: {', '.join(known)}."
        },
    )


@admin.register(TagVote)
class TagVoteAdmin(ListAdmin):
    """All votes. First guesses follow from them, so these are made anew whenever a vote changes."""

    form = TagVoteForm
    list_display = ("genre", "tag", "weight", "is_given")
    list_display_links = ("tag",)
    list_filter = (("genre", RelatedDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("genre",)
    search_fields = ("tag", "genre__name")
    list_per_page = 100
    list_before_template = "portal/tag_votes.html"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "genre":
            kwargs["queryset"] = Genre.objects.filter(retired=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what guesses are worth, which genres cannot be guessed, and which tags vote for none."""
        voting = set(TagVote.objects.values_list("tag", flat=True))
        found = {
            "title": capfirst(self.opts.verbose_name_plural),
            "worth": WORTH,
            "cannot_be_guessed": cannot_be_guessed(),
            "without_vote": sorted(known_tags() - voting, key=str.casefold),
            "model_serves": bool(serving_versions()),
            "missing_shipped": self.has_add_permission(request) and len(missing_votes(TagVote, Genre)),
        }
        return super().changelist_view(request, {**(extra_context or {}), **found})

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("shipped/", "first_guess_tagvote_shipped", self.put_back),)

    def put_back(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Add those of the shipped votes that are missing."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(("POST",))
        missing = len(missing_votes(TagVote, Genre))
        plant(TagVote, Genre)
        back = counted(missing, "shipped vote", verb=("is", "are"))
        messages.success(request, f"{back} back; the others stay as they were.")
        self._guess_again(request)
        return redirect("admin:first_guess_tagvote_changelist")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._guess_again(request)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        super().delete_model(request, obj)
        self._guess_again(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        self._guess_again(request)

    def _guess_again(self, request: HttpRequest) -> None:
        changed = refresh()
        if changed.made:
            songs = counted(changed.made, "song", verb=("has", "have"))
            messages.info(request, f"{songs} another first guess now, or another share for it.")
        if changed.gone:
            songs = counted(changed.gone, "song", verb=("has", "have"))
            messages.info(request, f"{songs} no first guess any more.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TagVote]:
        found: QuerySet[TagVote] = super().get_queryset(request)
        return found.annotate(given=ExpressionWrapper(Q(tag__in=known_tags()), BooleanField()))

    @admin.display(description="Embedding")
    def is_given(self, vote: Any) -> SafeString:
        return (GIVEN if vote.given else SILENT).html
