"""Whose fault a refusal is, in the words of servers and providers."""

import pytest

from flowctl.smtpcodes import Blame, enhanced_code, reason_of

REPLIES = {
    Blame.MAILBOX: (
        "550 5.1.1 <ada>: Recipient address rejected: User unknown in relay recipient table",
        "550 5.2.1 This mailbox has been blocked due to inactivity",
        "550 Address not present in directory",
        "553 5.3.0 <ada@example.net>... Unknown E-mail address",
        "550 5.1.1 unknown or illegal alias: ada@example.net",
        "450 4.1.1 <ada>: unverified address: host mx.example[192.0.2.1] said: 554 Relay denied",
        "550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown in virtual mailbox",
        "550 Unrouteable address",
        "550 User <ada> unknown",
        "550 User <ada@example.net> unknown.",
        "550 No such user",
        "550 no such user here",
        "550 5.0.0 <ada@example.net>... User unknown",
        "550 5.1.0 <ada@example.net>: User unknown in local recipient table",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550-5.1.1 The email account that you tried to reach does not exist.\n5.1.1 Please try",
        "550 5.2.1 The email account that you tried to reach is disabled. q1-20020 - gsmtp",
        "553 sorry, no mailbox here by that name (#5.1.1)",
        "554 delivery error: dd This user doesn't have a yahoo.com account (ada@yahoo.com) [0]",
        "550 Mailbox not found",
        "550 relay1.example.net: no such recipient",
        "551 <ada@example.net> is not a known user",
        "550 The address ada@example.net could not be found",
        "550 #5.1.1 bad address",
    ),
    Blame.HOST: (
        "550 Unrouteable mail domain",
        "550 an MX or SRV record indicated no SMTP service",
        "550 5.1.2 <ada@example.net>... Host unknown (Name server: example.net: host not found)",
        "550 5.4.4 no such host",
        "550 Domain does not exist",
        "550 unknown domain",
    ),
    Blame.FULL: (
        "552 Requested mail action aborted: exceeded storage allocation",
        "550 User mailbox exceeds allowed size",
        "552 5.2.2 <ada@example.net>: user is over quota",
        "552 5.2.2 The email account that you tried to reach is over quota",
        "550 mailbox is full",
        "552 5.2.3 message exceeds the mailbox's limit",
    ),
    Blame.SIZE: (
        "523 Message length exceeds administrative limit",
        "534 SIZE=Message too big.",
        "552 5.3.4 Message size exceeds fixed limit",
        "552 Message size exceeds maximum permitted",
        "550 5.3.4 too large",
        "552 no",
    ),
    Blame.MESSAGE: (
        "554 5.6.0 bad content",
        "501 5.5.4 bad parameter",
    ),
    Blame.SENDER: (
        "550 5.7.27 Sender address has null MX",
        "550 Sender domain does not exist",
        "550 5.7.1 Sender unauthorized",
        "550 unverified domain",
        "553 5.5.4 <us>... Domain name required for sender address us",
        "550 Sender callout verification failed",
        "501 Syntax error in MAIL FROM",
        "550 5.4.6 Unusual sending activity detected.",
        "550 5.1.8 <us@example.com>: Sender address rejected: Domain not found",
        "450 4.1.8 <us@example.com>: Sender address rejected: Domain not found",
        "553 5.1.8 <us@example.com>... Domain of sender address us@example.com does not exist",
        "550 5.1.0 <us@example.com>: Sender address rejected: User unknown in local table",
        "550 5.1.1 <us@example.com>: Sender address rejected: undeliverable address",
        "451 4.1.8 Domain of sender address us@example.com does not resolve",
        "501 5.1.7 Invalid address",
        "550 5.1.8 Access denied, bad outbound sender AS(42004)",
        "553 5.7.1 <us@example.com>: Sender address rejected: not owned by user us",
        "550 Sender verify failed",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 SendAsDenied; us@example.com not allowed to send as ada@example.com",
        "550 The from address does not match a verified Sender Identity. Mail cannot be sent",
        "554 Message rejected: Email address is not verified. The following identities failed",
        "554 Message rejected: Sending paused for this account.",
        "550 5.7.1 The 'From' address you supplied is not a Sender Signature on your account.",
        "550 5.4.5 Daily user sending limit exceeded. For more information visit gsmtp",
        "550 5.2.2 Submission quota exceeded",
        "550 5.7.1 Your SMTP account is not yet activated",
        "454 Throttling failure: Daily message quota exceeded.",
    ),
    Blame.CLIENT: (
        "451 4.7.1 Please authenticate",
        "550-Please turn on SMTP Authentication in your mail client.",
        "454 4.7.1 <ada@example.net>: Relay access denied",
        "550 relay not permitted",
        "550 5.7.1 Unable to relay",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "530 5.7.0 Must issue a STARTTLS command first",
        "530 5.7.57 Client not authenticated to send mail",
        "550 SMTP AUTH is required for message submission on port 587",
        "503 5.5.1 Error: need AUTH command",
        "535 5.7.8 authentication failed",
        "538 5.7.11 Encryption required for requested authentication mechanism",
        "450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]",
        "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example.org",
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
    ),
    Blame.POLICY: (
        "550 Administrative prohibition",
        "550 Message rejected due to content restrictions",
        "554 5.7.1 Message rejected as spam by content filter",
        "550 5.1.1 User unknown: blocked using example block list",
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n5.7.26 no",
        "550-5.7.26 Gmail requires all senders to authenticate with either\n5.7.26 SPF or DKIM.",
        "550 5.7.1 no",
        "550 5.7.0 no",
    ),
    Blame.UNCLEAR: (
        "550 Invalid recipient: <ada@example.net>",
        "550 Requested action not taken: mailbox unavailable",
        "550 5.4.1 Recipient address rejected: Access denied",
        "550 5.1.0 Address rejected.",
        "450 4.7.1 <ada@example.net>: Recipient address rejected: Greylisted, see the policy page",
        "454 Throttling failure: Maximum sending rate exceeded.",
        "550 <relay-denied@unknown-user.example> no",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("blame", "reply"), [(blame, reply) for blame, replies in REPLIES.items() for reply in replies]
)
def test_a_reply_says_whose_fault_it_is(blame: Blame, reply: str) -> None:
    assert reason_of(reply[4:], int(reply[:3])).blame is blame


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no", "5.1.1"),
        ("5.1.1: no", "5.1.1"),
        ("#5.1.0 Address rejected.", "5.1.0"),
        ("no mailbox here (#5.1.1)", "5.1.1"),
        ("5.1.1.4 is an address", ""),
        ("I am 5.1.1 years old", ""),
        ("5.1.1", "5.1.1"),
        ("", ""),
    ],
)
def test_an_enhanced_code_is_found_where_servers_write_it(text: str, code: str) -> None:
    assert enhanced_code(text) == code


def test_a_code_is_told_from_words() -> None:
    assert reason_of("5.1.1 User unknown", 550).is_coded
    assert not reason_of("User unknown", 550).is_coded
    assert not reason_of("5.1.0 User unknown", 550).is_coded
