"""Connection URLs with a password in them, taken apart without ever showing a part of it.

An unescaped ``%``, ``@``, ``/`` or ``#`` in a password is the usual mistake, and the standard
parsers then quote a piece of it in their message. Here every message names the variable and the
rule, and never the value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes, urlsplit

from flowctl.errors import InputError
from flowctl.text import CONTROL

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\]")
_LAST_PORT = 65535

_Complaint = Callable[[str], InputError]
"""Makes the error from what completes ``VARIABLE ...``."""

ESCAPES = "in a user or password write % as %25, @ as %40, : as %3A, / as %2F, # as %23, ? as %3F"
"""The hint for every URL that cannot be read."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """The parts of ``scheme://user:password@host:port/?key=value``, percent-decoded.

    ``parameters`` are those of the query, each given once; ``path`` is what follows the host's
    ``/``.
    """

    scheme: str
    username: str | None
    password: str | None
    host: str
    port: int | None
    parameters: dict[str, str]
    path: str = ""


def parse_server_url(
    variable: str, url: str, *, example: str, with_path: bool = False
) -> ServerUrl:
    """Read the URL of one server, as the variable has it.

    An ``@`` in the user or the password may stand unescaped: the last one before the host counts.
    Raises InputError, which names the variable and the rule and shows ``example``.
    """

    def malformed(reason: str) -> InputError:
        return InputError(f"{variable} {reason}", hint=f"write it like {example}; {ESCAPES}")

    if CONTROL.search(url) or " " in url:
        raise malformed("holds a space or a control character")
    scheme, separator, rest = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise malformed("does not begin with a scheme such as smtps://")
    if "#" in rest:
        raise malformed("holds an unescaped #")
    rest, _, query = rest.partition("?")
    if "@" in query:
        raise malformed("holds an unescaped ?, or an unescaped @ after it")
    credentials, at, server = rest.rpartition("@")
    server, _, path = server.partition("/")
    if path and not with_path:
        raise malformed("has something after the host that cannot be read, or an unescaped /")
    host, port = _host_and_port(server, malformed)
    username, colon, password = credentials.partition(":")
    return ServerUrl(
        scheme=scheme.lower(),
        username=_decoded(username, malformed) if at else None,
        password=_decoded(password, malformed) if colon else None,
        host=host,
        port=port,
        parameters=_parameters(query, malformed),
        path=_decoded(path, malformed),
    )


def check_database_url(variable: str, url: str) -> None:
    """Refuse a PostgreSQL connection string that libpq could only complain about by quoting it.

    Both forms of libpq are let through: a URI (several hosts, a socket folder as host) and
    ``key=value`` pairs. Raises InputError.
    """

    def malformed(reason: str) -> InputError:
        example = "postgresql://user:password@host:5432/database"
        return InputError(f"{variable} {reason}", hint=f"write it like {example}; {ESCAPES}")

    if CONTROL.search(url):
        raise malformed("holds a control character")
    scheme, separator, rest = url.partition("://")
    if not separator:
        if not re.match(r"\s*[a-z_]+\s*=", url):
            raise malformed("is not a connection string")
        return
    if scheme not in {"postgresql", "postgres"}:
        raise malformed("does not begin with postgresql://")
    if _BAD_PERCENT.search(rest):
        raise malformed("holds a % that begins no escape")
    # As libpq reads it: credentials end at the first @ that no / precedes.
    authority = re.match(r"[^/]*", rest)
    servers = authority.group() if authority else ""
    servers = servers.partition("@")[2] if "@" in servers else servers
    servers, _, _ = servers.partition("?")
    for server in servers.split(","):
        if "@" in server:
            raise malformed("holds an unescaped @")
        port = re.sub(r"^\[[^\]]*\]", "", server).partition(":")[2]
        if port and not (port.isascii() and port.isdecimal() and int(port) <= _LAST_PORT):
            raise malformed("has a port that is not a number, or an unescaped : or / before it")


def check_api_url(variable: str, url: str) -> None:
    """Refuse a base URL that is none, or that would get credentials without TLS.

    Only this machine may be talked to in clear text. Raises InputError.
    """
    hint = "write it like https://api.example.com; http:// only for this machine"
    if not re.fullmatch(r"[!-~]+", url):
        raise InputError(f"{variable} holds a space or a control character", hint=hint)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(f"{variable} is not a URL", hint=hint) from None
    if parts.scheme not in {"https", "http"} or not host:
        raise InputError(f"{variable} is not a URL of a server", hint=hint)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(f"{variable} has more than scheme, host, port and path", hint=hint)
    if parts.scheme == "http" and not is_loopback(host):
        raise InputError(f"{variable} would send the credentials without TLS", hint=hint)


def check_web_address(variable: str, url: str) -> None:
    """Refuse what cannot be fetched by http. Raises InputError."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.scheme in {"https", "http"}
        _ = parts.port
    except ValueError:
        is_address = False
    if not is_address or not re.fullmatch(r"[!-~]+", url):
        raise InputError(
            f"{variable} is not a web address", hint="write it like https://ping.example.com/uuid"
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine (RFC 6761 section 6.3, RFC 1122)."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_and_port(server: str, malformed: _Complaint) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", server)
    if found is None or not _HOST.fullmatch(found[1]):
        raise malformed("names no host that can be read")
    if not found[2]:
        return found[1].strip("[]"), None
    port = int(found[2])
    if not 0 < port <= _LAST_PORT:
        raise malformed(f"has a port that is not between 1 and {_LAST_PORT}")
    return found[1].strip("[]"), port


def _decoded(text: str, malformed: _Complaint) -> str:
    if _BAD_PERCENT.search(text):
        raise malformed("holds a % that begins no escape")
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeError:
        raise malformed("holds what is not UTF-8") from None
    if CONTROL.search(decoded):
        raise malformed("holds an escaped control character")
    return decoded


def _parameters(query: str, malformed: _Complaint) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals or key in parameters or not re.fullmatch(r"[a-z_]+", key):
            raise malformed("has parameters after ? that are not key=value, or an unescaped ?")
        parameters[key] = _decoded(value, malformed)
    return parameters
