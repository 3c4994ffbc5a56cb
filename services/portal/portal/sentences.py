"""Shows sentences on pages that terminals print too: what stands between backticks is a command, and looks like one."""

import re

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_COMMAND = re.compile("`([^`]+)`")


@register.filter
def with_commands(sentence: str) -> SafeString:
    """The sentence with its commands as code."""
    escaped = conditional_escape(sentence)
    return mark_safe(_COMMAND.sub(r"<code>\1</code>", escaped))  # noqa: S308 # all but our own <code> is escaped
