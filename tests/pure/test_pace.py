"""The rate limiter and the circuit breaker: sequences of times and outcomes in, decisions out."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from flowctl.dispatch.pace import (
    BURST,
    EQUAL_REFUSALS,
    FIRST_REST,
    LONGEST_REST,
    PROOF_LASTS,
    CircuitBreaker,
    RateLimiter,
)
from flowctl.model import Outcome, OutcomeKind

ACCEPTED = Outcome(OutcomeKind.ACCEPTED)
NO_ACCOUNT = Outcome(OutcomeKind.CHANNEL_STOPPED, "20003", "authenticate")
REFUSED = Outcome(OutcomeKind.REFUSED, "550 5.7.1", "no")
NO_MAILBOX = Outcome(OutcomeKind.REFUSED, "550 5.1.1", "no such user", blames_recipient=True)


def test_without_a_rate_every_slot_may_be_used() -> None:
    limiter = RateLimiter()
    assert limiter.allowance(0.0, 7) == 7
    limiter.spend()
    assert limiter.allowance(0.0, 7) == 7
    assert limiter.seconds_until_next(0.0) == 0.0


def test_a_send_uses_up_the_time_until_the_next_one() -> None:
    limiter = RateLimiter(2.0)
    assert limiter.allowance(100.0, 5) == 1
    limiter.spend()
    assert limiter.allowance(100.0, 5) == 0
    assert limiter.seconds_until_next(100.5) == 1.5
    assert limiter.allowance(102.0, 5) == 1


def test_time_without_sends_is_not_saved_up() -> None:
    limiter = RateLimiter(2.0)
    assert limiter.allowance(10_000.0, 50) == 1


def test_a_fast_rate_may_begin_a_few_at_once() -> None:
    assert RateLimiter(0.001).allowance(100.0, 1000) == round(BURST / 0.001)


@given(
    apart=st.floats(0.001, 5.0),
    waits=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60),
    slots=st.integers(1, 100),
)
def test_no_period_has_more_sends_than_the_rate_allows(
    apart: float, waits: list[float], slots: int
) -> None:
    """In any period: its length over the distance, the burst, and one."""
    limiter = RateLimiter(apart)
    now = 1_000.0
    sent: list[float] = []
    for wait in waits:
        now += wait
        for _ in range(limiter.allowance(now, slots)):
            limiter.spend()
            sent.append(now)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            length = sent[last] - start
            assert last - first + 1 <= length / apart + max(BURST, apart) / apart + 1 + 1e-6


def test_equal_refusals_in_a_row_stop_the_channel() -> None:
    breaker = CircuitBreaker()
    for _ in range(EQUAL_REFUSALS - 1):
        assert breaker.observe(REFUSED, 0.0) is None
    stop = breaker.observe(REFUSED, 0.0)
    assert stop is not None
    assert stop.kind is OutcomeKind.CHANNEL_STOPPED
    assert "5 messages in a row were refused alike: no" in stop.detail
    assert breaker.stopped is stop


def test_an_acceptance_between_or_a_refusal_of_the_recipient_begins_the_count_anew() -> None:
    for between in (ACCEPTED, NO_MAILBOX, Outcome(OutcomeKind.REFUSED, "554", "other")):
        breaker = CircuitBreaker()
        for outcome in [REFUSED] * (EQUAL_REFUSALS - 1) + [between, REFUSED]:
            assert breaker.observe(outcome, 0.0) is None


def test_refusals_of_recipients_never_stop_the_channel() -> None:
    breaker = CircuitBreaker()
    assert all(breaker.observe(NO_MAILBOX, 0.0) is None for _ in range(100))


INVALID = Outcome(
    OutcomeKind.REFUSED, "550", "Invalid recipient", blames_recipient=True, is_suspect=True
)


def refusals(breaker: CircuitBreaker, *details: str, now: float = 0.0) -> list[Outcome | None]:
    """What the breaker says of so many recipients, each refused in its words."""
    return [
        breaker.observe(replace(INVALID, detail=detail), now, f"lead-{number}@host{number}.example")
        for number, detail in enumerate(details)
    ]


def test_different_recipients_who_are_refused_alike_stop_the_channel() -> None:
    breaker = CircuitBreaker()
    *before, stop = refusals(
        breaker,
        "Invalid recipient: <lead-0@host0.example>",
        "Invalid recipient: <other@host1.example>",
        "Invalid recipient: lead-2",
        "Invalid recipient: host3.example",
        "Invalid  recipient: a7f6 lead-4@host4.example",
    )
    assert before == [None] * 4
    assert stop is not None
    assert stop.detail.startswith("5 recipients were refused alike and nothing was accepted: ")


def test_recipients_who_are_refused_each_in_its_way_do_not() -> None:
    words = ("no", "mailbox", "user", "unknown", "gone", "closed")
    assert refusals(CircuitBreaker(), *words) == [None] * len(words)


def test_one_recipient_refused_again_and_again_does_not() -> None:
    breaker = CircuitBreaker()
    assert {breaker.observe(INVALID, 0.0, "ada@example.com") for _ in range(20)} == {None}


def test_refusals_say_nothing_for_an_hour_after_something_was_accepted() -> None:
    breaker = CircuitBreaker()
    breaker.observe(ACCEPTED, 0.0)
    assert breaker.has_proof(PROOF_LASTS - 1)
    assert refusals(breaker, *["no"] * 9, now=PROOF_LASTS - 1) == [None] * 9
    assert not breaker.has_proof(PROOF_LASTS)
    assert any(refusals(breaker, *["no"] * 5, now=PROOF_LASTS))


def test_an_acceptance_begins_the_count_of_recipients_anew() -> None:
    breaker = CircuitBreaker()
    assert refusals(breaker, *["no"] * 4) == [None] * 4
    breaker.observe(ACCEPTED, 0.0)
    assert breaker.observe(replace(INVALID, detail="no"), PROOF_LASTS, "fifth@example.org") is None


def test_a_channel_that_rested_begins_the_count_of_equal_refusals_anew() -> None:
    breaker = CircuitBreaker()
    assert [breaker.observe(REFUSED, 0.0) for _ in range(EQUAL_REFUSALS)][-1] is not None
    breaker.resume(breaker.rests_until)
    assert [breaker.observe(REFUSED, 0.0) for _ in range(EQUAL_REFUSALS - 1)] == [None] * 4


def test_a_channel_that_rested_begins_the_count_of_recipients_anew() -> None:
    breaker = CircuitBreaker()
    assert any(refusals(breaker, *["no"] * 5))
    breaker.resume(breaker.rests_until)
    assert refusals(breaker, *["no"] * 4) == [None] * 4


def test_a_channel_that_stops_again_and_again_rests_longer_each_time() -> None:
    breaker = CircuitBreaker()
    rests = [_rest(breaker) for _ in range(8)]
    assert rests == [FIRST_REST * factor for factor in (1, 2, 4, 8, 16)] + [LONGEST_REST] * 3
    breaker.observe(ACCEPTED, 0.0)
    assert _rest(breaker) == FIRST_REST


def test_a_channel_rests_as_long_as_the_provider_asks() -> None:
    breaker = CircuitBreaker()
    asked = Outcome(OutcomeKind.CHANNEL_STOPPED, "429", retry_after=timedelta(hours=1))
    breaker.observe(asked, 100.0)
    assert breaker.rests_until == 100.0 + 3600.0


def test_only_the_first_stop_is_reported() -> None:
    breaker = CircuitBreaker()
    assert breaker.observe(NO_ACCOUNT, 0.0) is NO_ACCOUNT
    assert breaker.observe(NO_ACCOUNT, 1.0) is None
    assert breaker.rests_until == FIRST_REST


def _rest(breaker: CircuitBreaker) -> float:
    """Stop the channel, and let it rest to the end."""
    assert breaker.observe(NO_ACCOUNT, 100.0) is NO_ACCOUNT
    ends = breaker.rests_until
    assert not _goes(breaker, ends - 0.001)
    assert _goes(breaker, ends)
    return ends - 100.0


def _goes(breaker: CircuitBreaker, now: float) -> bool:
    breaker.resume(now)
    return breaker.stopped is None
