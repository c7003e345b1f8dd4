"""Postfix on loopback: takes our mail, relays it to a server of the test, keeps what comes back."""

import os
import pwd
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import short_folder
from tests.support.waiting import until

POSTFIX = Path("/usr/sbin/postfix")
_SHIPPED = Path("/usr/share/postfix/master.cf.dist")

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
recipient_delimiter = +
relayhost = [127.0.0.1]:{relay}
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:Maildir/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A running Postfix; mail to example.com goes into the Maildir."""

    port: int
    maildir: Path


@contextmanager
def postfix(relay: int) -> Iterator[MailServer]:
    """Postfix, started as root, relaying to a port of 127.0.0.1 while the block runs."""
    account = pwd.getpwnam("nobody")
    with short_folder() as folder:
        port = _free_port()
        etc = folder / "etc"
        for path in (etc, folder / "spool", folder / "data"):
            path.mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        for name in ("Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
            (folder / name).mkdir()
            os.chown(folder / name, account.pw_uid, account.pw_gid)
        (etc / "main.cf").write_text(
            _MAIN.format(folder=folder, relay=relay, uid=account.pw_uid, gid=account.pw_gid),
            "utf-8",
        )
        (etc / "master.cf").write_text(_services(port), "utf-8")
        subprocess.run([POSTFIX, "-c", etc, "start"], check=True, capture_output=True)
        try:
            until(lambda: _listens(port))
            yield MailServer(port, folder / "Maildir")
        finally:
            subprocess.run([POSTFIX, "-c", etc, "abort"], check=False, capture_output=True)


def _services(port: int) -> str:
    """Debian's own services, none of them in a chroot, taking mail at another port."""
    lines = []
    for line in _SHIPPED.read_text("utf-8").splitlines():
        fields = line.split()
        if re.match(r"[a-z0-9]", line) and len(fields) == 8:
            fields[4] = "n"
            if fields[:2] == ["smtp", "inet"]:
                fields[0] = str(port)
            lines.append(" ".join(fields))
        elif line.startswith((" ", "\t")):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
        assert isinstance(number, int)
        return number


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
