"""A PostgreSQL that listens on loopback and asks for a password, with TLS or without."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import trustme

from flowctl.embedded.account import server_account
from flowctl.embedded.binaries import Binaries, find_binaries, reachable_binaries
from tests.support.ports import free_port
from tests.support.waiting import until

HOST = "db.flowctl.test"
"""A name that is not loopback's, and resolves nowhere: reached by naming the address beside it."""

USER, PASSWORD, DATABASE = "flowctl", "corréct@horse/%#battery", "postgres"

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian's packages have the servers of all versions; the embedded one knows no TLS."""


@dataclass(frozen=True, slots=True)
class TcpServer:
    """A running server, on a port of 127.0.0.1."""

    port: int

    def url(
        self, host: str = HOST, password: str = PASSWORD, name: str = DATABASE, **more: str
    ) -> str:
        """A connection string as a user writes it; ``host`` is believed to be at 127.0.0.1."""
        parameters = {"hostaddr": "127.0.0.1", **more}
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
        credentials = f"{USER}:{quote(password, safe='')}"
        return f"postgresql://{credentials}@{host}:{self.port}/{name}?{query}"


def binaries_with_tls() -> Binaries | None:
    """The server's programs of a version that was built with TLS; null where there is none."""
    named = os.environ.get("FLOWCTL_PG_BIN")
    folders = [Path(named)] if named else []
    for folder in [*folders, *sorted(_DEBIAN.glob("*/bin"))]:
        if (folder / "initdb").exists() and _knows_tls(folder / "postgres"):
            return Binaries(folder)
    return None


def _knows_tls(postgres: Path) -> bool:
    """Whether the server is linked with a library for TLS: it has its options' names in it."""
    return b"SSL_CTX_new" in postgres.read_bytes()


@contextmanager
def tcp_server(folder: Path, authority: trustme.CA | None = None) -> Iterator[TcpServer]:
    """A server with its data in ``folder``; with an authority, it has a certificate for HOST."""
    data = folder / "data"
    account = server_account(data)
    programs = binaries_with_tls() if authority else find_binaries(os.environ)
    assert programs is not None
    programs = reachable_binaries(programs, account, folder)
    for path, text in {
        folder / "password": PASSWORD.encode(),
        folder / "hba": b"host all all 127.0.0.1/32 scram-sha-256\n",
    }.items():
        path.write_bytes(text)
        account.own(path)
    data.mkdir(mode=0o700)
    account.own(data)
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    settings |= {"port": str(free_port()), "hba_file": str(folder / "hba")}
    if authority is not None:
        certificate = authority.issue_cert(HOST)
        key, chain = folder / "key.pem", folder / "chain.pem"
        certificate.private_key_pem.write_to_path(key)
        certificate.cert_chain_pems[0].write_to_path(chain)
        for path in (key, chain):
            path.chmod(0o600)
            account.own(path)
        settings |= {"ssl": "on", "ssl_key_file": str(key), "ssl_cert_file": str(chain)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    make = [programs.initdb, "-D", data, "-U", USER, "--auth=scram-sha-256", "--no-sync"]
    make += [f"--pwfile={folder / 'password'}", "--locale=C", "--encoding=UTF8"]
    with (folder / "log").open("wb") as log:
        quiet = {"environ": os.environ, "stdin": subprocess.DEVNULL, "output": log.fileno()}
        with account.spawn(make, **quiet) as initdb:  # type: ignore[arg-type]
            assert initdb.wait() == 0, (folder / "log").read_text("utf-8")
        with account.spawn([programs.postgres, "-D", data, *options], **quiet) as process:  # type: ignore[arg-type]
            server = TcpServer(int(settings["port"]))
            try:
                until(lambda: process.poll() is not None or _accepts(server))
                assert process.poll() is None, (folder / "log").read_text("utf-8")
                yield server
            finally:
                process.send_signal(signal.SIGINT)


def _accepts(server: TcpServer) -> bool:
    try:
        psycopg.connect(server.url(sslmode="prefer")).close()
    except psycopg.OperationalError:
        return False
    return True
