"""Mail that came back is understood, whoever wrote it; what is none does nothing."""

from typing import Any

import pytest

from flowctl.inbound.model import MailKind, Verdict
from flowctl.inbound.reading import Addresses, read
from tests.support.inbound import ID, OURS, understood
from tests.support.returned import EXPECTED, SAMPLES, stored_with_us

KINDS = {
    "complaint": MailKind.COMPLAINT,
    "unsubscribe": MailKind.UNSUBSCRIBE,
    "auto-reply": MailKind.AUTOMATIC,
}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("expected", EXPECTED, ids=[one["file"] for one in EXPECTED])
def test_a_sample_is_what_it_is(expected: dict[str, Any], line_end: bytes) -> None:
    raw = (SAMPLES / expected["file"]).read_bytes().replace(b"\r\n", b"\n")
    mail = read(raw.replace(b"\n", line_end), OURS)
    message_id, _ = stored_with_us(expected)
    assert mail.kind is KINDS.get(expected["kind"], MailKind.REPORT)
    assert mail.message_ids == ((message_id,) if message_id else ())
    if mail.kind is MailKind.REPORT and message_id:
        for wanted in expected["recipients"]:
            told = mail.report_on(wanted["address"])
            assert told is not None
            assert told.verdict == wanted["kind"].replace("_", " ")
            assert told.code == wanted["status"]
            assert wanted["diagnostic"].split()[0] in told.reason


FEEDBACK = """From: {sender}
To: abuse@example.com
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b

A complaint.
--b
Content-Type: message/feedback-report

{fields}
--b
Content-Type: {type}

Subject: Welcome
List-Unsubscribe: <https://example.com/u/{{id}}>
--b--
"""


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("Feedback-Type: abuse\nVersion: 1\n", MailKind.COMPLAINT),
        ("Feedback-Type: fraud\nOriginal-Rcpt-To: redacted@example.net\n", MailKind.COMPLAINT),
        ("User-Agent: Yahoo!-Mail-Feedback/2.0\n", MailKind.COMPLAINT),
        ("Feedback-Type: not-spam\n", MailKind.AUTOMATIC),
        ("Feedback-Type: auth-failure\nAuth-Failure: dmarc\n", MailKind.AUTOMATIC),
    ],
)
@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_feedback_report_is_a_complaint_unless_it_speaks_well_of_us(
    fields: str, kind: MailKind, returned: str
) -> None:
    mail = understood(FEEDBACK.format(sender="fbl@example.net", fields=fields, type=returned))
    assert (mail.kind, mail.message_ids) == (kind, (ID,))


RECEIPT = """From: {sender}
Return-Path: <{path}>
To: hello@example.com
Subject: {subject}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b

{text}
--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; ada@example.net
Original-Message-ID: <{{id}}@example.com>
Disposition: {disposition}
--b--
"""


def test_a_receipt_is_automatic() -> None:
    for disposition in (
        "manual-action/MDN-sent-manually; displayed",
        "automatic-action/MDN-sent-automatically; deleted",
    ):
        mail = understood(
            RECEIPT.format(
                sender="ada@example.net",
                path="ada@example.net",
                subject="Not read: Welcome",
                text="Your message was deleted without being read.",
                disposition=disposition,
            )
        )
        assert (mail.kind, mail.message_ids) == (MailKind.AUTOMATIC, (ID,))


def test_a_filters_rejection_is_the_senders_fault() -> None:
    mail = understood(
        RECEIPT.format(
            sender="Mail Delivery Subsystem <postmaster@example.net>",
            path="",
            subject="Automatically rejected mail",
            text="Your message was automatically rejected by Sieve. User unknown, go away.",
            disposition="automatic-action/MDN-sent-automatically; deleted",
        )
    )
    assert mail.kind is MailKind.REPORT
    assert [one.verdict for one in mail.recipients] == [Verdict.REFUSED]


PLAIN = """Return-Path: <{path}>
From: Ada <ada@example.net>
To: {to}
Subject: {subject}
{more}

Hi
"""


