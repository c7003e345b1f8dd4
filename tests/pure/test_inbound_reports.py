"""Delivery reports: what the server says of a mail decides, by its codes and by its words."""

import pytest

from flowctl.inbound.model import MailKind, Verdict
from tests.support.inbound import ID, understood

REPORT = """Return-Path: <>
From: {sender}
To: bounces+{{id}}@example.com
Subject: {subject}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain; charset=utf-8

{text}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

{block}

--b--
"""


def report(
    block: str, text: str = "It did not work.", sender: str = "postmaster@example.org"
) -> str:
    return REPORT.format(block=block, text=text, sender=sender, subject="Undeliverable")


@pytest.mark.parametrize(
    ("block", "verdict", "code"),
    [
        pytest.param(
            "Final-Recipient: rfc822;ada@example.net\nAction: failed\nStatus: 5.1.10\n"
            "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found",
            Verdict.HARD,
            "5.1.10",
            id="exchange-online",
        ),
        pytest.param(
            "Final-recipient: RFC822; ada@example.net\nAction: failed\nStatus: 5.1.1\n"
            "X-Display-Name: Ada",
            Verdict.HARD,
            "5.1.1",
            id="exchange-without-diagnostic",
        ),
        pytest.param(
            "Original-Recipient: rfc822;ada@example.net\nFinal-Recipient: rfc822;ada@example.net\n"
            "Action: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp;554 5.2.2 mailbox full;\n"
            " STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
            Verdict.SOFT,
            "5.2.2",
            id="exchange-full",
        ),
        pytest.param(
            "Final-Recipient: rfc822;ada@example.net\nAction: delayed\nStatus: 4.4.7\n"
            "Diagnostic-Code: smtp;400 4.4.7 Message delayed\n"
            "Will-Retry-Until: Sat, 28 Nov 2026 09:38:22 +0000",
            Verdict.DELAYED,
            "4.4.7",
            id="exchange-delayed",
        ),
        pytest.param(
            "Final-Recipient: rfc822; ada@example.net\nAction: delayed\nStatus: 4.4.7\n"
            "Diagnostic-Code: smtp; Delivery time expired",
            Verdict.SOFT,
            "4.4.7",
            id="opensmtpd-gave-up",
        ),
        pytest.param(
            "Final-Recipient: rfc822; ada@gmail.example\nAction: failed\nStatus: 5.1.1\n"
            "Remote-MTA: dns; gmail-smtp-in.l.google.com. (2a00:1450:400c:c00::1b, the server for"
            " the domain gmail.example.)\nDiagnostic-Code: smtp; 550-5.1.1 The email account that"
            " you tried to reach does not exist.\n Please try 550-5.1.1 double-checking the"
            " recipient's email address for typos or\n 550-5.1.1 unnecessary spaces. For more"
            " information, go to\n 550 5.1.1 https://support.google.com/mail/?p=NoSuchUser gsmtp",
            Verdict.HARD,
            "5.1.1",
            id="gmail",
        ),
        pytest.param(
            "Final-Recipient: rfc822; ada@example.net\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: SMTP; 550 Rejected: 192.0.2.1 listed at zen.spamhaus.org",
            Verdict.REFUSED,
            "550",
            id="sendmail-block-list",
        ),
        pytest.param(
            "Final-Recipient: rfc822; ada@example.net\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: SMTP; 550 Requested action not taken: mailbox unavailable",
            Verdict.SOFT,
            "550",
            id="sendmail-bare-550",
        ),
        pytest.param(
            "Final-Recipient: rfc822; spam-sender@policy.example\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <spam-sender@policy.example>: User unknown",
            Verdict.HARD,
            "5.1.1",
            id="words-in-an-address",
        ),
        pytest.param(
            "Final-Recipient: rfc822; ada@nodomain.invalid\nAction: failed\nStatus: 5.4.4\n"
            "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for\n"
            "    name=nodomain.invalid type=AAAA: Host not found",
            Verdict.NO_HOST,
            "5.4.4",
            id="postfix-no-host",
        ),
        pytest.param(
            "Final-Recipient: rfc822; unknown@mx.example.org\nAction: failed\nStatus: 5.1.1\n"
            'Diagnostic-Code: X-Postfix; unknown user: "unknown"',
            Verdict.HARD,
            "5.1.1",
            id="postfix-local",
        ),
        pytest.param(
            "Final-Recipient: RFC822; ada@example.net\nAction: relayed (to non-DSN-aware mailer)\n"
            "Status: 2.1.5\nRemote-MTA: DNS; mx.example.net",
            Verdict.DELIVERED,
            "2.1.5",
            id="sendmail-relayed",
        ),
        pytest.param(
            "Final-Recipient: rfc822; list@example.net\nAction: expanded\nStatus: 2.0.0",
            Verdict.DELIVERED,
            "2.0.0",
            id="expanded",
        ),
        pytest.param(
            "Action: FAILED\nStatus: 5.0.0 (permanent failure)\n"
            "Final-Recipient: rfc822;ada@example.net\nDiagnostic-Code: smtp; 550 User <a> unknown",
            Verdict.HARD,
            "550",
            id="courier-words",
        ),
        pytest.param(
            "Final-Recipient: rfc822;ada@example.net\nAction: failed\nStatus: 5.4.1\n"
            "Diagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied.",
            Verdict.SOFT,
            "5.4.1",
            id="anything-else",
        ),
    ],
)
def test_a_report_is_judged_by_what_the_server_said(
    block: str, verdict: Verdict, code: str
) -> None:
    mail = understood(report(block))
    assert (mail.kind, mail.message_ids) == (MailKind.REPORT, (ID,))
    told = mail.report_on("somebody@else.example")
    assert told is not None
    assert (told.verdict, told.code) == (verdict, code)


