"""The page Embeddings: the owner's table, and its buttons."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from runtime.errors import RemoteError

from portal.extraction.fill_run import all_to_fill, to_fill
from portal.library.embedding_order import EmbeddingRefusedError, move, proposal, switch, use_order
from portal.library.embeddings import note_capabilities
from portal.library.similarity import space
from portal.orchestration.schedule import next_fill_time
from portal.orchestration.start import start_fill
from portal.pages.buttons import ask_for
from portal.preferences.current import preferences
from portal.preferences.models import SettingChange
from portal.registry.embedding_table import EmbeddingRow, embedding_table, switched_words
from portal.remote.audio import FMA
from portal.remote.features import capabilities_now
from portal.runs.models import Run

FEATURES_TIMEOUT_SECONDS = 1.0
_BUTTONS_OF_ONE = ("off", "on", "up", "down")
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def context() -> dict[str, Any]:
    """What the page shows."""
    trouble = ""
    try:
        note_capabilities(capabilities_now(preferences(), FEATURES_TIMEOUT_SECONDS))
    except RemoteError as error:
        trouble = error.message
    rows = embedding_table()
    filling = Run.objects.filter(kind=Run.Kind.FILL, state__in=Run.ACTIVE).first()
    missing = all_to_fill(rows)
    return {
        "filling": filling,
        "missing": missing,
        "missing_time": _duration(missing.seconds) if missing and missing.seconds is not None else "",
        **_by_itself(rows),
        "rows": [_card(row, number, len(rows)) for number, row in enumerate(rows, start=1)],
        "trouble": trouble,
        "proposal": proposal(),
        "similar_by": space(),
        "first_kind": FMA,
    }


def asked_kind(request: HttpRequest) -> str:
    """The embedding whose button was pressed; empty where it was another button."""
    return next((request.POST[button] for button in _BUTTONS_OF_ONE if button in request.POST), "")


def take(request: HttpRequest) -> None:
    """Do what the pressed button says; the person is told what came of it."""
    if "fill" in request.POST:
        _fill(request)
        return
    try:
        change = _change(request)
    except EmbeddingRefusedError as error:
        messages.error(request, str(error))
        return
    if change is None:
        messages.info(request, "Nothing was changed.")
    else:
        messages.success(request, _said(change))


def _by_itself(rows: Sequence[EmbeddingRow]) -> dict[str, Any]:
    """Whether and when filling in begins by itself, and why not."""
    settings = preferences()
    by_itself = to_fill(settings, rows)
    left_until = next_fill_time(by_itself.kinds) if by_itself else None
    return {
        "by_itself": by_itself,
        "left_until": left_until if left_until and left_until > timezone.now() else None,
        "never_fills": settings.fill_automatically == "never",
    }


def _fill(request: HttpRequest) -> None:
    missing = all_to_fill()
    if missing is None:
        messages.info(request, "No song lacks a vector that can be made.")
    else:
        ask_for(request, lambda: start_fill(missing.kinds))


def _change(request: HttpRequest) -> SettingChange | None:
    asked, user = request.POST, request.user
    if "off" in asked or "on" in asked:
        return switch(asked.get("off") or asked.get("on", ""), on="on" in asked, user=user)
    if "up" in asked or "down" in asked:
        return move(asked.get("up") or asked.get("down", ""), up="up" in asked, user=user)
    cheaper = proposal() if "use_order" in asked else None
    return use_order(cheaper.kinds, user=user) if cheaper else None


def _said(change: SettingChange) -> str:
    if isinstance(change.after, list):
        return "The order of stages was changed: it holds from the next training on."
    kind = change.name.removeprefix("embedding ")
    return switched_words(next(row for row in embedding_table() if row.kind == kind))


def _card(row: EmbeddingRow, number: int, count: int) -> dict[str, Any]:
    return {
        "row": row,
        "number": number,
        "size": _size(row.weights_bytes),
        "time_left": _duration(row.seconds_left) if row.lacking and row.seconds_left is not None else "",
        "may_move_up": number > 2,  # FMA stays the first
        "may_move_down": 1 < number < count,
    }


def _size(number: int) -> str:
    """A number of bytes; empty where it is not known."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number} bytes" if number else ""


def _duration(seconds: float) -> str:
    return f"about {timedelta(seconds=max(1, round(seconds)))} (h:mm:ss)"
