"""How the address of a service is written: host:port, or with one of gRPC's own schemes in front.

As the services' own settings have it; this package stands alone, and a test holds both to one table.
"""

import re

from reclass_client.errors import BadArgumentError

SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:")
EXAMPLE = "127.0.0.1:50053"
# A container's name may hold an underline.
HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9.]+)?\]")
PARTS = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([^:]*))?")
PORT = re.compile("[1-9][0-9]{0,4}")
HIGHEST_PORT = 65535


def address(target: object) -> str:
    """Where the service listens. Raises BadArgumentError, which says how that is written."""
    named = target if isinstance(target, str) else ""
    fault = _fault(named) if named == target else "it is no string"
    if fault:
        raise BadArgumentError(f"the target is {target!r}: {fault}; it must be host:port, as {EXAMPLE}")
    return named


def _fault(text: str) -> str:
    if not text:
        return "it is empty"
    if any(sign.isspace() for sign in text):
        return "it holds a blank or a line break"
    scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme)), "")
    rest = text.removeprefix(scheme)
    if scheme.startswith("unix"):
        return "" if rest else "it names no socket"
    if scheme == "dns:" and rest.startswith("//"):
        rest = rest.removeprefix("//").partition("/")[2]
    several = rest.split(",") if scheme in ("ipv4:", "ipv6:") else [rest]
    return next(filter(None, map(_fault_of_one, several)), "")


def _fault_of_one(text: str) -> str:
    """What is wrong with one host and port."""
    foreign, separator, _ = text.partition("://")
    if separator:
        return f"it begins with {foreign}://, and no scheme of the web belongs in front of it"
    if "/" in text:
        return "it holds a path"
    parts = PARTS.fullmatch(text)
    if parts is None:
        return "it holds several colons; an IPv6 address stands in brackets, as [::1]:50053"
    host, port = parts.groups()
    if not host:
        return "it names no host"
    if not HOST.fullmatch(host):
        return "its host holds signs that the name of none has"
    if not port:
        return "it names no port"
    is_port = PORT.fullmatch(port) and int(port) <= HIGHEST_PORT
    return "" if is_port else f"its port is no number between 1 and {HIGHEST_PORT}"
