"""One message over an open session: MAIL, RCPT, DATA, the text (RFC 5321 section 3.3).

A generator that never blocks: it gives the event to wait for (``selectors.EVENT_READ`` or
``EVENT_WRITE``) and goes on when it is there. Who drives it throws TimeoutError into it when the
session's deadline has passed.
"""

import re
import smtplib
from collections.abc import Generator, Iterator

from flowctl.transports.smtp.replies import CLOSING, Reply, Stage
from flowctl.transports.smtp.session import SmtpSession

_DOT_AT_LINE_START = re.compile(rb"(?m)^\.")
_PLAIN = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE)
"""What most addresses are, in which there is nothing to read."""
_READY_FOR_TEXT = 354
_BLOCK = 65536
_NONE = Reply(-1, "")

Delivery = Generator[int, None, Reply]


def deliver(
    session: SmtpSession, sender: str, recipient: str, content: bytes, envelope_id: str
) -> Delivery:
    """Hand over one message; the first reply that is not positive, or the last one.

    Where the server can report on it (RFC 3461), reports of failure and delay are asked for,
    without the message's text and with ``envelope_id`` in them.

    Raises ``smtplib.SMTPNotSupportedError`` for what the server said it does not take: a
    recipient that needs SMTPUTF8 (RFC 6531), a message above its SIZE (RFC 1870). Raises
    ``smtplib.SMTPException`` and OSError when the connection is lost: only with ``stage`` at
    ``HANDED_OVER`` may the message have been accepted.
    """
    session.stage = Stage.MAIL
    _check_size(session, len(content))
    commands = _commands(session, sender, recipient, len(content), envelope_id)
    yield from _end_transaction(session)
    together = session.has_extn("pipelining")
    if together:
        session.allow(session.timeouts.command)
        yield from session.writing(b"".join(commands))
    reply = yield from _envelope(session, commands, together=together)
    if reply.code == _READY_FOR_TEXT and session.stage is Stage.DATA:
        reply = yield from _text(session, content)
    if _is_over(reply):
        session.close()
    return reply


def _commands(
    session: SmtpSession, sender: str, recipient: str, size: int, envelope_id: str
) -> list[bytes]:
    """MAIL, RCPT and DATA. Raises ``smtplib.SMTPNotSupportedError``."""
    options = [f"size={size}"] if session.has_extn("size") else []
    if not recipient.isascii():
        if not session.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    notify = []
    if session.has_extn("dsn"):
        options += ["RET=HDRS", f"ENVID={envelope_id}"]
        notify = ["NOTIFY=FAILURE,DELAY"]
    mail = " ".join((f"MAIL FROM:{path(sender)}", *options))
    rcpt = " ".join((f"RCPT TO:{path(recipient)}", *notify))
    return [f"{command}\r\n".encode() for command in (mail, rcpt, "DATA")]


def path(address: str) -> str:
    """An address in angle brackets, as ``smtplib`` reads it."""
    return f"<{address}>" if _PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def _envelope(session: SmtpSession, commands: list[bytes], *, together: bool) -> Delivery:
    """The reply to DATA, or the first that is not positive; ``stage`` says to what it is.

    Commands that were written together (RFC 2920) are all answered, whatever the first replies say.
    """
    timeouts = session.timeouts
    reply = _NONE
    for number, stage in enumerate((Stage.MAIL, Stage.RCPT, Stage.DATA)):
        session.stage = stage
        session.allow(timeouts.data if stage is Stage.DATA else timeouts.command)
        if not together:
            yield from session.writing(commands[number])
        reply = yield from session.reply()
        if stage is Stage.MAIL and reply.is_positive:
            session.is_in_transaction = True
            session.messages += 1
        if stage is not Stage.DATA and not reply.is_positive:
            if together and not _is_over(reply):
                yield from _hear_out(session, len(commands) - number - 1)
            break
    return reply


def _hear_out(session: SmtpSession, count: int) -> Iterator[int]:
    """Read the replies to what was written behind a command that was refused.

    A server that is ready for the text all the same gets a lone dot: nothing, for nobody (RFC 2920
    section 3.1). What goes wrong here ends the connection, and changes nothing for the message.
    """
    reply = _NONE
    try:
        for _ in range(count):
            session.allow(session.timeouts.command)
            reply = yield from session.reply()
        if reply.code == _READY_FOR_TEXT:
            session.allow(session.timeouts.command)
            yield from session.writing(b".\r\n")
            yield from session.reply()
            session.is_in_transaction = False
    except (smtplib.SMTPException, OSError):
        session.close()


def _text(session: SmtpSession, content: bytes) -> Delivery:
    quoted = _DOT_AT_LINE_START.sub(b"..", content)
    quoted += b".\r\n" if quoted.endswith(b"\r\n") else b"\r\n.\r\n"
    session.stage = Stage.TEXT
    # If this fails, its last byte was not written, and without it no server takes the message.
    for start in range(0, len(quoted), _BLOCK):
        session.allow(session.timeouts.block)
        yield from session.writing(quoted[start : start + _BLOCK])
    session.stage = Stage.HANDED_OVER
    session.allow(session.timeouts.final)
    reply = yield from session.reply()
    session.is_in_transaction = False
    return reply


def _check_size(session: SmtpSession, size: int) -> None:
    """Refuse what the server would only refuse after MAIL, some with a login's code."""
    largest = session.esmtp_features.get("size", "")
    if largest.isdecimal() and 0 < int(largest) < size:
        raise smtplib.SMTPNotSupportedError(
            f"the message has {size} bytes, the SMTP server takes at most {largest}"
        )


def _end_transaction(session: SmtpSession) -> Iterator[int]:
    """RSET after a message that was refused halfway; a connection that does not heed it ends.

    Servers count them, so a connection is renewed after a few.
    """
    if session.is_in_transaction:
        session.allow(session.timeouts.command)
        session.resets += 1
        yield from session.writing(b"RSET\r\n")
        reply = yield from session.reply()
        if not reply.is_positive:
            session.close()
        session.is_in_transaction = False


def _is_over(reply: Reply) -> bool:
    """Whether the server closes the connection, or does not speak SMTP."""
    return reply.code == CLOSING or reply.code < 0
