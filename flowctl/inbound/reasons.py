"""What a mail server's words say about a recipient that did not get a message.

Codes alone cut off living people: half of all servers report 5.0.0 for everything, some make 5.1.1
of a block list's refusal, and one that gives up after days may call that permanent. The rule for
one reply is that of ``smtpcodes``; here is what reports add to it: which of several sayings counts,
what is no verdict on the mailbox because it was temporary, and words of other languages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flowctl.inbound.model import Verdict
from flowctl.smtpcodes import Blame, reason_of

LONGEST = 3000
"""Characters of a server's words that are looked at."""

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_BASIC = re.compile(
    r"(?:^|(?:said|reason|error|returned|<<<|;|:) *)#?((?:2[0-5]|4[0-5]|5[0-7])\d)(?=[ \-#,;]|$)",
    re.IGNORECASE,
)
_USEFUL = re.compile(r"[245]\.[1-9]\d*\.\d+")

_VERDICTS = {
    Blame.MAILBOX: Verdict.HARD,
    Blame.HOST: Verdict.NO_HOST,
    Blame.FULL: Verdict.SOFT,
    Blame.UNCLEAR: None,
}
"""All other blames are the sender's."""
_SENDERS_FAULT = frozenset({Blame.SENDER, Blame.CLIENT, Blame.POLICY})

_PROSE = re.compile(r"<[^<>\s]*>|\S*[@/]\S*")
"""What is not: addresses and links may hold any word."""
_POLICY = re.compile(
    r"\bspamhaus\b|(?<!not )\blisted (?:at|by|in|on)\b|\bs31[45]0\b|\bsender\b|\bunauthenticated\b"
    r"|\brichtlinien?\b|\babsender|\bexp[ée]diteur|\bremitente\b|\bmittente\b|\bremetente\b"
    r"|спам|отправител|スパム|迷惑メール|垃圾",
    re.IGNORECASE,
)
_BACK_TO_SENDER = re.compile(
    r"\b(?:return\w*|back)(?: (?:mail|message|it))? to (?:the )?(?:sender|absender)", re.IGNORECASE
)
_NO_HOST_CODES = frozenset({"5.4.310"})  # Exchange Online's: the domain does not exist
_TEMPORARY = re.compile(
    r"\bexpired\b|\bretry time(?:out)? exceeded|\btimed? ?out\b|\btoo long in (?:the )?queue"
    r"|\bin the queue too long|\bvoll\b|\bpleine?\b|\bllen[ao]\b|\bpien[ao]\b|\bchei[ao]\b"
    r"|\bis vol\b|переполнен|いっぱい|已满|已滿",
    re.IGNORECASE,
)
_NO_HOST = re.compile(
    r"\bname service error|\bcouldn'?t find any host named|\bunknown mail server\b"
    r"|\bnon-?existent hosts\b|\bdomain name\b.{0,60}\bnot appear to be registered\b",
    re.IGNORECASE,
)
_NO_MAILBOX = re.compile(
    r"\b(?:couldn.t|could not|cannot|can.t) be found\b|\bnonexistent (?:user|mailbox|recipient)"
    r"|\b(?:account|mailbox|user) (?:is|has been)"
    r" (?:disabled|discontinued|deactivated|closed|deleted)"
    r"|\bnot listed in\b"
    r"|(?:benutzer|empf(?:ä|ae?)nger|adresse|postfach|nutzer)[^.;]{0,40}"
    r"(?:unbekannt|existiert nicht|nicht gefunden|gibt es nicht)|unbekannte[rs]? (?:benutzer|empf)"
    r"|(?:utilisateur|destinataire) inconnu|n.existe pas|adresse introuvable"
    r"|no existe\b|não existe|(?:non |in)esist(?:e\b|ente)|inexistente|(?:des|s)cono[sc]ciut[ao]"
    r"|desconhecid[ao]|desconocid[ao]|bestaat niet|onbekende? |\bonbekend\b|nie istnieje|nieznany"
    r"|neexistuje|finn?[es]s inte|findes ikke|finnes ikke|не (?:найден|существует)|неизвестн"
    r"|存在しません|見つかりません|不存在|존재하지 않",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    r"\bdom(?:ain|äne|aine|[ií]nio|inio|ein|en[ay])\b|домен|ドメイン|域名", re.IGNORECASE
)
"""In other languages a domain does not exist in the words in which a mailbox does not."""


@dataclass(frozen=True, slots=True)
class ReportedReason:
    """A verdict, the code that it rests on (else the first there is), and the server's words.

    ``is_certain``: a code or words decided; else it is soft for want of anything better.
    """

    verdict: Verdict
    code: str
    words: str
    is_certain: bool = True


def judge(sources: Sequence[str], status: str) -> ReportedReason:
    """The verdict of what is said about a recipient that did not get a message.

    ``sources`` are the server's words, the nearest to the truth first (Diagnostic-Code, then the
    text near the recipient); the first that has a code counts, and the Status field where none has.
    What a Status field adds to a bare SMTP code is believed only where it spares the address:
    servers make 5.1.1 of any 550.
    """
    texts = [" ".join(source[:LONGEST].split()) for source in sources if source.strip()]
    coded = next((source for source in texts if _codes(source)), None)
    by_status = [status] if _USEFUL.fullmatch(status) else []
    if coded is None:
        return _judged(" ".join(texts), by_status)
    reason = _judged(coded, _codes(coded))
    if not reason.is_certain and by_status:
        other = _judged("", by_status)
        if other.verdict not in {Verdict.HARD, Verdict.NO_HOST}:
            return ReportedReason(other.verdict, other.code, reason.words, other.is_certain)
    return reason


def _codes(text: str) -> list[str]:
    """The codes in a text: the enhanced ones in their order, then SMTP's own."""
    enhanced = [".".join(str(int(part)) for part in found) for found in _ENHANCED.findall(text)]
    return [*enhanced, *_BASIC.findall(text)]


def _judged(text: str, codes: Sequence[str]) -> ReportedReason:
    code = next((one for one in codes if _USEFUL.fullmatch(one)), next(iter(codes), ""))
    words = _BACK_TO_SENDER.sub(" ", _PROSE.sub(" ", _ENHANCED.sub(" ", text)))
    verdict = _verdict(words, code, is_temporary=any(one.startswith("4") for one in codes))
    return ReportedReason(verdict or Verdict.SOFT, code, text, verdict is not None)


def _verdict(words: str, code: str, *, is_temporary: bool) -> Verdict | None:
    """The verdict, or null where neither words nor code say anything."""
    reason = reason_of(f"{code} {words}", int(code) if code.isdecimal() else None)
    if _POLICY.search(words) or (reason.blame in _SENDERS_FAULT and not reason.is_coded):
        return Verdict.REFUSED
    if is_temporary or (not reason.is_coded and _TEMPORARY.search(words)):
        return Verdict.SOFT
    if code in _NO_HOST_CODES:
        return Verdict.NO_HOST
    return _VERDICTS.get(reason.blame, Verdict.REFUSED) or _by_words(words)


def _by_words(words: str) -> Verdict | None:
    if _NO_HOST.search(words):
        return Verdict.NO_HOST
    if not _NO_MAILBOX.search(words):
        return None
    return Verdict.NO_HOST if _DOMAIN.search(words) else Verdict.HARD
