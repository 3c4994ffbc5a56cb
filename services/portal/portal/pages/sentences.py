"""Shows on pages the sentences that terminals print too: a command in one becomes the page that does the same.

Between backticks stands a command. A person who reads a page has no shell at hand, and none of them is shown there.
"""

import re
from collections.abc import Sequence

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_COMMAND = re.compile("`([^`]+)`")
_DASHBOARD = "admin:index"
_BATCHES = "admin:ledger_writebatch_changelist"
_READINESS = "admin:genres_genre_readiness"
_MODELS = "admin:registry_trainedmodel_changelist"
# What a command is on pages, and the page where that is done. The first that a command begins with counts.
ON_PAGES: Sequence[tuple[str, str, str]] = (
    ("reclass sync", "Sync now", _DASHBOARD),
    ("reclass extract", "Analyse", _DASHBOARD),
    ("reclass train --as-is", "Train as it is", _READINESS),
    ("reclass train --public-table", "Train with the public table", _READINESS),
    ("reclass train", "Train", _DASHBOARD),
    ("reclass classify", "Classify pending", _DASHBOARD),
    ("reclass push --dry-run", "Dry run", _DASHBOARD),
    ("reclass push --random-weights", "Apply, with “Random weights” ticked", _BATCHES),
    ("reclass push", "Apply", _BATCHES),
    ("reclass rollback", "Roll back", _BATCHES),
    ("reclass status", "the dashboard", _DASHBOARD),
    ("reclass doctor", "the dashboard", _DASHBOARD),
    ("reclass models promote", "Promote", _MODELS),
    ("reclass models", "the page Models", _MODELS),
    ("reclass evaluate", "the page Models", _MODELS),
    ("reclass export", "the list of songs", "admin:library_track_changelist"),
    ("reclass import-fma", "the import of the public table, on the server", ""),
    ("reclass embeddings", "the page Embeddings", "admin:preferences_changedsetting_embeddings"),
    ("reclass tokens", "the list of callers' tokens", ""),
    ("reclass admin-password", "a new password, made on the server", ""),
    ("reclass up", "the system on one machine", ""),
    ("reclass demo", "the demo, on the server", ""),
    ("--public-table", "the public table", _READINESS),
    ("make secrets", "the installation, as the manual says", ""),
    ("--random-weights", "“Random weights” ticked", "admin:library_track_changelist"),
)
_OTHER = "a command on the server"


@register.filter
def on_page(sentence: object) -> SafeString:
    """The sentence with its commands as the pages that do the same. What is safe already stays as it is."""
    return mark_safe(_COMMAND.sub(_linked, conditional_escape(str(sentence))))  # noqa: S308 # all but our own links is escaped


@register.filter
def on_page_as_text(sentence: object) -> str:
    """The same without links, for the note that a mouse brings up."""
    return strip_tags(on_page(sentence))


@register.filter
def grouped(number: int | None) -> str:
    """A number as the sentences have it, "12,000"; nothing is none."""
    return f"{number or 0:,}"


def _linked(found: re.Match[str]) -> str:
    command = found[1]
    if not command.startswith(("reclass ", "--", "make ")):
        return f"<code>{command}</code>"
    words, page = next(
        ((words, page) for begin, words, page in ON_PAGES if command.startswith(begin)), (_OTHER, "")
    )
    before = found.string[: found.start()].rstrip()
    if not before or before.endswith((".", "!", "?")):
        words = words[0].upper() + words[1:]
    return format_html('<a class="rc-link" href="{}">{}</a>', reverse(page), words) if page else words