def plain(**values: str) -> str:
    defaults = {
        "path": "ada@example.net",
        "to": "hello@example.com",
        "subject": "Re: Welcome",
        "more": "In-Reply-To: <{id}@example.com>",
    }
    return PLAIN.format(**{**defaults, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"more": "In-Reply-To: <{id}@example.com>\nAuto-Submitted: auto-replied (vacation)"},
        {"path": ""},
        {"more": "References: <{id}@example.com>\nPrecedence: bulk"},
        {"more": "References: <{id}@example.com>\nX-Autoreply: yes"},
        {"more": "References: <{id}@example.com>\nX-Auto-Response-Suppress: OOF, AutoReply"},
        {"subject": "Automatic reply: Welcome"},
        {"subject": "=?utf-8?q?Abwesenheitsnotiz=3A_Welcome?="},
        {"subject": "Out of Office Re: Welcome"},
        {"to": "bounces+{id}@example.com", "more": "", "subject": "away from my mail"},
    ],
)
def test_an_automatic_reply_is_no_person(values: dict[str, str]) -> None:
    mail = understood(plain(**values))
    assert (mail.kind, mail.message_ids) == (MailKind.AUTOMATIC, (ID,))


def test_a_person_is_a_person() -> None:
    for values in ({}, {"more": "In-Reply-To: <{id}@example.com>\nAuto-Submitted: no"}):
        mail = understood(plain(**values))
        assert (mail.kind, mail.message_ids) == (MailKind.PERSON, (ID,))
    assert understood(plain(more="")).message_ids == ()


@pytest.mark.parametrize(
    "values",
    [
        {"to": "unsubscribe@example.com", "subject": "unsubscribe {id}", "more": ""},
        {
            "to": "Unsubscribe <UNSUBSCRIBE@Example.com>",
            "subject": "=?utf-8?q?unsubscribe_{half}?= =?utf-8?q?{rest}?=",
            "more": "",
        },
        {"to": "unsubscribe@example.com", "subject": "unsubscribe {id}",
         "more": "Auto-Submitted: auto-generated"},
    ],
)  # fmt: skip
def test_a_mail_to_the_unsubscribe_address_is_one(values: dict[str, str]) -> None:
    text = plain(**values).replace("{half}", str(ID)[:9]).replace("{rest}", str(ID)[9:])
    mail = understood(text)
    assert (mail.kind, mail.message_ids, mail.sender) == (
        MailKind.UNSUBSCRIBE, (ID,), "ada@example.net",
    )  # fmt: skip


def test_an_automatic_reply_to_the_unsubscribe_address_asks_for_nothing() -> None:
    mail = understood(plain(to="unsubscribe@example.com", path="", more=""))
    assert mail.kind is MailKind.AUTOMATIC


def test_where_people_answer_to_the_unsubscribe_address_the_subject_decides() -> None:
    shared = Addresses((("hello@example.com", "unsubscribe "),), frozenset({"hello@example.com"}))
    asked = read(plain(subject=f"unsubscribe {ID}", more="").encode(), shared)
    answered = read(plain(subject="Re: how do I unsubscribe?", more="").encode(), shared)
    assert (asked.kind, answered.kind) == (MailKind.UNSUBSCRIBE, MailKind.PERSON)


def test_an_unsubscribe_address_may_hold_the_id() -> None:
    ours = Addresses((("u+{message_id}@example.com", ""),))
    mail = read(plain(to=f"u+{ID}@example.com", more="").encode(), ours)
    assert (mail.kind, mail.message_ids) == (MailKind.UNSUBSCRIBE, (ID,))


def test_a_forwarded_bounce_is_its_forwarders() -> None:
    inner = (SAMPLES / "postfix-unknown.eml").read_text("utf-8")
    mail = understood(
        "Return-Path: <ada@example.net>\nFrom: ada@example.net\nSubject: what is this?\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="outer"\n\n--outer\n\n'
        f"See below.\n--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
    )
    assert mail.kind is MailKind.PERSON


def test_a_digest_is_of_what_was_sent() -> None:
    raw = (SAMPLES / "qmail-unknown.eml").read_bytes()
    delivered_elsewhere = raw.replace(
        b"Delivered-To: hello@example.com\n", b"Delivered-To: other@example.com\nStatus: RO\n"
    )
    by_pipe = b"From MAILER-DAEMON  Fri Nov 27 10:00:00 2026\n" + raw + b"\n"
    digests = {read(one, OURS).digest for one in (raw, delivered_elsewhere, by_pipe)}
    assert len(digests) == 1
    assert read(raw.replace(b"27 Nov", b"28 Nov"), OURS).digest not in digests
