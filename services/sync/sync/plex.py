"""The one door to Plex: plain requests in, XML or bytes out, every foreign fault turned into one of ours."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

import requests
from plexapi.exceptions import PlexApiException
from plexapi.server import PlexServer
from plexapi.utils import joinArgs
from requests import exceptions as faults
from urllib3.exceptions import LocationParseError, NameResolutionError, NewConnectionError

from sync.errors import (
    NoBytesThereError,
    NoMediaError,
    NotConfiguredError,
    NothingThereError,
    NotPlexError,
    RequestRefusedError,
    ServerBusyError,
    ServerFailedError,
    ServerUnreachableError,
    SyncError,
    TokenRefusedError,
    TooManyRequestsError,
)
from sync.tracks import ServerIdentity

# Either is set in the portal, or by the variables of `reclass up`, or in a container by those of this service.
TOKEN_PLACE = "the portal (Settings, Plex connection) or PLEX_TOKEN (SYNC_PLEX_TOKEN of the sync service)"  # noqa: S105 # no token
URL_PLACE = "the portal (Settings, Plex connection) or PLEX_URL (SYNC_PLEX_URL of the sync service)"
NOT_PLEX = (
    "something answers at {url}, but not as a Plex server does: check host and port (Plex's own is 32400)"
)
BROKEN = "Plex at {url} sent an answer that breaks off or cannot be read; try again"
FOREIGN = (
    "what answered at {url} this time is not Plex, perhaps the login page of a proxy before it; try again"
)
CONTAINER = "MediaContainer"
"""What every answer of Plex is."""
ADDRESS = "{url} is not an address that can be asked: write it as http://192.168.1.5:32400"

# Tried from the top; no sentence repeats the fault's own text, which may quote headers.
TRANSLATIONS: tuple[tuple[type[Exception], type[SyncError], str], ...] = (
    (
        faults.SSLError,
        ServerUnreachableError,
        "the certificate of {url} is not trusted: use http:// inside your network, or the plex.direct address",
    ),
    (
        faults.ProxyError,
        ServerUnreachableError,
        "the proxy on the way to {url} fails: check HTTP_PROXY and NO_PROXY",
    ),
    (
        faults.ConnectTimeout,
        ServerUnreachableError,
        "nobody accepts connections at {url}: check host, port and firewall, and that Plex is running",
    ),
    (
        faults.Timeout,
        ServerUnreachableError,
        "Plex at {url} took the request and then fell silent; it may be overloaded, try again",
    ),
    (
        faults.ConnectionError,
        ServerUnreachableError,
        "Plex at {url} dropped the connection; it may be restarting, try again",
    ),
    (faults.TooManyRedirects, NotPlexError, NOT_PLEX),
    (faults.InvalidProxyURL, ServerUnreachableError, "the proxy's address in HTTP_PROXY cannot be used"),
    (faults.InvalidURL, NotPlexError, ADDRESS),
    (faults.MissingSchema, NotPlexError, ADDRESS),
    (faults.InvalidSchema, NotPlexError, ADDRESS),
    (
        faults.InvalidHeader,
        TokenRefusedError,
        "the Plex token holds characters that no token has: copy it again",
    ),
    (faults.RequestException, ServerFailedError, BROKEN),
    (ParseError, ServerFailedError, BROKEN),
    (PlexApiException, ServerFailedError, BROKEN),
)

STATUSES: Mapping[int, tuple[type[SyncError], str]] = {
    401: (
        TokenRefusedError,
        f"Plex at {{url}} refuses the token: set a new one in {TOKEN_PLACE}",
    ),
    403: (
        TokenRefusedError,
        f"Plex at {{url}} does not allow this with the token: set that of the server's owner in {TOKEN_PLACE}",
    ),
    404: (NothingThereError, "Plex at {url} has nothing at this address"),
    416: (NoBytesThereError, "Plex at {url} has no bytes from there on"),
    429: (TooManyRequestsError, "Plex at {url}, or a proxy before it, asks for fewer requests{wait}"),
    503: (ServerBusyError, "Plex at {url} is starting or in maintenance{wait}"),
}


@dataclass(frozen=True, kw_only=True)
class PlexAddress:
    """Where the server is and how to be let in."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long to wait for Plex, in seconds."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0


