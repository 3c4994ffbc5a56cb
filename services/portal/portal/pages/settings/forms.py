"""The form over all settings, made from their types; what is allowed is for the settings themselves to say."""

from collections.abc import Mapping
from typing import Any, get_args

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from portal.preferences.values import DEFAULTS, Preferences


class SettingsForm(forms.Form):
    """One field a setting. Only what a person changed since the page was made is taken, so two people can save."""

    def __init__(self, values: Preferences, locked: Mapping[str, str], data: Any = None) -> None:
        super().__init__(data)
        for name in Preferences.model_fields:
            field = _field(name)
            field.initial = _field_value(getattr(values, name))
            field.label = name.replace("_", " ").capitalize().replace("Gpu", "GPU")
            field.disabled = name in locked
            field.show_hidden_initial = name not in locked
            self.fields[name] = field

    def wanted(self) -> dict[str, Any]:
        """The settings that were changed in the form."""
        return {name: _read(name, self.cleaned_data[name]) for name in self.changed_data}


class ConnectionForm(forms.Form):
    """The Plex connection; neither part is ever filled in."""

    url = forms.CharField(
        label="Address",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "http://192.168.1.10:32400"}),
    )
    token = forms.CharField(
        label="Token",
        required=False,
        max_length=2000,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """At least one of them."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("url") and not cleaned.get("token"):
            raise forms.ValidationError(
                "Fill in the address, the token, or both; what is left empty stays as it is."
            )
        return cleaned


def _field(name: str) -> forms.Field:
    default = getattr(DEFAULTS, name)
    choices = get_args(Preferences.model_fields[name].annotation)
    if isinstance(default, bool):
        return forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget)
    if isinstance(default, tuple):
        return forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    if isinstance(default, str) and choices:
        return forms.ChoiceField(choices=[(each, each) for each in choices], widget=UnfoldAdminSelectWidget)
    return forms.CharField(required=False, widget=UnfoldAdminTextInputWidget)


def _field_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return "\n".join(value)
    return value if isinstance(value, bool) else str(value)


def _read(name: str, value: Any) -> Any:
    """A title may hold a comma, so here lines alone separate."""
    return tuple(value.splitlines()) if isinstance(getattr(DEFAULTS, name), tuple) else value
