"""What a connection that cannot be had, or is lost, means for its message."""

import ssl

from flowctl.model import Outcome, OutcomeKind
from flowctl.text import one_line
from flowctl.transports.smtp.replies import HINTS, Stage


def unusable(stage: Stage, reason: str) -> Outcome:
    """The outcome of a server that cannot be used; every other message would have the same."""
    return Outcome(OutcomeKind.CHANNEL_STOPPED, detail=one_line(reason), hint=HINTS.get(stage, ""))


def lost(stage: Stage, error: OSError) -> Outcome:
    """The outcome of a connection that failed at a stage."""
    reason = _reason(error)
    refused_tls = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
    if stage is Stage.TLS and refused_tls:
        return unusable(stage, f"no verified TLS with the SMTP server: {reason}")
    if stage <= Stage.AUTH:
        return unusable(stage, f"the SMTP server cannot be reached: {reason}")
    if stage is Stage.HANDED_OVER:
        return Outcome(OutcomeKind.UNKNOWN, detail=one_line(f"no reply to the message: {reason}"))
    detail = f"connection lost before the message was handed over: {reason}"
    return Outcome(OutcomeKind.DEFERRED, detail=one_line(detail))


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "timed out"
    return error.strerror or str(error)
