"""Forms about songs."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from portal.pages.genre_field import GenreField


class OverrideForm(forms.Form):
    """A person's genre for songs, and why."""

    genre = GenreField(error_messages={"required": "Choose a genre, or clear the override."})
    note = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Why (optional)"}),
    )


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
