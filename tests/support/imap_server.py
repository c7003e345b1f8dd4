"""Dovecot on loopback, over a Maildir: the IMAP server of most mailboxes there are."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import trustme

from tests.support.mail_servers import listens
from tests.support.ports import free_port
from tests.support.postgres import short_folder
from tests.support.returned import MaildirFolder
from tests.support.waiting import until

USER, PASSWORD = "bounces@example.com", "corréct horse/%#"
DOVECOT = Path("/usr/sbin/dovecot")
MAIL_USER = "nobody"
"""Who owns the mail: dovecot serves none of root's."""

_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
protocols = imap
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/Maildir
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
"""


@dataclass(frozen=True, slots=True)
class ImapServer:
    """A running server and the Maildir behind its INBOX."""

    port: int
    tls_port: int
    cafile: Path
    maildir: MaildirFolder

    def url(self, scheme: str = "imaps", password: str = PASSWORD, folder: str = "") -> str:
        """``MAILBOX_URL`` as a user writes it."""
        port = self.tls_port if scheme == "imaps" else self.port
        credentials = f"{quote(USER, safe='')}:{quote(password, safe='')}"
        return f"{scheme}://{credentials}@localhost:{port}/{folder}?cafile={self.cafile}"


@contextmanager
def imap_server(authority: trustme.CA) -> Iterator[ImapServer]:
    """Dovecot, which must be installed and is started as root, while the block runs."""
    account = pwd.getpwnam(MAIL_USER)
    with short_folder() as folder:
        port, tls_port = free_port(), free_port()
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(str(folder / "cert.pem"), append=True)
        cafile = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(cafile))
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", "utf-8")
        (folder / "dovecot.conf").write_text(
            _CONFIGURATION.format(
                folder=folder,
                port=port,
                tls_port=tls_port,
                uid=account.pw_uid,
                gid=account.pw_gid,
            ),
            "utf-8",
        )
        server = ImapServer(port, tls_port, cafile, MaildirFolder(folder / "Maildir"))
        for path in (folder / "Maildir", *(folder / "Maildir").iterdir()):
            shutil.chown(path, account.pw_uid, account.pw_gid)
        process = subprocess.Popen([str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")])
        try:
            until(lambda: listens(port) and listens(tls_port))
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def own_mail(maildir: MaildirFolder) -> None:
    """Give what was delivered to who owns the mail."""
    account = pwd.getpwnam(MAIL_USER)
    for path in maildir.folder.rglob("*"):
        os.chown(path, account.pw_uid, account.pw_gid)
