"""Who may call what on a server: every token has a role, and every method names the roles that may call it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import grpc

from runtime.errors import ServiceError

HEADER = "authorization"
BEARER = "bearer "
# What tells of the server itself: any token opens it. Probes come every few seconds, and would bury the rest of a log.
QUIET = ("/grpc.health.v1.Health/", "/grpc.reflection.")
# What a method takes that needs no more: options, keys, names, one song's vectors.
SMALL_REQUEST_BYTES = 256 * 1024


class Role(StrEnum):
    """Whom a token stands for."""

    PORTAL = "portal"
    FEATURES = "features"
    INFERENCE = "inference"
    OPERATOR = "operator"
    CALLER = "caller"


SERVICES = frozenset({Role.PORTAL, Role.FEATURES, Role.INFERENCE})
"""The parts of the system among each other; together the role "internal"."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One method of a contract."""

    roles: frozenset[Role]
    """Who may call it."""
    request_bytes: int | None = SMALL_REQUEST_BYTES
    """The largest request, or message of a stream of them; None: whatever the server takes."""
    quiet: bool = False
    """Comes so often that lines of it in the log would bury the rest."""
    apart: bool = False
    """Has threads of its own: it comes through while calls hold all others."""


Table = Mapping[str, Call]
"""Calls by their method's name within its service."""


def call(
    *roles: Role, request_bytes: int | None = SMALL_REQUEST_BYTES, quiet: bool = False, apart: bool = False
) -> Call:
    """An entry of a table."""
    return Call(roles=frozenset(roles), request_bytes=request_bytes, quiet=quiet, apart=apart)


class TokenRequiredError(ServiceError):
    """A call without a token."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "TOKEN_REQUIRED"


class TokenInvalidError(ServiceError):
    """A call with a token that nobody has."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "TOKEN_INVALID"


class OperatorRequiredError(ServiceError):
    """A caller asks for what only operators may."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "OPERATOR_REQUIRED"


class InternalOnlyError(ServiceError):
    """Somebody asks for what only another part of the system may."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "INTERNAL_ONLY"


class RequestTooLargeError(ServiceError):
    """A message beyond what its method takes."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"
    permanent = True  # it has as many bytes the next time


def nobody(_: str) -> Role | None:
    """No tokens beside those of the services."""
    return None


def fingerprint(token: str) -> str:
    """What is kept of a token: SHA-256 in hexadecimal. Tokens are random and of 256 bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def mark_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The fingerprint of the token that came with a call; empty where none did."""
    sent = next((value for name, value in metadata if name == HEADER), "")
    text = sent.decode("latin-1") if isinstance(sent, bytes) else sent
    return fingerprint(text[len(BEARER) :].strip()) if text.lower().startswith(BEARER) else ""


class Rights:
    """What each token opens on one server. A method that no table names is refused to everybody."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        tokens: Mapping[Role, str],
        others: Callable[[str], Role | None] = nobody,
    ) -> None:
        """`tables` by the services' full names; `others` finds the role of a fingerprint that is no service's."""
        self._calls = {
            f"/{service}/{method}": entry
            for service, table in tables.items()
            for method, entry in table.items()
        }
        self._roles = {fingerprint(token): role for role, token in tokens.items()}
        self._others = others

    def refusal(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> ServiceError | None:
        """Why this call is refused, or None."""
        sent = list(metadata)
        if not any(value for name, value in sent if name == HEADER):
            return TokenRequiredError(
                "this service asks for a token: send metadata 'authorization: Bearer <token>'"
            )
        # By fingerprint, so that the time it takes tells nothing of a token.
        mark = mark_of(sent)
        role = self._roles.get(mark) or self._others(mark)
        if role is None:
            return TokenInvalidError(
                "this service does not know the token that was sent: it is mistyped or was revoked. `reclass tokens "
                "list` shows which there are, `reclass tokens make NAME` makes one; those of the services are made by "
                "`make secrets` or `reclass up`"
            )
        entry = self._calls.get(method)
        is_open = method.startswith(QUIET) or (entry is not None and role in entry.roles)
        return None if is_open else _denied(method, role, entry)

    def is_quiet(self, method: str) -> bool:
        """Whether calls of it that end well are not worth a line."""
        return method in self._calls and self._calls[method].quiet

    def is_apart(self, method: str) -> bool:
        """Whether it has threads of its own."""
        return method in self._calls and self._calls[method].apart

    def request_bytes(self, method: str) -> int | None:
        """The largest message that the method takes, where it is less than the server does."""
        entry = self._calls.get(method)
        return entry.request_bytes if entry else SMALL_REQUEST_BYTES


def _denied(method: str, role: Role, entry: Call | None) -> ServiceError:
    name = method.rpartition("/")[2]
    allowed = entry.roles if entry else frozenset()
    if Role.OPERATOR in allowed and role is Role.CALLER:
        return OperatorRequiredError(
            f"the role caller may not call {name}: it takes an operator's token, which "
            "`reclass tokens make NAME --role operator` makes"
        )
    who = ", ".join(sorted(allowed & SERVICES)) or "nobody"
    return InternalOnlyError(
        f"the role {role} may not call {name}: of the system's own parts {who} may, and no other"
    )
