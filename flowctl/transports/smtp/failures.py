"""What a connection that cannot be had, or is lost, means for its message."""

import smtplib
import ssl

from flowctl.model import Outcome, OutcomeKind
from flowctl.text import one_line
from flowctl.transports.smtp.replies import HINTS, Reply, Stage, judge
from flowctl.transports.smtp.session import SessionRefused, SessionUnusable, SmtpSession


def open_session(session: SmtpSession, hello_name: str) -> Outcome | None:
    """Open a session; what it means where that fails."""
    try:
        session.open(hello_name)
    except SessionRefused as refusal:
        return judge(refusal.stage, refusal.reply)
    except SessionUnusable as error:
        return _stopped(error.stage, str(error))
    except (smtplib.SMTPException, OSError) as error:
        return lost(session.stage, error)
    return None


def _stopped(stage: Stage, reason: str) -> Outcome:
    return Outcome(OutcomeKind.CHANNEL_STOPPED, detail=one_line(reason), hint=HINTS.get(stage, ""))


def lost(stage: Stage, error: smtplib.SMTPException | OSError) -> Outcome:
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
