"""Ports for servers that cannot take any and say which."""

import socket
from random import SystemRandom

BELOW_CLIENTS = range(20_000, 32_768)
"""Linux gives the ports above to whoever connects somewhere, at any time
(net.ipv4.ip_local_port_range)."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    random = SystemRandom()  # another one in each test process
    while True:
        port = random.choice(BELOW_CLIENTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
