"""Forms that ask which genre is taught, and from where."""

from typing import Any
from unicodedata import normalize

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal.genres.models import NO_LETTER, Genre, genre_like
from portal.genres.spelling import normalised
from portal.pages.genre_field import GenreField
from portal.teaching.members import in_folder
from portal.teaching.models import TaughtSet
from portal.teaching.plex_lists import PlexLists


class GenreToTeach(forms.Form):
    """A genre that is there, or a new one where `may_add` says that the person may make some."""

    genre = GenreField(required=False)
    new_genre = forms.CharField(
        label="Or a new genre",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "For example City Pop"}),
        help_text="As it is to be written to Plex.",
    )

    def __init__(self, *args: Any, may_add: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_add:
            del self.fields["new_genre"]

    def clean(self) -> dict[str, Any]:
        """Exactly one of them."""
        cleaned: dict[str, Any] = super().clean() or {}
        name = cleaned["new_genre"] = " ".join(normalize("NFC", cleaned.get("new_genre", "")).split())
        if bool(name) == bool(cleaned.get("genre")):
            raise forms.ValidationError("Choose a genre, or write the name of a new one.")
        if name and not normalised(name):
            self.add_error("new_genre", NO_LETTER)
        there = genre_like(name) if name else None
        if there:
            hint = "bring it back under Genres first" if there.retired else "choose it above"
            self.add_error("new_genre", f"There is a genre {there} already: {hint}.")
        return cleaned

    def taught_genre(self) -> tuple[Genre, bool]:
        """The genre, and whether it was made just now."""
        if self.cleaned_data["genre"]:
            return self.cleaned_data["genre"], False
        return Genre.objects.create(name=self.cleaned_data["new_genre"], custom=True), True


class SetToTeach(GenreToTeach):
    """A folder, or a list in Plex."""

    folder = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "/music/K-Pop"}),
        help_text="As Plex names it; every song below it is taken.",
    )
    plex_list = forms.ChoiceField(
        label="Or a list in Plex", required=False, widget=UnfoldAdminSelectWidget, choices=()
    )

    def __init__(self, *args: Any, lists: PlexLists, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lists = lists
        field = self.fields["plex_list"]
        field.choices = [("", "Choose a playlist or collection"), *lists.choices()]  # type: ignore[attr-defined]
        if lists.trouble:
            field.help_text = f"Plex could not be asked for its lists: {lists.trouble}"

    def clean(self) -> dict[str, Any]:
        """Exactly one source, and songs in it."""
        cleaned = super().clean()
        folder = cleaned["folder"] = normalize("NFC", cleaned.get("folder", "").strip()).rstrip("/\\")
        if bool(folder) == bool(cleaned.get("plex_list")):
            raise forms.ValidationError("Name a folder, or choose a playlist or collection.")
        if folder and not in_folder(folder).exists():
            self.add_error(
                "folder", f"No song is known below “{folder}”: write it as Plex names it, or sync first."
            )
        return cleaned

    def taught_set(self, genre: Genre) -> TaughtSet:
        """The set, that of an earlier time where it is there."""
        folder = self.cleaned_data["folder"]
        if folder:
            made, _ = TaughtSet.objects.get_or_create(
                genre=genre, source=TaughtSet.Source.FOLDER, title=folder, list_key=""
            )
            return made
        return self._lists.taught_set(genre, self.cleaned_data["plex_list"])
