"""Who really asks, where a reverse proxy stands before the pages; anybody can send the headers that a proxy sends."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.configuration import Network

CHAIN = "HTTP_X_FORWARDED_FOR"
WORDS = ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
# Who has one address of IPv6 has so many beside it.
IPV6_PREFIX = 64


class ProxyMiddleware:
    """Believes what trusted proxies say of the browser, and nobody else.

    From a trusted proxy, the browser's address is the last in X-Forwarded-For that is no trusted proxy's: what stands
    before it was sent by the browser itself. Where no proxy is trusted, X-Forwarded-For says nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trusted: Sequence[Network] = settings.TRUSTED_PROXIES
        chain = request.META.pop(CHAIN, "")
        if _is_in(request.META.get("REMOTE_ADDR", ""), trusted):
            request.META["REMOTE_ADDR"] = _browser(request.META["REMOTE_ADDR"], chain, trusted)
        elif trusted:
            for name in WORDS:
                request.META.pop(name, None)
        return self._get_response(request)


def client_address(request: HttpRequest) -> str:
    """The address by which a login is throttled: of IPv6, the network that one customer has."""
    address = _parsed(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return "0.0.0.0"  # noqa: S104 # a socket without an address, not one that is listened on
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)


def _browser(proxy: str, chain: str, trusted: Sequence[Network]) -> str:
    for hop in reversed(chain.split(",")):
        address = _parsed(hop)
        if address is None:
            break
        proxy = str(address)
        if not _is_in(proxy, trusted):
            break
    return proxy


def _is_in(text: str, trusted: Sequence[Network]) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
