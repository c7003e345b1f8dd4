"""Bounces in plain text, of servers that write no report."""

import pytest

from flowctl.inbound.model import MailKind, Verdict
from tests.support.inbound import ID, understood

TEXT = """Return-Path: <>
From: {sender}
To: hello@example.com
Subject: {subject}

{text}

Return-Path: <hello@example.com>
From: Acme <hello@example.com>
To: ada@example.net
Message-ID: <{{id}}@example.com>
Subject: Welcome

Hello
"""


@pytest.mark.parametrize(
    ("sender", "text", "verdict", "code"),
    [
        pytest.param(
            "MAILER-DAEMON <>",
            "This is the DragonFly Mail Agent v0.13 at app.example.com.\n\nThere was an error"
            " delivering your mail to <ada@example.net>.\n\nmx.example.net [192.0.2.25] did not"
            " like our RCPT TO:\n550 5.1.1 <ada@example.net>: User unknown\n\n"
            "Original message follows.",
            Verdict.HARD,
            "5.1.1",
            id="dma",
        ),
        pytest.param(
            '"Mail Delivery System" <mailer-daemon@kundenserver.example>',
            "This message was created automatically by mail delivery software.\n\nA message that"
            " you sent could not be delivered to one or more of\nits recipients. This is a"
            " permanent error. The following address\nfailed:\n\n"
            '"ada@example.net":\nSMTP error from remote server for RCPT TO command, host:'
            " mx.example.net (192.0.2.25) reason: 550 Unknown user\n\n"
            "--- The header of the original message is following. ---",
            Verdict.HARD,
            "550",
            id="kundenserver",
        ),
        pytest.param(
            "Mailer-Daemon@mail.example.org",
            "This message was created automatically by mail delivery software.\n\nA message that"
            " you sent could not be delivered to one or more of its\nrecipients. This is a"
            " permanent error. The following address(es) failed:\n\n  ada@example.net\n"
            "    Unrouteable address\n\n"
            "------ This is a copy of the message, including all the headers. ------",
            Verdict.HARD,
            "",
            id="exim-old",
        ),
        pytest.param(
            "MAILER-DAEMON@mail.example.org",
            "Hi. This is the qmail-send program at mail.example.org.\nI'm afraid I wasn't able to"
            " deliver your message to the following addresses.\nThis is a permanent error; I've"
            " given up. Sorry it didn't work out.\n\n<ada@example.net>:\nSorry, no mailbox here by"
            " that name. (#5.1.1)\n\n--- Below this line is a copy of the message.",
            Verdict.HARD,
            "5.1.1",
            id="qmail-local",
        ),
        pytest.param(
            "MAILER-DAEMON@mail.example.org",
            "Hi. This is the qmail-send program at mail.example.org.\n\n<ada@example.net>:\n"
            "Connected to 192.0.2.25 but sender was rejected.\nRemote host said: 553 5.1.8 sender"
            " domain not found\n\n--- Below this line is a copy of the message.",
            Verdict.REFUSED,
            "5.1.8",
            id="qmail-sender",
        ),
        pytest.param(
            "MAILER-DAEMON@mail.example.org",
            "<ada@example.net>:\nUser and password not set, continuing without authentication.\n"
            "192.0.2.25 failed after I sent the message.\nRemote host said: 451 4.3.0 try later\n"
            "I'm not going to try again; this message has been in the queue too long.\n\n"
            "--- Below this line is a copy of the message.",
            Verdict.SOFT,
            "4.3.0",
            id="qmail-queue",
        ),
        pytest.param(
            "postmaster@firma.example",
            "Ihre Nachricht an ada@example.net konnte nicht zugestellt werden.\n\n"
            "ada@example.net: Empfänger unbekannt",
            Verdict.HARD,
            "",
            id="german",
        ),
    ],
)
def test_a_bounce_in_plain_text_is_judged(
    sender: str, text: str, verdict: Verdict, code: str
) -> None:
    mail = understood(TEXT.format(sender=sender, text=text, subject="failure notice"))
    assert (mail.kind, mail.message_ids) == (MailKind.REPORT, (ID,))
    told = mail.report_on("ada@example.net")
    assert told is not None
    assert (told.verdict, told.code) == (verdict, code)


def test_without_the_null_return_path_a_daemons_text_is_no_bounce() -> None:
    text = TEXT.format(sender="postmaster@example.org", text="550 5.1.1 User unknown", subject="x")
    mail = understood(text.replace("Return-Path: <>", "Return-Path: <postmaster@example.org>", 1))
    assert mail.kind is MailKind.PERSON
