"""Whose fault a refused email is, told from a server's code and words.

The one judgement for replies while sending and for reports that come back. Sources: RFC 3463 and
the IANA registry that continues it (enhanced codes), RFC 4954 and RFC 3207 (login and encryption),
RFC 7372 (5.7.20 to 5.7.29), and the replies of Postfix, Exim, Sendmail, Courier, OpenSMTPD, qmail,
Exchange, Gmail, SES, SendGrid, Postmark, Mailgun and Brevo.

Words about the sender, about us and about policy go before any code: servers put 5.1.1 in front of
them as well. A code that says something goes before all other words.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """What a refusal is about."""

    MAILBOX = "mailbox"
    """The recipient's mailbox does not exist, or takes no mail any more."""
    HOST = "host"
    """The recipient's domain does not exist, or takes no mail."""
    FULL = "full"
    """The mailbox is full, or takes nothing this large."""
    SIZE = "size"
    """This message is too large for the server."""
    MESSAGE = "message"
    """This message: its syntax, its encoding, its content."""
    SENDER = "sender"
    """The sender's address or account, and so every message."""
    CLIENT = "client"
    """Who hands the message over: no login, no right to relay, a host that is refused."""
    POLICY = "policy"
    """Spam, block lists, SPF, DKIM, DMARC: the sender's fault, perhaps for this message only."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reason:
    """What a refusal is about, and whether a code says so (else it is read out of words)."""

    blame: Blame
    is_coded: bool = False


_ENHANCED = re.compile(
    r"#?([245]\.\d{1,3}\.\d{1,3})(?=[\s:;,\-]|$)|.*\(#([245]\.\d{1,3}\.\d{1,3})\)"
)

_BY_CODE = {
    "1.1": Blame.MAILBOX,   # bad destination mailbox address
    "1.2": Blame.HOST,      # bad destination system address
    "1.3": Blame.MAILBOX,   # bad destination mailbox address syntax
    "1.6": Blame.MAILBOX,   # mailbox has moved, no forwarding address
    "1.7": Blame.SENDER,    # bad sender's mailbox address syntax
    "1.8": Blame.SENDER,    # bad sender's system address
    "1.10": Blame.MAILBOX,  # recipient address has a null MX (RFC 7505)
    "2.1": Blame.MAILBOX,   # mailbox disabled, not accepting messages
    "2.2": Blame.FULL,      # mailbox full
    "2.3": Blame.FULL,      # message length exceeds the mailbox's limit
    "3.4": Blame.SIZE,      # message too big for the system
    "4.4": Blame.HOST,      # unable to route: no such host
    "7.8": Blame.CLIENT,    # authentication credentials invalid
    "7.9": Blame.CLIENT,    # authentication mechanism is too weak
    "7.11": Blame.CLIENT,   # encryption required for the mechanism
    "7.27": Blame.SENDER,   # sender address has a null MX (RFC 7505)
    "7.57": Blame.CLIENT,   # Exchange: client not authenticated
    "7.60": Blame.SENDER,   # Exchange: no permission to send as this sender
    "7.64": Blame.CLIENT,   # Exchange: relay access denied
}  # fmt: skip
"""By subject and detail of RFC 3463, whatever the class."""

_BY_SUBJECT = {"5": Blame.MESSAGE, "6": Blame.MESSAGE, "7": Blame.POLICY}

_LOGIN_CODES = frozenset({530, 534, 535, 538})
"""RFC 4954: authentication required, too weak, refused, or only under encryption."""
_TOO_LARGE = 552
"""RFC 1870 section 6.1."""

_NO_PROSE = re.compile(r"<[^>]*>|\S*[@/]\S*|\S*\w\.\w\S*|\S*\d\S*")
"""Addresses, host names, queue ids and codes: they may hold any word."""


_PROBED = re.compile(r"(?<=\baddress: )host\b.*\bsaid: .*")
"""What another server said when Postfix looked whether an address exists: nothing about us."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_ABOUT_GREYLISTING = _any_of(r"gr[ea]y.?list")
_ABOUT_SIZE = _any_of(
    r"\bsize\b",
    r"\btoo (?:big|large)\b",
    r"\bmessage (?:is |length )?too long\b",
    r"\bmessage length exceeds\b",
)  # fmt: skip
_ABOUT_CLIENT = _any_of(
    r"\brelay(?:ing|ed|s)?\b(?! recipient table)",  # of Postfix, where the recipient is looked up
    r"\brcpthosts\b",
    r"\bauth(?:entication)? (?:is )?(?:required|needed|first)\b",
    r"\b(?:needs?|requires?) (?:smtp )?auth(?:entication)?\b",
    r"\bsmtp auth(?:entication)?\b",
    r"\b(?:must|please) (?:first )?(?:authenticate|log ?in|issue (?:a )?starttls)\b",
    r"\bnot (?:authenticated|logged in)\b",
    r"\bclient (?:host )?(?:is |was )?(?:rejected|blocked|denied)\b",
    r"\bhelo (?:command |name )?(?:is |was )?(?:rejected|denied|refused)\b",
    r"\binvalid helo\b",
)  # fmt: skip
_ABOUT_SENDER = _any_of(
    r"\bsender (?:address |domain |e-?mail |verif\w+ |is |was |has been |not |isn't )*"
    r"(?:rejected|denied|refused|unknown|invalid|valid|verified|failed|found|allowed"
    r"|(?:un)?authori[sz]ed"
    r"|owned|permitted|registered|suspended|disabled)\b",
    r"\b(?:invalid|bad|unauthori[sz]ed|unknown|unverified|rejected|verified|outbound) sender\b",
    r"\bdomain of sender\b|\bsender(?:'s)? domain\b|\bunverified domain\b|\bdomain name required\b",
    r"\bsender (?:verif\w+ )?callout\b|\b(?:in|bad|invalid) mail from\b",
    r"\bsender (?:identity|signature)\b",
    r"\b(?:envelope|from['\"]?) address\b",
    r"\b(?:return|reverse)[- ]path\b",
    r"\bsend ?as\b",
    r"\bsend on behalf\b",
    r"\bnot (?:allowed|authori[sz]ed|permitted) to send\b",
    r"\bpermissions? to send\b",
    r"\b(?:address|domain|identity)(?: is| has)? not (?:been )?verified\b",
    r"\byour (?:smtp )?account\b",
    r"\bsending (?:is |has been )?(?:paused|suspended|disabled)\b",
    r"\b(?:daily|hourly|monthly|sending|submission|outbound)\b.{0,20}\b(?:quota|limit|credits)\b",
    r"\bmaximum credits\b|\bunusual sending\b",
)  # fmt: skip
_ABOUT_POLICY = _any_of(
    r"\bspam\w*",
    r"\bjunk\b",
    r"\b(?:block|black|deny)[- ]?list\w*",
    r"\bblocked\b(?! (?:due to|for|because of) inactivity)",
    r"\b(?:rbl|dnsbl|spf|dkim|dmarc)\b",
    r"\bpolic(?:y|ies)\b",
    r"\breputation\b",
    r"\b(?:virus|malware)\b",
    r"\bphish\w*",
    r"\bunsolicited\b",
    r"\bbanned\b",
    r"\bprohibit(?:ed|ion)\b",
    r"\bcontent (?:restriction|filter|rejected)|\b(?:rejected|restricted) .{0,15}\bcontent\b",
    r"\breverse dns\b|\brdns\b|\bptr\b",
    r"\bmessages from .{0,40}weren't sent\b|\bask your postmaster\b",  # Outlook.com, T-Online
)  # fmt: skip
_ABOUT_FULL = _any_of(
    r"\bquota\b",
    r"\b(?:mail ?box|inbox) (?:is )?(?:full|exceeds)\b",
    r"\bmailboxfull\b",
    r"\bover limit\b",
    r"\b(?:out of|exceed\w*) (?:storage|disk|space)\b",  # RFC 5321 section 4.2.2, of 552
)  # fmt: skip
_NOT = r"(?:\bnot\b|n't\b)"
_ABOUT_HOST = _any_of(
    r"\b(?:domain|host)(?: name)? (?:is ?|was ?|does ?)?"
    rf"(?:unknown|invalid|{_NOT} (?:found|exist))",
    r"\b(?:no such|unknown|non-?existent|unrouteable)(?: mail)? (?:host|domain)s?\b",
    r"\bno smtp service\b|\bdoes not accept mail\b(?! from)",  # RFC 7505, Exim's and Postfix's
)  # fmt: skip
_WHO = r"(?:user|recipient|mail ?box|address|addressee|account)"
_ABOUT_MAILBOX = _any_of(
    rf"\b{_WHO} (?:is |was |has been )?"
    r"(?:unknown|disabled|inactive|deactivated|closed|terminated)\b",
    r"\bblocked (?:due to|for|because of) inactivity\b",
    rf"\bunknown (?:local |e-?mail )?{_WHO}\b",
    r"\bunknown or illegal alias\b",
    rf"\bno such (?:local )?(?:{_WHO}|person)\b",
    rf"\b{_WHO} .{{0,20}}{_NOT} (?:be )?(?:found|exist|known)",
    rf"{_NOT} exist\b",
    r"\bno (?:mail ?box|user|account|recipient) (?:here|by|with|found)\b",
    rf"{_NOT} (?:have )?an? (?:known |valid )?{_WHO}\b",
    rf"{_NOT} have an? .{{0,20}}\baccount\b",
    r"\bno longer (?:valid|exists?|active|in use|available|here|with|works?|accepts)\b",
    r"\bnot (?:available any ?more|(?:present )?in (?:the |our )?(?:local table|directory))\b",
    r"\bunrouteable address\b",
)  # fmt: skip


