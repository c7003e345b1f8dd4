"""The table of Twilio's codes."""

import pytest

from flowctl.model import OutcomeKind
from flowctl.transports.twilio.codes import PAUSES, judge_delivery, judge_request
from flowctl.transports.twilio.meanings import OUTCOMES, Meaning

NUMBER = "+14155550100"


def test_every_meaning_has_an_outcome_and_none_is_accepted() -> None:
    assert set(OUTCOMES) == set(Meaning)
    assert OutcomeKind.ACCEPTED not in OUTCOMES.values()


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        (20003, 401, Meaning.ACCOUNT),
        (20003, 400, Meaning.ACCOUNT),  # the code counts before the status
        (21610, 500, Meaning.OPT_OUT),
        (63014, 400, Meaning.OPT_OUT),
        (21211, 400, Meaning.RECIPIENT),
        (21608, 400, Meaning.MESSAGE),  # a trial account's limit, not the number's fault
        (572002, 400, Meaning.MESSAGE),
        (572005, 400, Meaning.MESSAGE),
        (21657, 400, Meaning.MESSAGE),  # one destination does not take the sender's name
        (30007, 400, Meaning.FILTERED),
        (21408, 403, Meaning.REGION),
        (30450, 400, Meaning.TRANSIENT),  # the destination is blocked for minutes
        (30046, 400, Meaning.TRANSIENT),
        (30453, 400, Meaning.TRANSIENT),
        (30023, 400, Meaning.PAUSE),  # until tomorrow
        (30008, 400, Meaning.AMBIGUOUS),
        (99999, 400, Meaning.UNLISTED),
        (99999, 403, Meaning.ACCOUNT),
        (99999, 429, Meaning.TRANSIENT),
        (99999, 500, Meaning.AMBIGUOUS),
        (None, 400, Meaning.AMBIGUOUS),
        (None, 301, Meaning.ACCOUNT),
        (None, 407, Meaning.ACCOUNT),
        (None, 408, Meaning.TRANSIENT),
        (None, 503, Meaning.TRANSIENT),
        (None, 504, Meaning.AMBIGUOUS),
        (0, 422, Meaning.UNLISTED),
    ],
)
def test_a_refusal_is_judged_by_its_code_and_then_by_its_status(
    code: int | None, status: int, meaning: Meaning
) -> None:
    assert judge_request(code, status)[0] is meaning


@pytest.mark.parametrize(
    "code",
    [21607, 21616, 21709, 21703, 21711, 30018, 30024, 30032, 30033, 30034, 30035, 30037, 30040,
     30041, 30042, 21267, 21668, 63007],
)  # fmt: skip
def test_what_is_wrong_with_the_account_or_the_sender_stops_the_channel_with_a_hint(
    code: int,
) -> None:
    meaning, hint = judge_request(code, 400)
    assert OUTCOMES[meaning] is OutcomeKind.CHANNEL_STOPPED
    assert hint


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_stopped_channel_comes_with_a_hint(status: int) -> None:
    assert judge_request(None, status)[1]
    for code in PAUSES:
        meaning, hint = judge_request(code, status)
        assert hint or OUTCOMES[meaning] is not OutcomeKind.CHANNEL_STOPPED


@pytest.mark.parametrize("sender", ["12345", "Acme", None, "MG" + "0" * 32])
def test_a_carrier_that_a_short_code_does_not_reach_says_nothing_about_the_number(
    sender: str | None,
) -> None:
    assert judge_request(30006, 400, sender)[0] is Meaning.MESSAGE
    assert judge_delivery(30006, sender) is Meaning.MESSAGE
    assert judge_request(30006, 400, NUMBER)[0] is Meaning.RECIPIENT
    assert judge_delivery(30006, NUMBER) is Meaning.RECIPIENT


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (30003, Meaning.TRANSIENT),
        (30005, Meaning.RECIPIENT),
        (30004, Meaning.OPT_OUT),
        (63014, Meaning.OPT_OUT),
        (30034, Meaning.ACCOUNT),
        (12345, Meaning.UNLISTED),
    ],
)
def test_an_error_after_acceptance_is_judged_by_its_code(code: int, meaning: Meaning) -> None:
    assert judge_delivery(code, NUMBER) is meaning
