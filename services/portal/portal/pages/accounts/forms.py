"""Forms of accounts: signing in, and making somebody who can."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from portal.accounts.pause import MESSAGE
from portal.accounts.roles import Role, give

LONGEST_NAME = 150


class LoginForm(AuthenticationForm):
    """Says why nobody is let in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No account has a longer one, and the throttle could not write it down.
        self.fields["username"].validators.append(MaxLengthValidator(LONGEST_NAME))

    def get_invalid_login_error(self) -> ValidationError:
        """The reason that stands on the page."""
        if getattr(self.request, "axes_locked_out", False):
            return ValidationError(MESSAGE, code="locked_out")
        error: ValidationError = super().get_invalid_login_error()
        return error


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg] # generic in its stubs alone
    """A name, a password, and what the person may do: somebody who can sign in at once."""

    role = forms.ChoiceField(
        label="May",
        choices=Role.choices,
        initial=Role.EDITOR,
        widget=UnfoldAdminRadioSelectWidget(),
        help_text="It can be changed later: an administrator has every right, the others those of their group.",
    )

    class Meta(BaseUserCreationForm.Meta):
        widgets: ClassVar = {"username": UnfoldAdminTextInputWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc] # its stubs leave it out
        give(self.instance, Role(self.cleaned_data["role"]))
