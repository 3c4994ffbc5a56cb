"""`reclass tokens`: lets other programs call inference, and shuts them out again."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Column, Table
from runtime.rights import Role

from portal.commands.output import print_json
from portal.commands.surroundings import DataOption, portal_at_hand, whoever_types
from portal.commands.terminal import Terminal


class CallerRole(StrEnum):
    """What `--role` takes."""

    CALLER = Role.CALLER.value
    OPERATOR = Role.OPERATOR.value


def register(app: typer.Typer) -> None:
    """Add these commands."""
    tokens = typer.Typer(
        help="List, make and revoke the tokens by which other programs call.", no_args_is_help=True
    )
    tokens.command(name="list")(listed)
    tokens.command()(make)
    tokens.command()(revoke)
    app.add_typer(tokens, name="tokens")


def listed(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    data: DataOption = None,
) -> None:
    """List the tokens that were made, the revoked ones too; never what they are."""
    with portal_at_hand(data):
        from django.utils.timezone import localtime

        from portal.callers.models import CallerToken

        rows = [
            {
                "name": each.name,
                "role": each.role,
                "made": f"{localtime(each.made_time):%Y-%m-%d %H:%M %Z}",
                "made_by": each.made_by,
                "revoked": f"{localtime(each.revoked_time):%Y-%m-%d %H:%M %Z}" if each.revoked_time else None,
                "revoked_by": each.revoked_by or None,
            }
            for each in CallerToken.objects.all()
        ]
    if as_json:
        print_json(rows)
        return
    _print(rows)


def make(
    name: Annotated[str, typer.Argument(help="Of the program that it is for.")],
    role: Annotated[
        CallerRole, typer.Option(help="A caller classifies and reads; an operator trains and promotes too.")
    ] = CallerRole.CALLER,
    data: DataOption = None,
) -> None:
    """Make a token and print it, once: it is kept nowhere."""
    with portal_at_hand(data):
        from portal.callers import tokens

        token = tokens.make(name, role.value, by=whoever_types("reclass tokens"))
        trouble = tokens.hand_over()
    sys.stdout.write(f"{token}\n")
    if trouble:
        sys.stderr.write(f"{trouble}\n")


def revoke(
    name: Annotated[str, typer.Argument(help="Of the program; `reclass tokens list` shows it.")],
    data: DataOption = None,
) -> None:
    """Revoke a program's token: it opens nothing any more."""
    with portal_at_hand(data):
        from portal.callers import tokens

        caller = tokens.named(name)
        tokens.revoke(caller, by=whoever_types("reclass tokens"))
        trouble = tokens.hand_over()
    sys.stdout.write(f"Revoked: {caller.name}.\n")
    if trouble:
        sys.stderr.write(f"{trouble}\n")


def _print(rows: list[dict[str, str | None]]) -> None:
    console = Terminal(soft_wrap=True)
    table = Table(Column("name", overflow="fold"), "role", "made", "by", "revoked", "by")
    for row in rows:
        table.add_row(*(value or "" for value in row.values()))
    console.print(table)
    if not rows:
        console.print("There is no token: `reclass tokens make NAME` makes one.")
