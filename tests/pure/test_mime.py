"""Emails as bytes, read back by the standard library."""

from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowctl.settings import Settings
from flowctl.transports.mime import Composer, header
from tests.support.emails import NOON, as_read, body_of, composer, read_back
from tests.support.outgoing import AN_ID, an_email


def test_a_plain_email_is_plain_to_see() -> None:
    assert composer().compose(an_email()).decode() == (
        "From: Acme News <news@acme.example>\r\n"
        "To: ada@example.com\r\n"
        "Subject: Welcome, Ada\r\n"
        "Date: Mon, 02 Mar 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{AN_ID}@acme.example>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello Ada,\r\n"
        "welcome.\r\n"
    )


def test_the_whole_letterhead_is_there() -> None:
    message = read_back(
        an_email("ada+x@example.com", lead_id="7/ü"),
        EMAIL_FROM="Bücher & Co <news@acme.example>",
        EMAIL_REPLY_TO="Ada <help@acme.example>",
        EMAIL_UNSUBSCRIBE="https://acme.example/u?e={email}&l={lead_id},mailto:u@acme.example",
        EMAIL_HEADERS="Resend-Idempotency-Key: {message_id}\nX-Lead: {lead_id}",
    )

    assert message["From"] == "Bücher & Co <news@acme.example>"
    assert message["Reply-To"] == "Ada <help@acme.example>"
    assert message["List-Unsubscribe"] == (
        "<https://acme.example/u?e=ada%2Bx%40example.com&l=7%2F%C3%BC>, <mailto:u@acme.example>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Resend-Idempotency-Key"] == str(AN_ID)
    assert message["X-Lead"] == "7/ü"
    assert message["List-Id"] == "<nurture.acme.example>"
    assert message["MIME-Version"] == "1.0"
    assert parsedate_to_datetime(message["Date"]) == NOON


def test_a_flow_may_have_a_sender_of_its_own() -> None:
    sender = {"email_from": "Ana Ö <ana@flow.example>", "reply_to": "reply@flow.example"}
    message = read_back(
        an_email(sender=sender),
        EMAIL_REPLY_TO="help@acme.example",
        EMAIL_UNSUBSCRIBE="mailto:u@acme.example",
    )

    assert message["From"] == "Ana Ö <ana@flow.example>"
    assert message["Reply-To"] == "reply@flow.example"
    assert message["Message-ID"] == f"<{AN_ID}@flow.example>"
    assert message["List-Id"] == "<nurture.flow.example>"
    assert composer().envelope_sender(an_email(sender=sender)) == "ana@flow.example"
    assert composer().envelope_sender(an_email(sender={})) == "news@acme.example"


def test_a_return_path_names_the_message() -> None:
    sender = {"return_path": "bounces+{message_id}@flow.example"}

    assert composer().envelope_sender(an_email(sender=sender)) == f"bounces+{AN_ID}@flow.example"


@pytest.mark.parametrize(
    "sender",
    [
        {"email_from": "a@x.example, b@x.example"},
        {"email_from": "a@x.example\r\nBcc: b@x.example"},
        {"reply_to": "nobody"},
    ],
)
def test_a_sender_that_is_not_one_address_is_refused(sender: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="it "):
        composer().compose(an_email(sender=sender))


@pytest.mark.parametrize(
    "path",
    ["Ana <a@x.example>", "a@x.example>\r\nRCPT TO:<b@x.example", "b" * 30 + "+{message_id}@x.io"],
)
def test_a_return_path_that_is_not_one_address_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"it |longer"):
        composer().envelope_sender(an_email(sender={"return_path": path}))


def test_a_mailto_alone_offers_no_click() -> None:
    message = read_back(an_email(), EMAIL_UNSUBSCRIBE="mailto:u@acme.example?subject={message_id}")

    assert message["List-Unsubscribe"] == f"<mailto:u@acme.example?subject={AN_ID}>"
    assert message["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    ("flow", "label"),
    [
        ("nurture", "nurture"),
        ("win-back", "win-back"),
        (None, "messages"),
        ("Win back!", "win-back-*"),
        ("größe", "gr-e-*"),
        ("日本", "flow-*"),
        ("a>\r\nBcc: x@example.com", "a-bcc-x-example-com-*"),
    ],
)
def test_a_list_to_leave_has_a_name(flow: str | None, label: str) -> None:
    message = read_back(an_email(flow=flow), EMAIL_UNSUBSCRIBE="mailto:u@acme.example")

    assert fnmatchcase(message["List-Id"], f"<{label}.acme.example>")
    assert read_back(an_email(flow=flow))["List-Id"] is None