def enhanced_code(text: str) -> str:
    """The code of RFC 3463 at the start of a reply's text, or as qmail writes it; or nothing."""
    found = _ENHANCED.match(text)
    return (found[1] or found[2]) if found else ""


def reason_of(text: str, code: int | None = None) -> Reason:
    """What a refusal is about: its text (with the enhanced code, if any) and its basic code."""
    _, _, detail = enhanced_code(text).partition(".")
    words = " ".join(_NO_PROSE.sub(" ", text.lower()).split())
    if _ABOUT_GREYLISTING.search(words):
        return Reason(Blame.UNCLEAR)
    if code in _LOGIN_CODES:
        about_size = _ABOUT_SIZE.search(words)
        return Reason(Blame.SIZE if about_size else Blame.CLIENT, is_coded=not about_size)
    if _ABOUT_CLIENT.search(_PROBED.sub("", words)):
        return Reason(Blame.CLIENT)
    for pattern, blame in ((_ABOUT_SENDER, Blame.SENDER), (_ABOUT_POLICY, Blame.POLICY)):
        if pattern.search(words):
            return Reason(blame)
    coded = _BY_CODE.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])
    if coded is not None and not detail.endswith(".0"):
        return Reason(coded, is_coded=True)
    for pattern, blame in (
        (_ABOUT_FULL, Blame.FULL), (_ABOUT_SIZE, Blame.SIZE),
        (_ABOUT_HOST, Blame.HOST), (_ABOUT_MAILBOX, Blame.MAILBOX),
    ):  # fmt: skip
        if pattern.search(words):
            return Reason(blame)
    if coded is not None:
        return Reason(coded, is_coded=True)
    return Reason(Blame.SIZE if code == _TOO_LARGE else Blame.UNCLEAR)
