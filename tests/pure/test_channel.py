"""Which recipients are suppressed of whom only words say that they do not exist."""

from uuid import UUID

from flowctl.dispatch.channel import ChannelState
from flowctl.dispatch.pace import EQUAL_REFUSALS
from flowctl.model import Channel, Outcome, OutcomeKind
from flowctl.store.refusals import Refused
from tests.support.dispatching import ACCEPTED, RecordingTransport

NO_SUCH_USER = Outcome(
    OutcomeKind.SUPPRESSED, "550", "no such user", is_suspect=True, is_unproven=True
)


def a_channel() -> ChannelState:
    return ChannelState(Channel.EMAIL, RecordingTransport(Channel.EMAIL), "smtp")


def refuse(state: ChannelState, number: int) -> Refused:
    """A recipient is refused in these words, and not suppressed yet."""
    refused = Refused(UUID(int=number), Channel.EMAIL, f"lead{number}@example.com", "no such user")
    state.observe(NO_SUCH_USER, 0.0, refused.address)
    assert state.proven([refused], NO_SUCH_USER, 0.0) == []
    return refused


def test_they_wait_until_something_is_accepted() -> None:
    state = a_channel()
    refused = [refuse(state, number) for number in range(EQUAL_REFUSALS - 1)]
    state.observe(ACCEPTED, 1.0)
    assert state.proven([], ACCEPTED, 1.0) == refused
    assert state.proven([], ACCEPTED, 1.0) == []


def test_none_is_of_a_server_that_refused_everybody() -> None:
    state = a_channel()
    for number in range(EQUAL_REFUSALS + 1):
        refuse(state, number)
    assert state.stopped is not None
    now = state.breaker.rests_until
    state.breaker.resume(now)
    state.observe(ACCEPTED, now)
    assert state.proven([], ACCEPTED, now) == []
