"""What a person sees when a page cannot be shown: why, and what to do. None of these pages asks the database."""

import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template

RETRY_SECONDS = 10


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of exceptions that nobody caught: 503 when it was the database, else 500."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        sentences = (
            "Nothing is lost: songs, genres and the record of what was written to Plex are in it, and the work goes on "
            "where it stopped.",
            "Start PostgreSQL again, or check the address in `PORTAL_DATABASE_URL`. This page tries again by itself "
            f"every {RETRY_SECONDS} seconds.",
        )
        title = "The database does not answer"
        return _page(503, title, sentences, retry_seconds=RETRY_SECONDS, ways_on=False)
    sentence = (
        "This is a fault of the portal. Its log has the details: look for the last line of level `error`."
    )
    return _page(500, "Something went wrong here", [sentence])


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
    return _page(400, title, sentences, ways_on=False)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Somebody who is signed in may not do this."""
    user = getattr(request, "user", None)
    who = f"“{user.get_username()}”" if user is not None and user.is_authenticated else "Nobody"
    sentence = (
        f"{who} may not do this. An administrator can allow it, under Users: by a group, or by making the user an "
        "administrator too."
    )
    return _page(403, "You may not do this", [sentence])


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """There is nothing at this address."""
    sentence = (
        "The address may be mistyped, or what it showed is gone. Everything that there is can be reached from the "
        "dashboard."
    )
    return _page(404, "There is no such page", [sentence])


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
    return _page(403, "The form was not accepted", sentences)


def _page(
    status: int, title: str, sentences: Sequence[str], *, retry_seconds: int = 0, ways_on: bool = True
) -> HttpResponse:
    """With `retry_seconds` the page tries again by itself; `ways_on`: the dashboard may be of help."""
    shown = {"title": title, "sentences": sentences, "retry_seconds": retry_seconds, "ways_on": ways_on}
    headers = {"Retry-After": str(retry_seconds)} if retry_seconds else {}
    return HttpResponse(get_template("portal/fault.html").render(shown), status=status, headers=headers)
