"""Emails by SMTP: one message a transaction, over connections that are kept and reused."""

import ssl
from collections.abc import Sequence
from queue import SimpleQueue
from typing import cast

from flowctl.clock import Clock, SystemClock
from flowctl.errors import InputError
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import EmailSettings, SmtpSettings
from flowctl.text import one_line
from flowctl.tls import verifying_context
from flowctl.transports.mime import Composer
from flowctl.transports.protocols import OnOutcomes, Prepared
from flowctl.transports.smtp.attempt import Opener
from flowctl.transports.smtp.conversations import Conversations
from flowctl.transports.smtp.failures import lost
from flowctl.transports.smtp.letter import Letter, letter_of
from flowctl.transports.smtp.names import Names, OnAnswer
from flowctl.transports.smtp.pool import Pool
from flowctl.transports.smtp.session import SmtpSession, Steps
from flowctl.transports.smtp.timeouts import Timeouts
from flowctl.transports.smtp.watch import drive

_SHORTLY = Timeouts(connect=15.0, command=15.0)
"""For a person who waits for the answer."""


class SmtpTransport:
    """Sends emails through one submission server.

    Up to ``concurrency`` connections are open at once and kept for the next messages; fewer where
    the server takes no more of them. Raises InputError where ``EMAIL_FROM`` is not set or the CA
    file cannot be read.
    """

    channel = Channel.EMAIL

    def __init__(
        self,
        settings: SmtpSettings,
        email_settings: EmailSettings,
        *,
        concurrency: int,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
    ) -> None:
        if email_settings.sender is None:
            raise InputError("EMAIL_FROM is not set", hint="set it to the sender of all emails")
        self._settings = settings
        self._sender = email_settings.sender
        self._context = _context(settings)
        self._clock = clock or SystemClock()
        pool = Pool(lambda: self._session(timeouts or Timeouts()), concurrency, self._clock)
        self._composer = Composer(email_settings)
        self._conversations = Conversations(pool, self._opener, self._clock)

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message, once another connection is done where the server takes no more.

        A kept connection that the server ends, in whatever way, is replaced, which is no attempt.
        """
        answers: SimpleQueue[Outcome] = SimpleQueue()
        self.hand_over([self.prepare(message)], lambda given: answers.put(given[0][1]))
        return answers.get()

    def prepare(self, message: OutgoingMessage) -> Prepared:
        """Compose a message. Raises nothing."""
        return Prepared(letter_of(message, self._composer))

    def hand_over(self, messages: Sequence[Prepared], on_outcomes: OnOutcomes) -> None:
        """As ``send``, for many at once, without waiting: outcomes are told as they come."""
        self._conversations.hand_over(cast("Sequence[Letter]", messages), on_outcomes)

    def stop(self) -> None:
        """Let no message wait for a connection any more."""
        self._conversations.stop()

    def greet(self) -> Outcome:
        """Connect, start TLS, log in, and hand over nothing; accepted is that all of it works."""
        session = self._session(_SHORTLY)
        try:
            return drive(session, self._greeted(session), self._clock)
        finally:
            session.close()

    def close(self) -> None:
        """Say goodbye on all kept connections."""
        self._conversations.close()

    def _session(self, timeouts: Timeouts) -> SmtpSession:
        return SmtpSession(self._settings, self._context, self._clock, timeouts)

    def _opener(self, on_answer: OnAnswer | None = None) -> Opener:
        names = Names(self._settings.host, self._settings.port, self._clock, on_answer)
        return Opener(self._sender.domain, names)

    def _greeted(self, session: SmtpSession) -> Steps[Outcome]:
        failure = yield from self._opener().opened(session)
        if failure is not None:
            return failure
        try:
            reply = yield from session.asked("NOOP")
        except OSError as error:
            return lost(session.stage, error)
        tls = session.sock.version() if isinstance(session.sock, ssl.SSLSocket) else None
        yield from session.goodbye()
        user = self._settings.username
        login = "" if user is None else f", logged in as {user}"
        return Outcome(
            OutcomeKind.ACCEPTED,
            code=str(reply.code),
            detail=one_line(f"{tls or 'no TLS'}{login}"),
        )


def _context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """What TLS needs; reading the system's authorities takes long, so only where there is any."""
    if settings.tls == "none" and settings.cafile is None:
        return None
    return verifying_context(settings.cafile, "SMTP_URL")
