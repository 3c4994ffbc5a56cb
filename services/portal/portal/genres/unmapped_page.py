"""The page of tags that stand for no genre: each is given one by a click."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from portal.genres.models import Alias, Genre
from portal.library.labels import relabel
from portal.library.models import Track
from portal.library.unmapped import unmapped_tags

TAGS_PER_PAGE = 50


class AliasForm(forms.Form):
    """Which genre a tag stands for."""

    tag = forms.CharField(max_length=200, strip=False, widget=forms.HiddenInput)
    genre = forms.ModelChoiceField(
        Genre.objects.filter(retired=False), empty_label="Choose a genre", widget=UnfoldAdminSelectWidget
    )


def add_alias(request: HttpRequest) -> None:
    """Let the tag that was sent stand for the genre that was chosen; the person is told what came of it."""
    form = AliasForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose the genre that the tag stands for.")
        return
    alias = Alias(spelling=form.cleaned_data["tag"], genre=form.cleaned_data["genre"])
    try:
        alias.full_clean()
    except ValidationError as error:
        messages.error(request, f"“{alias.spelling}” was not taken: {' '.join(error.messages)}")
        return
    alias.save()
    changed = relabel()
    counted = f"{changed:,} song{'' if changed == 1 else 's'}"
    messages.success(request, f"“{alias.spelling}” stands for {alias.genre} now: {counted} changed.")


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    page = Paginator(list(unmapped_tags()), TAGS_PER_PAGE).get_page(request.GET.get("p"))
    return {
        "title": "Unknown tags",
        "songs": Track.objects.exists(),
        "page": page,
        "lines": [(each, AliasForm(initial={"tag": each.tag}, auto_id=False)) for each in page],
    }
