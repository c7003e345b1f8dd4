"""Recipients and names in an email's headers."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest

from tests.support.emails import assert_fit_for_smtp, composer, read_back
from tests.support.outgoing import an_email


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.com,b@example.com",
        "a@example.com b@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n",
        "ada\x00@example.com",
        "ada\u2028@example.com",
        "ada\x85@example.com",
        "ädä\u2028@example.com",
        "ädä,x@example.com",
        "ada(comment)@example.com",
        "ada@exa\u0440mple.com",
        "ada@b@example.com",
        "a" * 250 + "@example.com",
        "ada",
        "",
    ],
)
def test_a_recipient_that_is_not_one_address_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match="not one email address"):
        composer().compose(an_email(recipient))


def test_an_international_address_is_written_as_it_is() -> None:
    message = read_back(an_email("jörg@example.com"))

    assert message["To"] == "jörg@example.com"


def test_names_are_quoted_or_encoded_as_they_need() -> None:
    for name in ("Acme, Inc.", 'The "Best" Co', "Bücher", "=?utf-8?q?x?=", "a" * 200):
        message = read_back(an_email(), EMAIL_FROM=f"{name} <news@acme.example>")
        (sender,) = message["From"].addresses
        assert (sender.display_name, sender.addr_spec) == (name, "news@acme.example")


def test_a_long_foreign_name_is_whole_once_decoded() -> None:
    name = "日本" * 30
    content = composer(EMAIL_FROM=f"{name} <news@acme.example>").compose(an_email())
    assert_fit_for_smtp(content)
    raw = message_from_bytes(content, policy=policy.compat32)["From"]

    assert str(make_header(decode_header(raw))) == f"{name} <news@acme.example>"
