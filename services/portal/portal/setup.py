"""Makes Django, its tables and its first administrator ready."""

import os
import secrets
import time
from collections.abc import Collection

import django
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.loader import MigrationLoader

ADMIN_NAME = "admin"
# Any number that nothing else of ours locks: two containers that migrate at once must take turns.
MIGRATION_LOCK = 5180768


class DatabaseUnreachableError(Exception):
    """PostgreSQL does not answer; the message says where it was looked for."""


class OtherVersionError(Exception):
    """Another version of the portal made the tables; the message says what to do."""


def set_up_django() -> None:
    """Load the portal's settings and models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.django_settings")
    django.setup()


def wait_for_database(wait_seconds: float) -> None:
    """Return once PostgreSQL answers; `DatabaseUnreachableError` when it has not within `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            connection.close()
            if time.monotonic() >= deadline:
                raise DatabaseUnreachableError(unreachable_message(error)) from error
        time.sleep(0.2)


def unreachable_message(error: Exception) -> str:
    """What to tell a person when PostgreSQL does not answer."""
    settings = connection.settings_dict
    where = f"{settings['HOST'] or 'the local socket'}:{settings['PORT'] or 5432}/{settings['NAME']}"
    said = str(error).strip().splitlines()
    return (
        f"The database at {where} does not answer ({said[0] if said else 'no reason given'}). "
        "Start it (`reclass up`), or correct PORTAL_DATABASE_URL and PORTAL_DATABASE_PASSWORD."
    )


def migrate(*, wait_seconds: float) -> None:
    """Wait for the database, then make every table as this version needs it. Safe to repeat.

    Raises `OtherVersionError` where another version made the tables; nothing is changed then.
    """
    wait_for_database(wait_seconds)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            refuse_other_version()
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def refuse_other_version() -> None:
    """Raise `OtherVersionError` where the database bears changes of tables that this version does not know.

    So it does where it has an app's first change by name and lacks columns of that app: its one migration is written
    anew, under its old name, until there is a release.
    """
    ours = {app.label for app in apps.get_app_configs() if app.name.startswith("portal.")}
    loader = MigrationLoader(connection)
    unknown = sorted(loader.applied_migrations.keys() - loader.disk_migrations.keys())
    found = [f"it has the change {label}.{name}" for label, name in unknown if label in ours]
    if not found:
        begun = {label for label, _ in loader.applied_migrations if label in ours}
        found = [f"it lacks the column {column}" for column in _lacking_columns(_written_anew(begun, loader))]
    if found:
        raise OtherVersionError(
            f"The database {connection.settings_dict['NAME']} was made by another version of Music ReClass, whose "
            f"tables this one cannot take over ({found[-1]}). Nothing was changed. Go on with the version that made "
            "it; or begin anew, in another folder (`reclass up --data DIR`) or with another PORTAL_DATABASE_URL. Roll "
            "back with the old version first what it has written to Plex: the new one knows nothing of it."
        )


def _written_anew(begun: Collection[str], loader: MigrationLoader) -> set[str]:
    """Apps whose tables no change that is still to come makes or alters: they are as they will be."""
    to_come = [
        loader.disk_migrations[key]
        for key in loader.disk_migrations.keys() - loader.applied_migrations.keys()
    ]
    altered = {migration.app_label for migration in to_come if not _only_data(migration)}
    return set(begun) - altered


def _only_data(migration: Migration) -> bool:
    return all(isinstance(operation, (RunPython, RunSQL)) for operation in migration.operations)


def _lacking_columns(labels: Collection[str]) -> list[str]:
    """Columns of these apps' models that the tables do not have, as table.column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns "
            "WHERE table_schema = ANY(current_schemas(false))"
        )
        there = {column for (column,) in cursor.fetchall()}
    models = [model for model in apps.get_models() if model._meta.app_label in labels and model._meta.managed]
    expected = {
        f"{model._meta.db_table}.{field.column}"
        for model in models
        for field in model._meta.local_concrete_fields
    }
    return sorted(expected - there)


def ensure_admin(password: str | None) -> str | None:
    """Create the user `admin` unless there is one; the password, when it was made up here and nobody knows it."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if users.filter(username=ADMIN_NAME).exists():
        return None
    made_up = None if password else secrets.token_urlsafe(12)
    users.create_superuser(ADMIN_NAME, password=password or made_up)
    return made_up


def new_password(user_name: str) -> str | None:
    """Give the user a password that was made up here, and let him in; None where there is no such user.

    The first administrator is made again where somebody has deleted him.
    """
    from django.contrib.auth.models import User

    if user_name == ADMIN_NAME:
        made_up = ensure_admin(None)
        if made_up:
            return made_up
    user = User.objects.filter(username=user_name).first()
    if user is None:
        return None
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.is_active = user.is_staff = True
    if user_name == ADMIN_NAME:
        user.is_superuser = True
    user.save()
    return password
