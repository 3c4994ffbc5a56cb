"""The terminal that commands print to: text from elsewhere stands there as it is, and gives no orders to it."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

# All that moves the cursor, sets colours or rings, but for the tab and the line break.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
INSTEAD = "\N{REPLACEMENT CHARACTER}"


class Terminal(Console):
    """Takes every text for what it is.

    Titles, tags, genres, paths and names come from anywhere. As rich's markup, "[/b]" would end the command, "[live]"
    vanish and ":heart:" become a picture; an escape sequence would do to the terminal what it likes. Nor are numbers
    and quotations in it coloured.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Each text that is printed by itself or stands in a table comes by here."""
        return super().render_str(without_controls(text), **options)


def without_controls(text: str) -> str:
    """The text without control characters."""
    return CONTROLS.sub(INSTEAD, text)
