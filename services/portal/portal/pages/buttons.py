"""What a button that starts or stops a run does: it asks for the run, and tells the person what came of it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from portal.orchestration.start import CannotStart
from portal.runs.models import Run


def ask_for(request: HttpRequest, start: Callable[[], Run]) -> Run | None:
    """The run that was started; None when it could not be, and the person has been told why."""
    try:
        run = start()
    except CannotStart as error:
        messages.error(request, str(error))
        return None
    link = format_html(
        '<a class="rc-link" href="{}">{}</a>', reverse("admin:runs_run_change", args=(run.pk,)), run
    )
    messages.success(request, format_html("Started: {}.", link))
    return run
