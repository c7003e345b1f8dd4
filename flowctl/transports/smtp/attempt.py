"""One message over one connection, which is opened or renewed where that is needed."""

from dataclasses import dataclass

from flowctl.model import Outcome
from flowctl.records import record
from flowctl.transports.smtp.delivery import Envelope, NotTaken, deliver
from flowctl.transports.smtp.failures import lost, unusable
from flowctl.transports.smtp.letter import refusal
from flowctl.transports.smtp.names import Names
from flowctl.transports.smtp.opening import SessionRefused, SessionUnusable, opening
from flowctl.transports.smtp.replies import Stage, is_one_too_many, is_used_up, judge
from flowctl.transports.smtp.session import SmtpSession, Steps


@dataclass(frozen=True, slots=True)
class Opener:
    """How sessions are opened: how we greet, and where the server is."""

    hello_name: str
    names: Names

    def opened(self, session: SmtpSession) -> Steps[Outcome | None]:
        """Open a session; what it means where that fails."""
        session.stage = Stage.CONNECT
        try:
            addresses = yield from self.names.addresses(session)
            yield from opening(session, addresses, self.hello_name)
        except SessionRefused as refusal:
            failure = judge(refusal.stage, refusal.reply)
        except SessionUnusable as error:
            failure = unusable(error.stage, str(error))
        except OSError as error:
            failure = lost(session.stage, error)
            if session.stage is Stage.CONNECT:
                self.names.forget()
        else:
            return None
        session.close()
        return failure


@record
class Attempt:
    """What became of a message; ``is_refused``: the server took no new connection for it."""

    outcome: Outcome
    is_refused: bool = False


def attempt(session: SmtpSession, opener: Opener, envelope: Envelope) -> Steps[Attempt]:
    """Hand over a message; a kept connection that the server ends is replaced first."""
    if session.is_open:
        outcome = yield from _handed_over(session, envelope)
        if not is_used_up(session.stage, outcome):
            return Attempt(outcome)
    if session.is_open:
        yield from session.goodbye()
    failure = yield from opener.opened(session)
    if failure is not None:
        return Attempt(failure, is_refused=True)
    outcome = yield from _handed_over(session, envelope)
    return Attempt(outcome, is_refused=is_one_too_many(session.stage, outcome))


def _handed_over(session: SmtpSession, envelope: Envelope) -> Steps[Outcome]:
    try:
        reply = yield from deliver(session, envelope)
    except NotTaken as error:
        return refusal(error)
    except OSError as error:
        session.close()
        return lost(session.stage, error)
    return judge(session.stage, reply, envelope.message_id)
