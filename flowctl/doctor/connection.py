"""The way to the database: who answers, and who could listen in."""

from collections.abc import Sequence

from flowctl.database import Connection
from flowctl.doctor.check import Check, fault, note, ok
from flowctl.settings import Settings
from flowctl.settings.urls import is_loopback
from flowctl.store import doctor as doctor_store

OLDEST, NEWEST = 13, 18
"""The majors of PostgreSQL that flowctl is made for."""

_VERIFIED = "add sslmode=verify-full and sslrootcert=FILE (the provider's CA) to DATABASE_URL"


def connection(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether the connection is encrypted, and whether the server had to prove who it is."""
    info = connection.info
    host = info.host
    if host.startswith(("/", "@")) or not host:
        return [ok("connection", "by a socket of this machine")]
    is_encrypted = connection.pgconn.ssl_in_use
    how = "by TLS" if is_encrypted else "without TLS"
    if is_loopback(host):
        return [ok("connection", f"to {host}, {how}")]
    if not is_encrypted:
        return [fault("connection", f"to {host} in clear text: everybody can read it", _VERIFIED)]
    mode = info.get_parameters().get("sslmode", "prefer")
    if mode == "verify-full":
        return [ok("connection", f"to {host} by TLS, its certificate verified")]
    return [
        note("connection", f"to {host} by TLS, sslmode={mode}: anybody could pose as it", _VERIFIED)
    ]


def server(connection: Connection, _: Settings) -> Sequence[Check]:
    """Its version, and whether anything can be written."""
    state = doctor_store.server_state(connection)
    detail = f"PostgreSQL {state.version}, database {state.name}, role {state.role}"
    major = state.version_number // 10000
    if major < OLDEST:
        return [fault("server", detail, f"upgrade it: flowctl needs PostgreSQL {OLDEST} or newer")]
    if state.is_read_only:
        return [fault("server", f"{detail}: it is read-only", "name the primary in DATABASE_URL")]
    if major > NEWEST:
        return [
            note("server", detail, f"flowctl is made for {OLDEST} to {NEWEST}; upgrade flowctl")
        ]
    return [ok("server", detail)]
