"""What the people of a home may do in the portal."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission, User
from django.db.models import TextChoices

# What makes genres and decides them; users, groups, settings and tokens are an administrator's.
EDITED_APPS = ("first_guess", "genres", "ledger", "library", "registry", "runs", "teaching", "verdicts")


class Role(TextChoices):
    """Offered where a user is made."""

    ADMINISTRATOR = "administrator", "do everything, also change settings and users"
    EDITOR = "editor", "look at everything, decide genres, start runs and write to Plex"
    READER = "reader", "look at songs, genres, runs and batches, and change nothing"


def give(user: User, role: Role) -> None:
    """Let the user sign in and do what the role may; its group is made where it is missing, and else left as it is."""
    user.is_staff = True
    user.is_superuser = role is Role.ADMINISTRATOR
    user.save()
    if role is Role.ADMINISTRATOR:
        return
    group, is_new = Group.objects.get_or_create(name=f"{role.name.capitalize()}s")
    if is_new:
        group.permissions.set(_permissions(role))
    user.groups.add(group)


def _permissions(role: Role) -> Iterable[Permission]:
    verbs = "view|add|change|delete" if role is Role.EDITOR else "view"
    return Permission.objects.filter(codename__regex=f"^({verbs})_", content_type__app_label__in=EDITED_APPS)
