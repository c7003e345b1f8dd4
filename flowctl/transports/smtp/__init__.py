"""Emails by SMTP: one message a transaction, over connections that are kept and reused."""

import smtplib
import ssl
from dataclasses import replace

from flowctl.clock import Clock, SystemClock
from flowctl.errors import InputError
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import EmailSettings, SmtpSettings
from flowctl.text import one_line
from flowctl.transports.mime import Composer
from flowctl.transports.smtp.pool import Pool
from flowctl.transports.smtp.replies import HINTS, Reply, Stage, is_one_too_many, is_used_up, judge
from flowctl.transports.smtp.session import SessionRefused, SessionUnusable, SmtpSession
from flowctl.transports.smtp.timeouts import Timeouts

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
        self._composer = Composer(email_settings)
        self._context = _tls_context(settings)
        self._clock = clock or SystemClock()
        self._pool = Pool(lambda: self._session(timeouts or Timeouts()), concurrency, self._clock)

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message, once another connection is done where the server takes no more.

        A kept connection that the server ends, in whatever way, is replaced, which is no attempt.
        """
        try:
            content = self._composer.compose(message)
            sender = self._composer.envelope_sender(message)
        except ValueError as error:
            return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)
        while isinstance(session := self._pool.take(), SmtpSession):
            try:
                outcome = self._send_over(session, message, sender, content)
            except BaseException:
                # A bug of ours; the others shall not wait for this connection.
                self._pool.forget()
                raise
            if outcome is not None:
                return outcome
        return session

    def stop(self) -> None:
        """Let no message wait for a connection any more."""
        self._pool.stop()

    def greet(self) -> Outcome:
        """Connect, start TLS, log in, and hand over nothing; accepted is that all of it works."""
        session = self._session(_SHORTLY)
        failure = self._open(session)
        if failure is not None:
            session.close()
            return failure
        try:
            code, _ = session.noop()
        except (smtplib.SMTPException, OSError) as error:
            session.close()
            return _lost(session.stage, error)
        tls = session.sock.version() if isinstance(session.sock, ssl.SSLSocket) else None
        session.quit_quietly()
        login = (
            "" if self._settings.username is None else f", logged in as {self._settings.username}"
        )
        return Outcome(
            OutcomeKind.ACCEPTED, code=str(code), detail=one_line(f"{tls or 'no TLS'}{login}")
        )

    def close(self) -> None:
        """Say goodbye on all kept connections."""
        self._pool.close()

    def _session(self, timeouts: Timeouts) -> SmtpSession:
        return SmtpSession(self._settings, self._context, self._clock, timeouts)

    def _send_over(
        self, session: SmtpSession, message: OutgoingMessage, sender: str, content: bytes
    ) -> Outcome | None:
        """Send over a connection from the pool; null where another of ours is to be waited for."""
        if session.is_open:
            outcome = self._deliver(session, message, sender, content)
            if not is_used_up(session.stage, outcome):
                self._pool.put_back(session)
                return outcome
            session = self._pool.renewed(session)
        failure = self._open(session)
        if failure is None:
            outcome = self._deliver(session, message, sender, content)
            if not is_one_too_many(session.stage, outcome):
                self._pool.put_back(session)
                return outcome
            failure = outcome
        return None if self._pool.refused(session, failure) else failure

    def _open(self, session: SmtpSession) -> Outcome | None:
        try:
            session.open(self._sender.domain)
        except SessionRefused as refusal:
            return judge(refusal.stage, refusal.reply)
        except SessionUnusable as error:
            return _stopped(error.stage, str(error))
        except (smtplib.SMTPException, OSError) as error:
            return _lost(session.stage, error)
        return None

    def _deliver(
        self, session: SmtpSession, message: OutgoingMessage, sender: str, content: bytes
    ) -> Outcome:
        try:
            reply = session.deliver(sender, message.recipient, content, str(message.id))
        except smtplib.SMTPNotSupportedError as error:
            return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)
        except (smtplib.SMTPException, OSError) as error:
            session.close()
            return _lost(session.stage, error)
        outcome = judge(session.stage, reply)
        if outcome.kind is OutcomeKind.ACCEPTED:
            return replace(outcome, provider_id=self._composer.message_id(message))
        return outcome


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    """A context that verifies the server's certificate and its name."""
    try:
        return ssl.create_default_context(cafile=settings.cafile)
    except (OSError, ValueError) as error:
        raise InputError(
            f"SMTP_URL: {settings.cafile} is no file of CA certificates",
            hint="name a PEM file with ?cafile=FILE",
        ) from error


def _stopped(stage: Stage, reason: str) -> Outcome:
    return Outcome(OutcomeKind.CHANNEL_STOPPED, detail=one_line(reason), hint=HINTS.get(stage, ""))


def _lost(stage: Stage, error: smtplib.SMTPException | OSError) -> Outcome:
    """The outcome of a connection that failed at a stage."""
    if isinstance(error, smtplib.SMTPHeloError):
        text = error.smtp_error
        said = text if isinstance(text, str) else text.decode("utf-8", "replace")
        return judge(stage, Reply(error.smtp_code, said))
    reason = _reason(error)
    refused_tls = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    if stage is Stage.TLS and refused_tls:
        return _stopped(stage, f"no verified TLS with the SMTP server: {reason}")
    if stage <= Stage.AUTH:
        return _stopped(stage, f"the SMTP server cannot be reached: {reason}")
    if stage is Stage.HANDED_OVER:
        return Outcome(OutcomeKind.UNKNOWN, detail=one_line(f"no reply to the message: {reason}"))
    detail = f"connection lost before the message was handed over: {reason}"
    return Outcome(OutcomeKind.DEFERRED, detail=one_line(detail))


def _reason(error: BaseException) -> str:
    """Why a connection failed: ``smtplib`` keeps that in the context of its own exception."""
    cause = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else None
    error = error if cause is None else cause
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
