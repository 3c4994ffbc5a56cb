"""What a person sees when a page cannot be shown: why, and what to do. None of these pages asks the database."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template

RETRY_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What stands on the page."""

    status: int
    title: str
    sentences: Sequence[str]
    retry_seconds: int = 0
    """The page tries again by itself."""
    ways_on: bool = True
    """Whether the dashboard may be of help."""


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of exceptions that nobody caught: 503 when it was the database, else 500."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _page(
            Fault(
                status=503,
                title="The database does not answer",
                sentences=(
                    "Nothing is lost: songs, genres and the record of what was written to Plex are in it, and the work "
                    "goes on where it stopped.",
                    "Start PostgreSQL again, or check the address in `PORTAL_DATABASE_URL`. This page tries again by "
                    f"itself every {RETRY_SECONDS} seconds.",
                ),
                retry_seconds=RETRY_SECONDS,
                ways_on=False,
            )
        )
    return _page(
        Fault(
            status=500,
            title="Something went wrong here",
            sentences=(
                "This is a fault of the portal. Its log has the details: look for the last line of level `error`.",
            ),
        )
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What the browser sent cannot be taken; most often the name by which it asked."""
    sentences: Sequence[str] = (
        "The browser sent something that no page of the portal sends. Go back and try again.",
    )
    title = "This cannot be understood"
    if isinstance(exception, DisallowedHost):
        title = "The portal is not known by this name"
        sentences = (
            f"It was asked as “{request.META.get('HTTP_HOST', '')}”, and answers to "
            f"{', '.join(settings.ALLOWED_HOSTS)} alone: that keeps others from giving it another name.",
            "If this is its address, add the name to `PORTAL_ALLOWED_HOSTS` and start the portal again. Behind a "
            "reverse proxy, let the proxy pass on the host that the browser asked for.",
        )
    return _page(Fault(status=400, title=title, sentences=sentences, ways_on=False))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Somebody who is signed in may not do this."""
    user = getattr(request, "user", None)
    who = f"“{user.get_username()}”" if user is not None and user.is_authenticated else "Nobody"
    return _page(
        Fault(
            status=403,
            title="You may not do this",
            sentences=(
                f"{who} may not do this. An administrator can allow it, under Users: by a group, or by making the "
                "user an administrator too.",
            ),
        )
    )


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """There is nothing at this address."""
    return _page(
        Fault(
            status=404,
            title="There is no such page",
            sentences=(
                "The address may be mistyped, or what it showed is gone. Everything that there is can be reached from "
                "the dashboard.",
            ),
        )
    )


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's answer to a form that may be another site's; behind a proxy it is most often a setting."""
    origin = request.META.get("HTTP_ORIGIN", "")
    here = f"{request.scheme}://{request.get_host()}"
    if origin and origin not in (here, *settings.CSRF_TRUSTED_ORIGINS):
        sentences = [
            f"Your browser says that it is at {origin}, and the portal was asked as {here}: the form may come from "
            "another site, and was not accepted.",
            f"If {origin} is where you opened the portal, a proxy in front changes its name or port: set "
            f"`PORTAL_TRUSTED_ORIGINS={origin}` and start the portal again.",
        ]
        if origin.startswith("https:") and not settings.SESSION_COOKIE_SECURE:
            sentences.append(
                "Where the proxy ends TLS and sends X-Forwarded-Proto, set `PORTAL_HTTPS_PROXY=true` too."
            )
    elif not request.COOKIES.get(settings.CSRF_COOKIE_NAME):
        sentences = [
            "Your browser sent no cookie with the form. Allow cookies for this address, and try again."
        ]
        if settings.CSRF_COOKIE_SECURE and not request.is_secure():
            sentences.append(
                "You opened the portal by http, and `PORTAL_HTTPS_PROXY` is on, so cookies are sent by https alone: "
                "open it by https, or turn that setting off."
            )
    else:
        sentences = [
            "The form is an old one: you signed in or out since. Go back, load the page anew, and try again."
        ]
    return _page(Fault(status=403, title="The form was not accepted", sentences=sentences))


def _page(fault: Fault) -> HttpResponse:
    page = get_template("portal/fault.html").render({"fault": fault})
    headers = {"Retry-After": str(fault.retry_seconds)} if fault.retry_seconds else {}
    return HttpResponse(page, status=fault.status, headers=headers)
