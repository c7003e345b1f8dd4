"""What a reply by text asks for: to hear no more, to hear again, or something that a person reads.

The words of an opt-out are those that Twilio acts on by default
(https://help.twilio.com/articles/223134027) and those of the US rule in force since April 2025 (47
CFR 64.1200(a)(10)), which takes no notice of case and punctuation. Beside them may stand what
people add to such a word, and nothing else: "don't stop" is none.
"""

import re
import unicodedata
from enum import StrEnum


class Wish(StrEnum):
    """What a reply asks for."""

    STOP = "stop"
    START = "start"
    OTHER = "other"


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STOP = frozenset({
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
})  # fmt: skip
_START = frozenset({"start", "yes", "unstop"})

_PHRASES = re.compile(
    r"\b(?:opt(?:ing)? (?:me |us )?out|remove (?:me|us)|take (?:me|us) off|un ?sub(?:scribe)?)\b"
)
"""More than one word for an opt-out."""

_ALONE = frozenset({"stop", "stopall", "unsubscribe", "optout", "revoke"})
"""Words that say enough as a sentence of their own, whatever follows it."""

_COURTESIES = _set_of("""
    please pls plz plse kindly hi hello hey ok okay yes no just sorry dear can could would will you
    u i id like want wish to now immediately asap thanks thank thankyou thx tks ty cheers regards
    kind best so much very many have a nice good great day evening weekend bye goodbye sir madam
    maam and
""")
_MESSAGES = _set_of("""
    all any these those them my our your me us consent service services subscription text texts
    texting message messages msg msgs messaging sms sending receiving from
""")
_ANYTHING = _set_of("""
    it this that everything contacting writing spamming bothering list lists number phone more
    again right away today
""")
"""What people say is to stop; the last only beside a word that leaves no doubt: "cancel it" may be
about an appointment."""

_SENTENCE_END = re.compile(r"[.!?;\n]+")
_APOSTROPHES = re.compile(r"['\u2019\u02bc`]")


def wish_of(reply: str) -> Wish:
    """What a reply asks for. Case, quotes, punctuation and emoji do not matter."""
    text = unicodedata.normalize("NFKC", reply).casefold()
    words = _words(text)
    if len(words) == 1 and words[0] in _START:
        return Wish.START
    first = next((part for part in map(_words, _SENTENCE_END.split(text)) if part), [])
    if _is_opt_out(words) or (len(first) == 1 and first[0] in _ALONE):
        return Wish.STOP
    return Wish.OTHER


def _is_opt_out(words: list[str]) -> bool:
    found = _STOP.intersection(words)
    added = _COURTESIES | _MESSAGES
    if found & _ALONE:
        added |= _ANYTHING
    return bool(found) and (found | added).issuperset(words)


def _words(text: str) -> list[str]:
    spoken = " ".join(re.findall(r"\w+", _APOSTROPHES.sub("", text).replace("_", " ")))
    return _PHRASES.sub("optout", spoken).split()
