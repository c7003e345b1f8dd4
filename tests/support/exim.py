"""Exim on loopback, beside the system's mail server: takes our mail, relays it to a server of the
test, keeps what comes back or hands it to an alias.

Its package conflicts with every other mail server's, so it is unpacked, not installed. The program
has the user ``Debian-exim`` compiled in, and runs as that, since its configuration is ours.
"""

import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mail_servers import MailServer, listens
from tests.support.ports import free_port
from tests.support.postgres import short_folder
from tests.support.waiting import until

EXIM = Path(sys.prefix, "mail-servers/usr/sbin/exim4")
USER = "Debian-exim"

_CONFIGURATION = """
exim_path = {exim}
exim_user = {user}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/pid
keep_environment =
primary_hostname = mail.example.org
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
domainlist local = example.com

begin routers
ours:
  driver = accept
  domains = +local
  local_parts = bounces : unsubscribe
  local_part_suffix = +*
  local_part_suffix_optional
  transport = {transport}
others:
  driver = manualroute
  domains = ! +local
  route_list = * 127.0.0.1 byname
  self = send
  transport = relay

begin transports
maildir:
  driver = appendfile
  directory = {folder}/Maildir
  maildir_format
  user = {user}
  return_path_add
  envelope_to_add
  delivery_date_add
alias:
  driver = pipe
  command = {command}
  user = {user}
  return_path_add
  envelope_to_add
  temp_errors = 75
relay:
  driver = smtp
  port = {relay}
  hosts_try_fastopen =

begin retry
* * F,1h,1s
"""


def is_runnable() -> bool:
    """Whether Exim is unpacked, and has its user and its libraries."""
    asked = [str(EXIM), "-C", "/dev/null", "-bV"]
    return EXIM.exists() and subprocess.run(asked, capture_output=True, check=False).returncode == 0


@contextmanager
def exim(relay: int, command: str = "") -> Iterator[MailServer]:
    """Exim, started as root, relaying to a port of 127.0.0.1 while the block runs; mail to
    example.com goes to a command, if one is given, else into the Maildir."""
    account = pwd.getpwnam(USER)
    with short_folder() as folder:
        port = free_port()
        for name in ("spool", "log", "Maildir", "Maildir/new", "Maildir/cur", "Maildir/tmp"):
            (folder / name).mkdir()
            shutil.chown(folder / name, account.pw_uid, account.pw_gid)
        configuration = folder / "exim.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                exim=EXIM, user=USER, folder=folder, port=port, relay=relay,
                command=command, transport="alias" if command else "maildir",
            ),
            "utf-8",
        )  # fmt: skip
        program = [str(EXIM), "-C", str(configuration)]
        daemon = subprocess.Popen([*program, "-bdf"])
        try:
            until(lambda: listens(port))
            yield MailServer(port, folder / "Maildir", [*program, "-qff"])
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)
