"""Users and groups, in the look of the other pages."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from portal.pages.accounts.forms import NewUserForm
from portal.pages.page_admin import ListAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ListAdmin):  # type: ignore[type-arg] # generic in its stubs alone
    """Those who sign in."""

    form = UserChangeForm
    add_form = NewUserForm
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "role")}),)
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ListAdmin):
    """What groups of users may do."""
