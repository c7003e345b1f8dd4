"""Delivery reports: what a server says became of a message, recipient by recipient.

The fields are those of RFC 3464 and RFC 6533, read by name out of the part's text. Where there is
no such part, a report is the text that older servers write (qmail's QSBMF and its likes).
"""

import re
import sys
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from flowctl.inbound.mime import Fields, Mail, blocks_of
from flowctl.inbound.model import RecipientReport, Verdict
from flowctl.inbound.reasons import LONGEST, judge

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")

_ADDRESS = re.compile(r"[^\s<>\"(),:;]{1,128}@[^\s<>\"(),:;]{1,255}")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")
_GIVEN_UP_LATE = "4.4.7"
_STILL_TRYING = re.compile(
    r"\bdelayed\b|will (?:be )?(?:retr|keep trying|continue)|still", re.IGNORECASE
)
_RETURNED = re.compile(
    r"^(?:-{2,} ?(?:below this line|this is a copy of|the (?:header|original|body)|original message"
    r"|unsent message|message header|start of)|(?:original )?message (?:headers )?follows"
    r"|original message headers|(?:return-path|received): ).*",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_NOTICE = 64 * 1024
"""Characters of what a report says to people that are looked at."""


def report_fields(mail: Mail) -> list[Fields] | None:
    """The blocks of the mail's delivery report, the message's own first; null where it has none.

    A report whose part has another type than it should is told by its fields.
    """
    parts = mail.parts_of(*STATUS_TYPES)
    if not parts and mail.report_type == "delivery-status":
        parts = [
            part
            for part in mail.parts
            if re.search(r"(?im)^(?:final-recipient|reporting-mta):", part.text)
        ]
    if not parts:
        return None
    return [block for part in parts for block in blocks_of(part.text)]


def recipients_of(mail: Mail, blocks: Sequence[Fields]) -> Iterator[RecipientReport]:
    """What a delivery report says about each recipient."""
    own = [block for block in blocks if any(name in block for name in _RECIPIENT_FIELDS)]
    own = own or [block for block in blocks if "action" in block or "status" in block]
    notice = notice_of(mail)
    named = [_addresses(block) for block in own]
    for block, addresses in zip(own, named, strict=True):
        others = frozenset().union(*named) - addresses
        near = text_near(notice, addresses, others)
        if not near and len(own) == 1:
            near = notice if "diagnostic-code" not in block else ""
        yield _recipient(block, addresses, near)


def notice_of(mail: Mail) -> str:
    """What a report says to people, without the returned message below it."""
    text = mail.text[:_LONGEST_NOTICE]
    found = _RETURNED.search(text)
    return text if found is None else text[: found.start()]


def text_near(text: str, addresses: frozenset[str], others: frozenset[str]) -> str:
    """The lines about a recipient: from the first that names it to an empty one, or to the first
    that begins with another recipient."""
    lines = text.lower().split("\n")
    starts = [n for n, line in enumerate(lines) if any(one in line for one in addresses)]
    if not starts:
        return ""
    end = starts[0] + 1
    while end < len(lines) and lines[end].strip():
        if any(lines[end].lstrip(" <\t").startswith(other) for other in others):
            break
        end += 1
    near = "\n".join(text.split("\n")[starts[0] : end])
    # the answer may stand below an empty line: "...:\n\n550 ..."
    if (
        near.rstrip().endswith((":", "."))
        and len(near.split("\n")) == 1
        and not re.search(r"\b[45]\d\d\b|[45]\.\d\.\d", near)
    ):
        following = re.split(r"\n[ \t]*\n", "\n".join(text.split("\n")[end:]).lstrip("\n"))
        near = f"{near}\n{following[0]}"
    return near


def text_recipients(mail: Mail) -> Iterator[RecipientReport]:
    """What the text of a server that writes no report says, recipient by recipient."""
    notice = notice_of(mail)
    failed = mail.headers.all("x-failed-recipients")
    named = [one.lower() for one in _ADDRESS.findall(" ".join(failed))]
    named += [
        one.lower()
        for one in re.findall(
            r"(?m)^[ \t]*[<\"']?([^\s<>\"']{1,128}@[^\s<>\"':]{1,255})[>\"']?:", notice
        )
    ]
    unique = list(dict.fromkeys(named))
    if not unique:
        yield _judged(frozenset(_ADDRESS.findall(notice.lower())[:1]), mail, notice)
        return
    for one in unique:
        near = text_near(notice, frozenset({one}), frozenset(unique) - {one})
        yield _judged(frozenset({one}), mail, near or notice)


def _judged(addresses: frozenset[str], mail: Mail, text: str) -> RecipientReport:
    reason = judge([_without_names(text)], "")
    is_delay = re.search(r"\bdelayed\b|warning|verz(?:ö|oe)gert", mail.subject, re.IGNORECASE)
    verdict = Verdict.DELAYED if is_delay and reason.verdict is Verdict.SOFT else reason.verdict
    return RecipientReport(addresses, verdict, reason.code, reason.words)


def _recipient(block: Fields, addresses: frozenset[str], near: str) -> RecipientReport:
    action = re.match(r"[a-z-]*", block.get("action").lower())
    status = _status(block.get("status"))
    diagnostic = re.sub(r"^[\w.-]+ ?;", "", block.get("diagnostic-code")).strip()[:LONGEST]
    reason = judge([diagnostic, _without_names(near)], status)
    code = reason.code or status
    words = diagnostic or reason.words
    match action.group() if action else "":
        case "delivered" | "relayed" | "expanded":
            return RecipientReport(addresses, Verdict.DELIVERED, status or code, words)
        case "delayed" if not _is_given_up(block, status, f"{diagnostic} {near}"):
            return RecipientReport(addresses, Verdict.DELAYED, code, words)
        case "" if status.startswith("2"):
            return RecipientReport(addresses, Verdict.DELIVERED, status, words)
        case _:
            return RecipientReport(addresses, reason.verdict, code, words)


def _is_given_up(block: Fields, status: str, words: str) -> bool:
    """OpenSMTPD says delayed, 4.4.7, when it gives a message up; Exchange says so of one that it
    goes on trying."""
    return (
        status == _GIVEN_UP_LATE
        and "will-retry-until" not in block
        and not _STILL_TRYING.search(words)
    )


def _status(value: str) -> str:
    found = _STATUS.search(value)
    return "" if found is None else ".".join(str(int(part)) for part in found.groups())


def _addresses(block: Fields) -> frozenset[str]:
    """All the names of a block's recipient, in lower case, as written and decoded (RFC 3461 section
    4, RFC 6533 section 3)."""
    found: set[str] = set()
    for value in block.all(*_RECIPIENT_FIELDS):
        written = value.partition(";")[2] or value
        address = written.strip().strip("<>").strip().lower()
        found |= {address, _xtext(address), _unicode(address)}
    return frozenset(found - {""})


def _xtext(text: str) -> str:
    return unquote(re.sub(r"\+([0-9a-f]{2})", r"%\1", text.replace("%", "%25")))


def _unicode(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        number = int(found[1], 16)
        return chr(number) if number <= sys.maxunicode else found[0]

    return re.sub(r"\\x\{([0-9a-f]{1,6})\}", character, text)


def _without_names(text: str) -> str:
    """A text without the recipients' names at the beginnings of its lines."""
    return re.sub(r"(?m)^[ \t]*[<\"']?[^\s<>\"']{1,128}@[^\s<>\"':]{1,255}[>\"']?:?", " ", text)