def test_of_several_recipients_the_one_that_names_ours_counts() -> None:
    mail = understood(
        report(
            "Final-Recipient: rfc822; ada@example.net\nAction: failed\nStatus: 5.1.1\n\n"
            "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2"
        )
    )
    ada, bob = mail.report_on("ADA@example.net"), mail.report_on("bob@example.net")
    assert ada is not None
    assert bob is not None
    assert (ada.verdict, bob.verdict) == (Verdict.HARD, Verdict.SOFT)
    assert mail.report_on("eve@example.net") is None


def test_a_global_report_in_base64_is_read() -> None:
    import base64

    block = (
        "Reporting-MTA: dns; mx.example.org\n\n"
        "Original-Recipient: utf-8;ad\\x{E4}@example.net\n"
        "Final-Recipient: utf-8; adä@example.net\nAction: failed\nStatus: 5.1.1\n"
    )
    encoded = base64.encodebytes(block.encode()).decode()
    text = report("x: y").replace(
        "message/delivery-status\n",
        "message/global-delivery-status\nContent-Transfer-Encoding: base64\n",
    )
    head, _, _ = text.partition("Reporting-MTA")
    mail = understood(f"{head}{encoded}\n--b--\n")
    told = mail.report_on("adä@example.net")
    assert told is not None
    assert told.verdict is Verdict.HARD
    assert told.addresses >= {"adä@example.net"}


def test_a_report_without_the_empty_line_between_its_blocks_is_read() -> None:
    text = report("Final-Recipient: rfc822; ada@example.net\nAction: failed\nStatus: 5.1.1")
    mail = understood(text.replace("mx.example.org\n\nFinal", "mx.example.org\nFinal"))
    assert [one.verdict for one in mail.recipients] == [Verdict.HARD]


def test_the_envelope_may_be_told_by_who_hands_the_mail_over() -> None:
    text = "From: MAILER-DAEMON@mx.example.org\nSubject: failed\n\n<ada@example.net>:\n550 5.1.1\n"
    mail = understood(text, sender="", recipients=(f"alias-bounces-{ID}@example.com",))
    assert (mail.kind, mail.message_ids) == (MailKind.REPORT, (ID,))
    mail = understood("From MAILER-DAEMON  Fri Nov 27 10:00:00 2026\n" + text)
    assert (mail.kind, mail.message_ids) == (MailKind.REPORT, ())
