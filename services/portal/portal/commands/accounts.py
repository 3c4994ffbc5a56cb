"""`reclass admin-password`: for whoever has lost the password, or was locked out."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from portal.commands.surroundings import DataOption, RefusalError, portal_at_hand
from portal.setup import ADMIN_NAME

FIRST_FILE = "RECLASS_FIRST_PASSWORD_FILE"
"""Where a system on this machine keeps the first password until somebody has seen it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("admin-password")(admin_password)


def admin_password(
    user: Annotated[str, typer.Option(help="Who gets the new password.")] = ADMIN_NAME,
    data: DataOption = None,
) -> None:
    """Print a new password, this once, and end every wait after wrong ones. The old one and its sessions end."""
    with portal_at_hand(data):
        from portal.accounts.throttle import end_all_pauses
        from portal.setup import new_password

        password = new_password(user)
        if password is None:
            raise RefusalError(
                f"There is no user “{user}”: --user names one that there is; the first is “{ADMIN_NAME}”."
            )
        end_all_pauses()
        first = os.environ.get(FIRST_FILE)
        if first and user == ADMIN_NAME:  # `reclass up` would go on to name a file that opens nothing
            Path(first).unlink(missing_ok=True)
        sys.stdout.write(f"{password}\n")
