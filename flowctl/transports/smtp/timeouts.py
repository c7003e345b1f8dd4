"""How long a server is waited for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a server, those of RFC 5321 section 4.5.3.2 where it names them.

    ``connect``: for one address of the host; ``command``: for all up to the login, and for the
    replies to MAIL and RCPT; ``data`` for the reply to DATA; ``block`` for writing 64 KB;
    ``final`` for the reply to the final dot: giving up there makes an unknown outcome.
    """

    connect: float = 30.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    final: float = 600.0