AddressSource = Callable[[], PlexAddress | None]
"""Says where the server is at the moment; None when nobody has said it."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Who answered, where and when."""

    address: PlexAddress
    identity: ServerIdentity
    asked_at: float
    """In seconds, of the clock."""


class Plex:
    """Requests to one Plex server at a time from any number of threads; the server may change between two calls."""

    def __init__(
        self,
        address: PlexAddress | AddressSource | None,
        timeouts: Timeouts | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        trouble: Callable[[], str] = str,
    ) -> None:
        """`trouble` says why there is no address, where more is known than that nobody gave one."""
        timeouts = timeouts or Timeouts()
        self._trouble = trouble
        self._clock = clock
        self._source: AddressSource = address if callable(address) else lambda: address
        self._timeout = (timeouts.connect_seconds, timeouts.read_seconds)
        # requests' sessions are not meant to be shared, and each thread keeps its connection alive this way.
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()
        self._seen: _Seen | None = None

    def close(self) -> None:
        """Close every thread's connections. Nothing may be asked afterwards."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def identity(self) -> ServerIdentity:
        """Who answers at the address now."""
        identity = ServerIdentity.from_element(self.get("/"))
        if not identity.machine_identifier:
            raise NotPlexError(NOT_PLEX.format(url=self._url))
        return replace(identity, server_time=_time_of(getattr(self._local, "date", "")))

    def recent_identity(self, *, max_age_seconds: float) -> ServerIdentity:
        """Who answered at the address at most so long ago, whichever thread asked."""
        address, seen = self._known_address(), self._seen
        if seen is not None and seen.address == address and self._clock() - seen.asked_at < max_age_seconds:
            return seen.identity
        asked_at = self._clock()
        identity = self.identity()
        self._seen = _Seen(address=address, identity=identity, asked_at=asked_at)
        return identity

    @contextmanager
    def held(self, address: PlexAddress | None = None) -> Iterator[PlexAddress]:
        """Stay with one server (that at `address`, else today's) in this thread, whatever is set meanwhile.

        What is read of a track and written to it, in several requests, belongs to one server: another has other tracks
        under the same keys.
        """
        before: PlexAddress | None = getattr(self._local, "held", None)
        self._local.held = address or self._known_address()
        try:
            yield self._local.held
        finally:
            self._local.held = before

    def get(
        self,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        start: int = 0,
        size: int | None = None,
    ) -> Element:
        """The answer to a GET; with a size, the part of a listing that begins at `start`."""
        headers = {}
        if size is not None:
            headers = {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}
        with self._translating():
            server = self._server()
            key = path + joinArgs(parameters)
            with self._reading(ServerFailedError, BROKEN):
                try:
                    answer = server.query(key, headers=headers)
                except faults.ConnectionError:
                    # Plex closes idle connections, and the next request finds that out: a second one opens a new one.
                    answer = server.query(key, headers=headers)
        if not isinstance(answer, Element):
            raise ServerFailedError(BROKEN.format(url=self._url))
        if answer.tag != CONTAINER:
            # Read as Plex's, the login page of a proxy says that no track is there any more, and no playlist has songs.
            raise ServerFailedError(FOREIGN.format(url=self._url))
        return answer

    def put(self, path: str, parameters: Mapping[str, str]) -> None:
        """Send an edit, once: whether a lost answer means a lost edit is for the caller to find out."""
        with self._translating():
            server = self._server()
            with self._reading(ServerFailedError, BROKEN):
                server.query(path + joinArgs(parameters), method=self._local.session.put)

    @contextmanager
    def stream(self, path: str, wanted: Mapping[str, str]) -> Iterator[requests.Response]:
        """The bytes of a file: of the range that the header `wanted` names, where the server heeds it.

        plexapi's own download has no timeout.
        """
        if not path.startswith("/"):
            # "@elsewhere/file" or ".elsewhere/file" behind an address without a path is another host's.
            raise NoMediaError(
                f"Plex names {path!r} as the place of a file, which is none of its own: not followed"
            )
        with self._translating():
            self._server()
            address: PlexAddress = self._local.address
            headers = {"X-Plex-Token": address.token, "Accept-Encoding": "identity", **wanted}
            url = f"{address.url}{path}"
            response = self._local.session.get(url, headers=headers, timeout=self._timeout, stream=True)
            with response:
                yield response

    @property
    def _url(self) -> str:
        """Of the server that this thread asked last."""
        asked: PlexAddress | None = getattr(self._local, "address", None)
        return (asked or self._known_address()).url

    def _known_address(self) -> PlexAddress:
        address: PlexAddress | None = getattr(self._local, "held", None) or self._source()
        if address is None:
            raise NotConfiguredError(
                self._trouble()
                or "no Plex server is configured: set its address and token in the portal (Settings, Plex connection), "
                "or PLEX_URL and PLEX_TOKEN for `reclass up` (SYNC_PLEX_URL and SYNC_PLEX_TOKEN of the sync service)"
            )
        return address

    def _server(self) -> PlexServer:
        """This thread's plexapi server; the first use, also of a new address, asks the root who is there."""
        address = self._known_address()
        if getattr(self._local, "address", None) != address:
            self._local.address, self._local.server = address, None
        server: PlexServer | None = self._local.server
        if server is None:
            with self._reading(NotPlexError, NOT_PLEX):
                server = PlexServer(
                    address.url, address.token, session=self._session(), timeout=self._timeout
                )
            # After an empty answer it has none at all.
            if not getattr(server, "machineIdentifier", ""):
                raise NotPlexError(NOT_PLEX.format(url=address.url))
            self._local.server = server
        return server

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.hooks["response"] += [self._note_answer, self._refuse_status]
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _note_answer(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._local.date = response.headers.get("Date", "")
        self._local.response = response

    def _refuse_status(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Raise for what is no success, before plexapi puts the body into its message or a redirect takes the token."""
        # requests calls a status of 600 and more, and one below 200, a success.
        if 200 <= response.status_code < 300 and not response.is_redirect:
            return
        retry_after = response.headers.get("Retry-After", "")
        response.close()
        raise refused_status(response.status_code, self._url, retry_after=retry_after)

    @contextmanager
    def _reading(self, kind: type[SyncError], sentence: str) -> Iterator[None]:
        """What plexapi and the parser trip over in an answer that is none of Plex's, as an error of this kind."""
        try:
            yield
        except faults.RequestException:
            raise  # some of them are ValueErrors too
        except LocationParseError as fault:
            raise NotPlexError(ADDRESS.format(url=self._url)) from fault
        except (ParseError, AttributeError, TypeError, LookupError, ValueError) as fault:
            raise kind(sentence.format(url=self._url)) from fault

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (faults.RequestException, PlexApiException, ParseError) as fault:
            self._close_answer()
            self._raise_translated(fault)

    def _close_answer(self) -> None:
        """Close the connection of the latest answer: where its body could not be decoded, requests leaves it open."""
        answer: requests.Response | None = getattr(self._local, "response", None)
        if answer is not None:
            answer.close()

    def _raise_translated(self, fault: Exception) -> NoReturn:
        raise translated(fault, self._url) from fault


def refused_status(status: int, url: str, *, retry_after: str = "") -> SyncError:
    """What an HTTP status that is no success means."""
    wait = f"; it says to wait {retry_after} s" if retry_after.isdecimal() else "; try again in a minute"
    if status in STATUSES:
        kind, sentence = STATUSES[status]
        return kind(sentence.format(url=url, wait=wait))
    if 300 <= status < 400:
        return NotPlexError(f"{url} sends on to another address: set that one in {URL_PLACE}")
    if status >= 500:
        return ServerFailedError(
            f"Plex at {url} failed with status {status}; try again, its own log says more"
        )
    return RequestRefusedError(f"Plex at {url} refuses the request with status {status}")


def translated(fault: Exception, url: str) -> SyncError:
    """What a fault of requests or plexapi means."""
    root = _cause(fault)
    if isinstance(root, NameResolutionError):
        return ServerUnreachableError(
            f"the name in {url} is unknown here: check it in {URL_PLACE}, or use the IP address"
        )
    if isinstance(root, NewConnectionError) and not isinstance(fault, faults.ConnectTimeout):
        return ServerUnreachableError(
            f"nobody listens at {url}: check host and port, and that Plex is running"
        )
    for foreign, kind, sentence in TRANSLATIONS:
        if isinstance(fault, foreign):
            return kind(sentence.format(url=url))
    raise fault


def _cause(fault: Exception) -> object:
    """What urllib3 wrapped into the error that requests passes on."""
    inner = fault.args[0] if fault.args else None
    return getattr(inner, "reason", inner)


def _time_of(date: str) -> datetime | None:
    """The instant of an HTTP date; None where there is none that can be read."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
