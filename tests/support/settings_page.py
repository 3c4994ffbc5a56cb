"""The portal's settings page as a browser uses it."""

import html
from typing import Any

from django.test import Client

PAGE = "/admin/preferences/changedsetting/"


def shown(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def fields(client: Client) -> dict[str, str]:
    """What a browser would send if Save were pressed: every field of the page with its value, hidden ones too."""
    answer = client.get(PAGE)
    sent: dict[str, str] = {"save": ""}
    for group in answer.context["groups"]:
        for line in group["lines"]:
            if line.field.field.disabled:
                continue
            value = line.field.value()
            for key in (line.name, f"initial-{line.name}"):
                if isinstance(value, bool) and key == line.name:
                    sent |= {key: "on"} if value else {}
                else:
                    sent[key] = str(value)
    return sent


def save(client: Client, **changed: Any) -> str:
    """Fill in these fields, press Save, and the page that comes."""
    sent = fields(client)
    for name, value in changed.items():
        if value is False:
            sent.pop(name, None)
        else:
            sent[name] = "on" if value is True else str(value)
    answer = client.post(PAGE, sent, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())
