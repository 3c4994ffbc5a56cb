"""The choice of a genre, as forms have it."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from portal.genres.models import Genre


class GenreField(forms.ModelChoiceField):  # type: ignore[type-arg] # generic in its stubs alone
    """One of the genres in use."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            Genre.objects.filter(retired=False),
            empty_label="Choose a genre",
            widget=UnfoldAdminSelectWidget,
            **options,
        )
