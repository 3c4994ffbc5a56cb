"""Device cookies, as OWASP describes them: a browser in which an account has signed in is known at its next login.

1. Whoever signs in gets a cookie for this account: a random name for the browser, and a signature.
2. What is signed with is the portal's key, the account and the hash of its password. So the cookie of one account says
   nothing for another, and none outlives a change of the password.
3. A login with a valid one is throttled by the failures of this browser alone (portal.accounts.throttle): nobody else's
   wrong passwords keep the person out, who on one machine has the same address as everybody.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core.signing import BadSignature, TimestampSigner
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

PREFIX = "reclass_device_"
LASTS = timedelta(days=365)
"""Since the last login by which it was given; browsers keep none much longer."""
NAME_BYTES = 16


def known_browser(request: HttpRequest, username: str | None) -> str | None:
    """The name of the browser, if it has a valid cookie for this account; None for a stranger's."""
    if not any(name.startswith(PREFIX) for name in request.COOKIES):
        return None
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        return None
    try:
        return _signer(user).unsign(request.COOKIES.get(_cookie(user), ""), max_age=LASTS)
    except BadSignature:
        return None


@receiver(user_logged_in)
def signed_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    """Leave word for the middleware, which has the response."""
    request.signed_in = user  # type: ignore[attr-defined]


class DeviceCookieMiddleware:
    """Gives the browser its cookie with the answer to a login that succeeded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        user: User | None = getattr(request, "signed_in", None)
        if user is not None:
            response.set_cookie(
                _cookie(user),
                _signer(user).sign(secrets.token_urlsafe(NAME_BYTES)),
                max_age=LASTS,
                path=reverse(settings.LOGIN_URL),
                secure=settings.SESSION_COOKIE_SECURE or request.is_secure(),
                httponly=True,
                samesite="Lax",
            )
        return response


def _cookie(user: User) -> str:
    """One for each account: the people of a home may share a browser."""
    return f"{PREFIX}{user.pk}"


def _signer(user: User) -> TimestampSigner:
    # The second part is Django's digest of the password's hash, by which a change of it ends sessions too.
    return TimestampSigner(salt=f"{__name__}:{user.pk}:{user.get_session_auth_hash()}")
