"""Emails by SMTP: one message a transaction, over connections that are kept and reused."""

import smtplib
import ssl
import threading
from dataclasses import replace

from flowctl.clock import Clock, SystemClock
from flowctl.errors import InputError
from flowctl.model import Channel, Outcome, OutcomeKind, OutgoingMessage
from flowctl.settings import EmailSettings, SmtpSettings
from flowctl.text import one_line
from flowctl.transports.mime import Composer
from flowctl.transports.smtp.replies import HINTS, Reply, Stage, judge
from flowctl.transports.smtp.session import SessionRefused, SessionUnusable, SmtpSession, Timeouts

_RESOLVING = 10.0
"""Seconds allowed for looking up the host's name, for which there is no timeout to set."""


class SmtpTransport:
    """Sends emails through one submission server.

    Up to ``concurrency`` connections are kept for the next messages; each send has its own, so as
    many are open as there are threads in ``send``. Raises InputError where ``EMAIL_FROM`` is not
    set or the CA file cannot be read.
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
        self._timeouts = timeouts or Timeouts()
        self._clock = clock or SystemClock()
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._idle: list[SmtpSession] = []

    @property
    def send_timeout(self) -> float:
        """Seconds after which a call of ``send`` has returned."""
        return self._timeouts.handover + self._timeouts.final + _RESOLVING

    def send(self, message: OutgoingMessage) -> Outcome:
        """Hand over one message.

        A kept connection that the server has closed meanwhile is replaced, which is no attempt.
        """
        try:
            content = self._composer.compose(message)
        except ValueError as error:
            return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)
        deadline = self._clock.monotonic() + self._timeouts.handover
        kept = self._take()
        if kept is not None:
            outcome = self._deliver(kept, message, content, deadline)
            if kept.is_open or kept.stage is not Stage.MAIL:
                return outcome
        session = SmtpSession(self._settings, self._context, self._clock, self._timeouts)
        failure = self._open(session, deadline)
        return failure or self._deliver(session, message, content, deadline)

    def greet(self) -> Outcome:
        """Connect, start TLS, log in, and hand over nothing; accepted is that all of it works."""
        session = SmtpSession(self._settings, self._context, self._clock, self._timeouts)
        failure = self._open(session, self._clock.monotonic() + self._timeouts.handover)
        if failure is not None:
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
        with self._lock:
            kept, self._idle = self._idle, []
            self._concurrency = 0
        for session in kept:
            session.quit_quietly()

    def _open(self, session: SmtpSession, deadline: float) -> Outcome | None:
        try:
            session.open(self._sender.domain, deadline)
        except SessionRefused as refusal:
            outcome = judge(refusal.stage, refusal.reply)
        except SessionUnusable as error:
            outcome = _stopped(error.stage, str(error))
        except (smtplib.SMTPException, OSError) as error:
            outcome = _lost(session.stage, error)
        else:
            return None
        session.close()
        return outcome

    def _deliver(
        self, session: SmtpSession, message: OutgoingMessage, content: bytes, deadline: float
    ) -> Outcome:
        sender = self._sender.address
        try:
            reply = session.deliver(sender, message.recipient, content, deadline)
        except smtplib.SMTPNotSupportedError as error:
            self._keep(session)
            return Outcome(OutcomeKind.REFUSED, detail=one_line(str(error)), blames_recipient=True)
        except (smtplib.SMTPException, OSError) as error:
            session.close()
            return _lost(session.stage, error)
        outcome = judge(session.stage, reply)
        self._keep(session)
        if outcome.kind is OutcomeKind.ACCEPTED:
            return replace(outcome, provider_id=self._composer.message_id(message))
        return outcome

    def _take(self) -> SmtpSession | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, session: SmtpSession) -> None:
        if not session.is_open:
            return
        with self._lock:
            if len(self._idle) < self._concurrency:
                self._idle.append(session)
                return
        session.quit_quietly()


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
    if stage is Stage.CONNECT and not isinstance(error, TimeoutError):
        return _stopped(stage, f"the SMTP server cannot be reached: {reason}")
    refused_tls = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    if stage is Stage.TLS and refused_tls:
        return _stopped(stage, f"no verified TLS with the SMTP server: {reason}")
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
