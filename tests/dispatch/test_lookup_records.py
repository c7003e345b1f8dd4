"""Which record of the provider's list is the text that is looked for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from flowctl.dispatch.recovery import LISTS_LAG, match
from flowctl.model import TextRecord
from flowctl.store.recovery import Lookup

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = "Hi Ada, your visit is on Monday at 9. Details: https://acme.example/v/17 Reply STOP to end."


NUMBER = "+14155550123"


def a_lookup(content: str = BODY) -> Lookup:
    return Lookup(UUID(int=1), NUMBER, content, NOON, LISTS_LAG)


def a_record(body: str = BODY, **fields: object) -> TextRecord:
    values = {
        "provider_id": "SM1",
        "recipient": NUMBER,
        "sender": "+14155550100",
        "status": "sent",
        "error_code": None,
        "created_at": NOON,
        "inbound": False,
        **fields,
    }
    return TextRecord(body=body, **values)  # type: ignore[arg-type]


def found(records: Sequence[TextRecord], *others: Lookup, taken: Sequence[str] = ()) -> str | None:
    record = match(a_lookup(), records, set(taken), [a_lookup(), *others])
    return None if record is None else record.provider_id


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        f"Sent from your Twilio trial account - {BODY}",
        BODY.replace("https://acme.example/v/17", "https://twil.io/x9"),
        BODY.replace("'", "\u2019").replace(" ", "  ") + "\n",
    ],
    ids=["the same", "trial account", "shortened link", "other characters"],
)
def test_a_text_is_known_by_what_is_left_of_its_body(body: str) -> None:
    assert found([a_record(body)]) == "SM1"


@pytest.mark.parametrize(
    "record",
    [
        a_record("Your parcel has arrived"),
        a_record(recipient="+14155550199"),
        a_record(inbound=True),
        a_record(created_at=NOON - timedelta(minutes=3)),
    ],
    ids=["another text", "another number", "a reply", "an older text"],
)
def test_what_is_another_text_is_not_taken_for_it(record: TextRecord) -> None:
    assert found([record]) is None


@pytest.mark.parametrize(
    ("handed_over", "listed"),
    [("明日の九時に会いましょう", "荷物が届きました"), ("👍", "🎉"), ("ok", "a book arrived")],
)
def test_short_and_foreign_words_are_compared_whole(handed_over: str, listed: str) -> None:
    lookup = a_lookup(handed_over)
    assert match(lookup, [a_record(listed)], set(), [lookup]) is None
    assert match(lookup, [a_record(f" {handed_over}\n")], set(), [lookup]) is not None


def test_the_providers_clock_may_be_behind() -> None:
    assert found([a_record(created_at=NOON - timedelta(minutes=1))]) == "SM1"


def test_a_record_that_is_taken_is_passed_over() -> None:
    records = [a_record(), a_record(provider_id="SM2")]
    assert found(records, taken=["SM1"]) == "SM2"
    assert found(records, taken=["SM1", "SM2"]) is None


def test_the_same_body_goes_before_one_that_is_alike() -> None:
    longer = a_record(f"Sent from your Twilio trial account - {BODY}", provider_id="SM2")
    assert found([longer, a_record()]) == "SM1"


def test_what_is_exactly_another_ones_is_not_taken_for_being_alike() -> None:
    other = BODY.replace("Monday at 9", "Tuesday at 10")
    assert found([a_record(other)]) == "SM1"
    assert found([a_record(other)], a_lookup(other)) is None
