"""A mailbox on a server (IMAP4rev1, RFC 3501), over verified TLS."""

import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress

from flowctl.errors import ProviderStopped
from flowctl.inbound.mime import LIMIT
from flowctl.mailboxes import StoredMail
from flowctl.settings.mailbox import MailboxSettings
from flowctl.text import one_line
from flowctl.tls import verifying_context

_TIMEOUT = 60.0
"""Seconds for connecting, and for each answer."""
_OK = "OK"


class ImapMailbox:
    r"""One folder of an IMAP account; a mail that is marked has the flag ``\Seen``.

    Reading marks nothing. Raises ProviderStopped where the server cannot be reached or refuses, and
    InputError for a CA file that is none.
    """

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._secrets = (settings.password.reveal(), settings.username)
        self._imap = self._connected()
        try:
            self._log_in()
            self._select()
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """The folder and the host."""
        return f"{self._settings.folder} at {self._settings.host}"

    def unread(self) -> Iterator[StoredMail]:
        r"""The mails without ``\Seen``, oldest first."""
        found = self._ask("SEARCH", None, "UNSEEN")
        for uid in b" ".join(part for part in found if isinstance(part, bytes)).split():
            key = uid.decode("ascii", "replace")
            answer = self._ask("FETCH", key, f"(BODY.PEEK[]<0.{LIMIT}>)")
            raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
            if raw is not None:
                yield StoredMail(raw, key)

    def mark_read(self, key: str) -> None:
        r"""Set ``\Seen``."""
        self._ask("STORE", key, r"+FLAGS.SILENT (\Seen)")

    def close(self) -> None:
        """Log out; nothing is expunged."""
        with suppress(imaplib.IMAP4.error, OSError):
            self._imap.logout()

    def _connected(self) -> imaplib.IMAP4:
        settings = self._settings
        try:
            if settings.tls == "implicit":
                return imaplib.IMAP4_SSL(
                    settings.host, settings.port, ssl_context=_context(settings), timeout=_TIMEOUT
                )
            with ExitStack() as stack:
                imap = imaplib.IMAP4(settings.host, settings.port, timeout=_TIMEOUT)
                stack.callback(_drop, imap)
                if settings.tls == "starttls":
                    self._start_tls(imap)
                stack.pop_all()
        except ssl.SSLCertVerificationError as error:
            raise self._stopped(
                f"no verified TLS: {error.verify_message}", "name its CA with ?cafile=FILE"
            ) from error
        except (imaplib.IMAP4.error, OSError) as error:
            raise self._stopped(_reason(error), "check host and port in MAILBOX_URL") from error
        return imap

    def _start_tls(self, imap: imaplib.IMAP4) -> None:
        if "STARTTLS" not in imap.capabilities:
            raise self._stopped("the server offers no STARTTLS", "use imaps:// and its port")
        imap.starttls(_context(self._settings))

    def _log_in(self) -> None:
        """PLAIN in UTF-8 (RFC 4616) where it is offered, else LOGIN."""
        user, password = self._settings.username, self._settings.password.reveal()
        hint = (
            "check the user and the password in MAILBOX_URL (many providers want an app password)"
        )
        try:
            if "AUTH=PLAIN" in self._imap.capabilities:
                self._imap.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
            elif "LOGINDISABLED" in self._imap.capabilities:
                raise self._stopped("the server offers no login by PLAIN or LOGIN", hint)
            else:
                self._imap.login(_quoted(user), password)
        except imaplib.IMAP4.abort as error:
            raise self._stopped(_reason(error), hint) from None
        except (imaplib.IMAP4.error, UnicodeError) as error:
            raise self._stopped(f"the login was refused: {self._shown(error)}", hint) from None
        except OSError as error:
            raise self._stopped(_reason(error), "try again") from error

    def _select(self) -> None:
        folder = self._settings.folder
        try:
            status, answer = self._imap.select(_quoted(_utf7(folder)))
        except (imaplib.IMAP4.error, OSError) as error:
            raise self._stopped(self._shown(error), "try again") from error
        if status != _OK:
            raise self._stopped(
                f"no folder {folder!r}: {_text_of(answer)}",
                "name the folder in MAILBOX_URL after the host: imaps://user:password@host/INBOX",
            )

    def _ask(self, command: str, key: str | None, argument: str) -> list[object]:
        arguments = [argument] if key is None else [key, argument]
        try:
            status, answer = self._imap.uid(command, *arguments)
        except (imaplib.IMAP4.error, OSError) as error:
            raise self._stopped(self._shown(error), "try again: nothing is lost") from error
        if status != _OK:
            raise self._stopped(
                f"{command} was refused: {_text_of(answer)}",
                "check the rights of the user in MAILBOX_URL on this folder",
            )
        return list(answer)

    def _stopped(self, reason: str, hint: str) -> ProviderStopped:
        return ProviderStopped(f"the mailbox at {self._settings.host}: {reason}", hint=hint)

    def _shown(self, error: BaseException) -> str:
        """What the server said, should it have said back what nobody may see."""
        text = _reason(error)
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "***")
        return text


def _text_of(answer: Iterable[object]) -> str:
    """What the server says beside its status."""
    text = b" ".join(part for part in answer if isinstance(part, bytes))
    return one_line(text.decode("utf-8", "replace"))


def _context(settings: MailboxSettings) -> ssl.SSLContext:
    return verifying_context(settings.cafile, "MAILBOX_URL")


def _drop(imap: imaplib.IMAP4) -> None:
    with suppress(OSError):
        imap.shutdown()


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return one_line(error.strerror)
    text = error.args[0] if error.args else ""
    return one_line(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))


def _quoted(text: str) -> str:
    """A quoted string (RFC 3501 section 4.3); no line break can be in a setting."""
    return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'


def _utf7(name: str) -> str:
    """A folder's name in IMAP's own UTF-7 (RFC 3501 section 5.1.3)."""

    def encoded(found: re.Match[str]) -> str:
        text = found[0].encode("utf-7").decode("ascii").strip("+-")
        return "&" + text.replace("/", ",") + "-"

    return re.sub(r"[^ -~]+", encoded, name.replace("&", "&-"))
