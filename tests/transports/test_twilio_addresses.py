"""The addresses in Twilio's list of texts."""

import pytest

from flowctl.transports.twilio.addresses import phone_number


@pytest.mark.parametrize(
    "address", ["+14155550123", "rcs:+14155550123", "RCS:+14155550123", " +14155550123 "]
)
def test_a_number_is_reached_by_text_whatever_way_it_travels(address: str) -> None:
    assert phone_number(address) == "+14155550123"


@pytest.mark.parametrize(
    "address",
    [
        "whatsapp:+14155550123",
        "messenger:1234567",
        "rcs:acme_agent",
        "12345",
        "Acme",
        "+1",
        "+0123456789",
        "+1415555012312345",
        "",
        None,
        7,
    ],
)
def test_everything_else_is_no_number_of_a_handset(address: object) -> None:
    assert phone_number(address) is None
