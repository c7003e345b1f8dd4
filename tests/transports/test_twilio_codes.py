"""The table of Twilio's codes."""

import pytest

from flowctl.model import OutcomeKind
from flowctl.transports.twilio.codes import (
    OUTCOMES,
    PAUSES,
    Delivery,
    Meaning,
    judge_delivery,
    judge_request,
)


def test_every_meaning_has_an_outcome_and_none_is_accepted() -> None:
    assert set(OUTCOMES) == set(Meaning)
    assert OutcomeKind.ACCEPTED not in OUTCOMES.values()


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        (20003, 401, Meaning.ACCOUNT),
        (20003, 400, Meaning.ACCOUNT),  # the code counts before the status
        (21610, 500, Meaning.OPT_OUT),
        (21211, 400, Meaning.RECIPIENT),
        (21608, 400, Meaning.MESSAGE),  # a trial account's limit, not the number's fault
        (21408, 403, Meaning.REGION),
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


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_stopped_channel_comes_with_a_hint(status: int) -> None:
    assert judge_request(None, status)[1]
    for code in PAUSES:
        assert judge_request(code, status)[1]


@pytest.mark.parametrize(
    ("code", "delivery"),
    [
        (30003, Delivery.TRY_AGAIN),
        (30005, Delivery.RECIPIENT),
        (30004, Delivery.OPT_OUT),
        (30007, Delivery.ACCOUNT),
        (30034, Delivery.ACCOUNT),
        (30610, Delivery.QUIET_HOURS),
        (12345, Delivery.OTHER),
    ],
)
def test_an_error_after_acceptance_is_judged_by_its_code(code: int, delivery: Delivery) -> None:
    assert judge_delivery(code) is delivery
