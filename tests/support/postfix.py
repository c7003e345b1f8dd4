"""Postfix on loopback: takes our mail, relays it to a server of the test, keeps what comes back or
hands it to an alias."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mail_servers import MailServer, listens
from tests.support.ports import free_port
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
recipient_delimiter = +
relayhost = [127.0.0.1]:{relay}
{delivery}
"""
_INTO_MAILDIR = """
mydestination =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:Maildir/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""
_TO_ALIAS = """
mydestination = example.com
alias_maps = hash:{folder}/aliases
local_recipient_maps =
"""


@contextmanager
def postfix(relay: int, command: str = "") -> Iterator[MailServer]:
    """Postfix, started as root, relaying to a port of 127.0.0.1 while the block runs; mail to
    example.com goes to a command, if one is given, else into the Maildir."""
    account = pwd.getpwnam("nobody")
    with short_folder() as folder:
        port = free_port()
        etc = folder / "etc"
        for path in (etc, folder / "spool", folder / "data"):
            path.mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        for name in ("Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
            (folder / name).mkdir()
            os.chown(folder / name, account.pw_uid, account.pw_gid)
        delivery = (_TO_ALIAS if command else _INTO_MAILDIR).format(
            folder=folder, uid=account.pw_uid, gid=account.pw_gid
        )
        (etc / "main.cf").write_text(
            _MAIN.format(folder=folder, relay=relay, delivery=delivery), "utf-8"
        )
        (etc / "master.cf").write_text(_services(port), "utf-8")
        if command:
            _make_alias(folder, command)
        subprocess.run([POSTFIX, "-c", etc, "start"], check=True, capture_output=True)
        try:
            until(lambda: listens(port))
            flushing = ["/usr/sbin/postqueue", "-c", str(etc), "-f"]
            yield MailServer(port, folder / "Maildir", flushing)
        finally:
            subprocess.run([POSTFIX, "-c", etc, "abort"], check=False, capture_output=True)


def _make_alias(folder: Path, command: str) -> None:
    aliases = folder / "aliases"
    aliases.write_text(f'bounces: "|{command}"\n', "utf-8")
    made = ["/usr/sbin/postalias", "-c", str(folder / "etc"), f"hash:{aliases}"]
    subprocess.run(made, check=True, capture_output=True)


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