def test_a_list_id_of_the_users_own_is_the_only_one() -> None:
    message = read_back(
        an_email(), EMAIL_UNSUBSCRIBE="mailto:u@a.example", EMAIL_HEADERS="list-id: <my.list>"
    )

    assert message.get_all("List-Id") == ["<my.list>"]


def test_an_unsubscribe_address_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        composer(EMAIL_UNSUBSCRIBE="https://acme.example/{lead_id}").compose(
            an_email(lead_id="x" * 1000)
        )


def test_a_placeholder_in_a_leads_own_id_stays_text() -> None:
    message = read_back(an_email(lead_id="{email}"), EMAIL_HEADERS="X-Lead: {lead_id}")

    assert message["X-Lead"] == "{email}"


def test_a_date_is_todays_unless_given() -> None:
    head = Settings.from_env({"EMAIL_FROM": "a@acme.example"}).email
    message = message_from_bytes(Composer(head).compose(an_email()), policy=policy.default)

    assert parsedate_to_datetime(message["Date"]) > NOON.replace(year=2025)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SHORT_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
BODIES = st.one_of(
    TEXTS,
    st.text("ab \t\r\n.=-_\x0b\x0c\x00\x85\u2028é", max_size=200),
    st.integers(900, 2500).map("x".__mul__),
    st.lists(st.sampled_from([".", "From me", "--=_", "a" * 999, "=20", " ", ""])).map("\n".join),
)
SUBJECTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    st.text("ab =?Q_é", max_size=120),
    st.integers(50, 1500).map("x".__mul__),
    st.lists(st.sampled_from(["word", "=?utf-8?q?x?=", "längeres", "  ", "x" * 80])).map(" ".join),
)


@given(subject=SUBJECTS, text=BODIES, html=st.none() | BODIES)
@example(subject="a" * 60 + "   " + "b" * 60, text="", html="")
@example(subject=" spaced ", text=f"--=_{AN_ID.hex}\n", html="<p>x</p>")
def test_what_is_composed_is_read_back_exactly(subject: str, text: str, html: str | None) -> None:
    message = read_back(an_email(subject=subject, text=text, html=html))

    assert message["Subject"] == subject
    assert body_of(message) == as_read(text)
    if html is not None:
        assert body_of(message, "html") == as_read(html)
        assert [part.get_content_type() for part in message.iter_parts()] == [
            "text/plain",
            "text/html",
        ]
    assert message.get_all("To") == ["ada@example.com"]
    assert not message.defects


@given(text=SHORT_TEXTS, other=SHORT_TEXTS)
def test_no_text_can_add_a_header_or_a_recipient(text: str, other: str) -> None:
    evil = f"{text}\r\nBcc: eve@example.com\x85To: eve@example.com\u2028X: y\x00\x0b{other}"
    message = read_back(
        an_email(subject=evil, text=evil, html=evil, lead_id=evil),
        EMAIL_HEADERS="X-Lead: {lead_id}",
        EMAIL_UNSUBSCRIBE="https://acme.example/{lead_id}",
    )

    assert [name.lower() for name in message if name.lower() in {"to", "cc", "bcc", "x"}] == ["to"]
    assert len(message.keys()) == 11
    assert "Bcc: eve@example.com" in message["Subject"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain ascii", "7bit"),
        ("caf\u00e9 at the corner of the street", "quoted-printable"),
        ("x" * 999, "quoted-printable"),
        ("a\0b, and some words", "quoted-printable"),
        ("привет, как дела?", "base64"),
    ],
)
def test_a_body_stays_as_readable_as_it_can(text: str, encoding: str) -> None:
    assert read_back(an_email(text=text))["Content-Transfer-Encoding"] == encoding


def test_a_long_subject_is_folded_where_people_read_it() -> None:
    lines = header("Subject", "word " * 40 + "end").split("\r\n")

    assert all(len(line) <= 78 for line in lines)
    assert lines[1].startswith(" word")
