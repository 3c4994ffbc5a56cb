"""The page of tags that stand for no genre: of each a person says by a click what it stands for, or that it is none."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest

from portal.counting import counted
from portal.genres.models import LONGEST_SPELLING, Alias, Genre, IgnoredTag
from portal.genres.spelling import spelled
from portal.labels.tags import relabel
from portal.labels.unmapped_tags import unmapped_tags
from portal.library.models import Track
from portal.pages.genre_field import GenreField

TAGS_PER_PAGE = 50


class TagForm(forms.Form):
    """A tag."""

    tag = forms.CharField(max_length=LONGEST_SPELLING, strip=False, widget=forms.HiddenInput)

    def clean_tag(self) -> str:
        """One character may stand for many once it is spelled out, as it is looked up."""
        tag: str = self.cleaned_data["tag"]
        if len(spelled(tag)) > LONGEST_SPELLING:
            raise ValidationError("too long")
        return tag


class AliasForm(TagForm):
    """Which genre a tag stands for."""

    genre = GenreField(required=False)


def take(request: HttpRequest) -> None:
    """Do what was asked with the tag that was sent; the person is told what came of it."""
    form = AliasForm(request.POST)
    step = next((step for name, step in _STEPS.items() if name in request.POST), _make_alias)
    if not form.is_valid():
        messages.error(
            request, "Nothing was changed: the tag is longer than 200 characters, or the genre is gone."
        )
        return
    tag = form.cleaned_data["tag"]
    try:
        said = step(tag, form.cleaned_data["genre"])
    except ValidationError as error:
        messages.error(request, f"“{tag}” was not accepted: {' '.join(error.messages)}")
        return
    changed = relabel()
    messages.success(request, f"“{tag}” {said}: {counted(changed, 'song')} changed.")


def _make_alias(tag: str, genre: Genre | None) -> str:
    if genre is None:
        raise ValidationError("Choose the genre that the tag stands for.")
    alias = Alias(spelling=tag, genre=genre)
    alias.full_clean()
    alias.save()
    return f"stands for {genre} now"


def _make_genre(tag: str, genre: Genre | None) -> str:
    made = Genre(name=tag.strip(), custom=True)
    made.full_clean()
    made.save()
    return "is a genre now; it is learned when you train again"


def _ignore(tag: str, genre: Genre | None) -> str:
    IgnoredTag.objects.get_or_create(normalised=spelled(tag), defaults={"tag": tag})
    return "is ignored now: a song that has no other tag counts as one without"


def _use_again(tag: str, genre: Genre | None) -> str:
    IgnoredTag.objects.filter(normalised=spelled(tag)).delete()
    return "is used again"


_STEPS: Mapping[str, Callable[[str, Genre | None], str]] = {
    "new_genre": _make_genre,
    "ignore": _ignore,
    "use_again": _use_again,
}


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows."""
    page = Paginator(list(unmapped_tags()), TAGS_PER_PAGE).get_page(request.GET.get("p"))
    return {
        "title": "Unknown tags",
        "songs": Track.objects.exists(),
        "page": page,
        "lines": [(each, AliasForm(initial={"tag": each.tag}, auto_id=False)) for each in page],
        "ignored": [
            (each, TagForm(initial={"tag": each.tag}, auto_id=False)) for each in IgnoredTag.objects.all()
        ],
    }
