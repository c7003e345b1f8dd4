"""One message over an open session: MAIL, RCPT, DATA, the text (RFC 5321 section 3.3).

It never blocks (``session``)."""

import re

from flowctl.records import record
from flowctl.transports.smtp.replies import CLOSING, Reply, Stage
from flowctl.transports.smtp.session import SmtpSession, Steps

_DOT_AT_LINE_START = re.compile(rb"(?m)^\.")
_PLAIN = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII | re.IGNORECASE)
"""What most addresses are, in which there is nothing to read."""
_READY_FOR_TEXT = 354
_BLOCK = 65536
_NONE = Reply(-1, "")


class NotTaken(Exception):
    """The server said beforehand that it takes no such message; the text says why."""


@record
class Envelope:
    """A message and what its server is told of it.

    ``id`` is to be in reports about it, ``message_id`` is the message's own.
    """

    id: str
    sender: str
    recipient: str
    content: bytes
    message_id: str


def deliver(session: SmtpSession, envelope: Envelope) -> Steps[Reply]:
    """Hand over one message; the first reply that is not positive, or the last one.

    Where the server can report on it (RFC 3461), reports of failure and delay are asked for,
    without the message's text.

    Raises NotTaken for a recipient that needs SMTPUTF8 (RFC 6531), and a message above the server's
    SIZE (RFC 1870). Raises OSError when the connection is lost: only with ``stage`` at
    ``HANDED_OVER`` may the message have been accepted.
    """
    session.stage = Stage.MAIL
    _check_size(session, len(envelope.content))
    commands = _commands(session, envelope)
    yield from _end_transaction(session)
    together = "pipelining" in session.extensions
    if together:
        session.allow(session.timeouts.command)
        yield from session.writing(b"".join(commands))
    reply = yield from _envelope(session, commands, together=together)
    if reply.code == _READY_FOR_TEXT and session.stage is Stage.DATA:
        reply = yield from _text(session, envelope.content)
    if _is_over(reply):
        session.close()
    return reply


def _commands(session: SmtpSession, envelope: Envelope) -> list[bytes]:
    """MAIL, RCPT and DATA. Raises NotTaken."""
    offered = session.extensions
    options = f" size={len(envelope.content)}" if "size" in offered else ""
    if not envelope.recipient.isascii():
        if "smtputf8" not in offered:
            raise NotTaken("SMTPUTF8 not supported by server")
        options += " SMTPUTF8 BODY=8BITMIME"
    notify = ""
    if "dsn" in offered:
        options += f" RET=HDRS ENVID={envelope.id}"
        notify = " NOTIFY=FAILURE,DELAY"
    return [
        f"MAIL FROM:{path(envelope.sender)}{options}\r\n".encode(),
        f"RCPT TO:{path(envelope.recipient)}{notify}\r\n".encode(),
        b"DATA\r\n",
    ]


def path(address: str) -> str:
    """An address in angle brackets, as ``smtplib`` reads it."""
    if _PLAIN.fullmatch(address):
        return f"<{address}>"
    from smtplib import quoteaddr  # seldom needed, and slow to load

    return quoteaddr(address)


def _envelope(session: SmtpSession, commands: list[bytes], *, together: bool) -> Steps[Reply]:
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
                yield from _discard_replies(session, len(commands) - number - 1)
            break
    return reply


def _discard_replies(session: SmtpSession, count: int) -> Steps[None]:
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
    except OSError:
        session.close()


def _text(session: SmtpSession, content: bytes) -> Steps[Reply]:
    quoted = content
    if b"\n." in content or content.startswith(b"."):
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
    largest = session.extensions.get("size", "")
    if largest.isdecimal() and 0 < int(largest) < size:
        raise NotTaken(f"the message has {size} bytes, the SMTP server takes at most {largest}")


def _end_transaction(session: SmtpSession) -> Steps[None]:
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
