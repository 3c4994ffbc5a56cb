"""Forms about songs."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from portal.counting import counted
from portal.labels.taken_guesses import TaggedGuesses
from portal.pages.genre_field import GenreField


class OverrideForm(forms.Form):
    """A person's genre for songs, and why."""

    genre = GenreField(error_messages={"required": "Choose a genre, or clear the override."})
    note = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why (optional)"}),
    )


class GuessForm(forms.Form):
    """Whether guesses are taken against tags, too; `found` are the songs that it would be done to."""

    tagged = forms.BooleanField(
        label="Take them for songs with a tag that counts, too", required=False, widget=UnfoldBooleanWidget
    )

    def __init__(self, *args: Any, found: TaggedGuesses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        have = counted(found.songs, "song", verb=("has", "have"))
        says = "says" if found.otherwise == 1 else "say"
        self.fields["tagged"].help_text = (
            f"{have} a tag that counts, and a guess: {found.otherwise:,} of them {says} another genre than the guess. "
            "Left out unless you tick this."
        )
        if not found.songs:
            del self.fields["tagged"]


class PlanForm(forms.Form):
    """How sure the AI must be for a song to be in a plan."""

    percent = forms.DecimalField(
        label="Minimum confidence, in percent",
        min_value=0,
        max_value=100,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Songs with an override are taken whatever the AI says. Nothing is written to Plex yet.",
    )
    random_weights = forms.BooleanField(
        label="Random weights",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Also plan the genres that a model for trials decided. They mean nothing.",
    )

    def __init__(self, *args: Any, trials: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not trials:
            del self.fields["random_weights"]
