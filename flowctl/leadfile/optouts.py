"""How a file says no: that an address must not be written to."""

from collections.abc import Sequence

from flowctl.leadfile.cells import fold, words
from flowctl.model import Channel

_SAYS_NO = (
    "optout", "optedout", "optingout", "unsub", "blacklist", "blocklist", "blocked", "bounce",
    "complain", "suppress", "donot", "dontcall", "dontcontact", "dontemail", "nocontact", "nocall",
    "noemail", "nosms", "nomail", "abuse", "spam", "denylist", "cleaned", "globaloptout", "revoked",
    "quarantined", "undeliverable", "invalidemail", "removed",
    "abgemeldet", "abbestellt", "abmeldung", "widerspruch", "widerrufen", "gesperrt", "sperrliste",
    "unzustellbar", "keinewerbung", "keinenewsletter", "keinkontakt",
    "desabonne", "desinscri", "opposition", "nepascontacter", "listenoire",
    "nocontactar", "noenviar", "dadodebaja", "desuscri", "cancelado", "listanegra", "rebotado",
    "descadastr", "disiscri", "noncontattare", "afgemeld", "uitgeschreven", "avregistr",
    "wypisan", "отписа", "退订", "配信停止", "수신거부",
)  # fmt: skip
"""Parts of a folded header or value that say no."""

_SAYS_NO_WORDS = frozenset({"dnc", "dnd", "clean", "baja", "optoutdate", "inactive", "unreachable"})
"""Whole words of a header that say no; "clean" is how Mailchimp's file of bounced ones says it."""

_SAYS_NO_VALUES = frozenset({
    "unsubscribed", "unsubscribe", "blocklisted", "blacklisted", "blocked", "bounced", "bounce",
    "hardbounced", "hardbounce", "softbounced", "cleaned", "optedout", "optout", "optedoutbyuser",
    "complained", "complaint", "spam", "spamcomplaint", "markedasspam", "abuse", "suppressed",
    "donotcontact", "donotemail", "donotmail", "donotcall", "donottext", "donotsms", "dnc",
    "archivedunsubscribed", "undeliverable", "revoked", "withdrawn",
    "abgemeldet", "abbestellt", "gesperrt", "widersprochen", "widerrufen", "unzustellbar",
    "desabonne", "desinscrit", "dadodebaja", "baja", "desuscrito", "rebotado", "descadastrado",
    "disiscritto", "uitgeschreven", "afgemeld", "avregistrerad", "wypisany", "отписан", "отписался",
})  # fmt: skip
"""Folded values of a column of states that say no."""

_STATES = ("status", "statut", "subscription", "статус")
_CONSENTS = (
    "optin", "optedin", "consent", "subscribed", "acceptsmarketing",
    "acceptsemail", "acceptssms", "marketingpermission", "permission", "agreed", "doubleoptin",
    "einwilligung", "zustimmung", "newsletter", "consentement", "abonne", "consentimiento",
    "consenso", "toestemming",
)  # fmt: skip
_ABOUT = frozenset({
    "time", "date", "at", "on", "when", "timestamp", "reason", "other", "note", "notes", "comment",
    "id", "campaign", "title", "ip", "count", "by", "source", "details", "datum", "zeit", "grund",
    "fecha", "motivo", "raison",
})  # fmt: skip
"""Words of a header that tells when or why, not whether."""

_NEGATIVES = frozenset({
    "", "no", "n", "false", "f", "0", "00", "off", "nein", "falsch", "non", "faux", "falso", "nao",
    "nee", "nej", "nei", "ei", "nie", "ne", "нет", "否", "いいえ", "아니오",
})  # fmt: skip

_EMAIL = ("email", "mail", "courriel", "correo", "posta", "newsletter", "почт", "邮", "メール")
_TEXT = ("sms", "phone", "mobile", "cell", "telefon", "telephone", "handy", "whatsapp", "телефон")
_TEXT_WORDS = frozenset({"text", "texts", "texting", "call", "calls", "tel", "mms", "mobil"})


def says_no(header: str) -> bool:
    """Whether a header is about addresses that must not be written to."""
    folded = fold(header)
    return any(part in folded for part in _SAYS_NO) or not _SAYS_NO_WORDS.isdisjoint(words(header))


def is_flag(header: str) -> bool:
    """Whether a column tells which rows say no, or in which state each is; not when or why."""
    if not _ABOUT.isdisjoint(words(header)):
        return False
    return says_no(header) or is_state(header) or is_consent(header)


def is_state(header: str) -> bool:
    """Whether a column's values may say no by a word, such as ``blocklisted``."""
    return not set(_STATES).isdisjoint(words(header))


def is_consent(header: str) -> bool:
    """Whether a column's values may say no by denying: ``Accepts Marketing`` by ``no``."""
    folded = fold(header)
    return any(part in folded for part in _CONSENTS) and _ABOUT.isdisjoint(words(header))


def value_says_no(value: str) -> bool:
    """Whether a value of a column of states says no."""
    return fold(value) in _SAYS_NO_VALUES


def denies(value: str) -> bool:
    """Whether a value is a no, and not just empty."""
    folded = fold(value)
    return folded != "" and folded in _NEGATIVES


def channels_of(header: str) -> tuple[Channel, ...]:
    """The channels that a header's words name; both where they name none."""
    folded, parts = fold(header), words(header)
    email = any(part in folded for part in _EMAIL)
    text = any(part in folded for part in _TEXT) or not _TEXT_WORDS.isdisjoint(parts)
    if email == text:
        return (Channel.EMAIL, Channel.TEXT)
    return (Channel.EMAIL,) if email else (Channel.TEXT,)


def matches(value: str, wanted: Sequence[str]) -> bool:
    """Whether a cell says what is looked for; without ``wanted`` all that is not a no."""
    folded = fold(value)
    if not wanted:
        return folded not in _NEGATIVES
    return value.casefold() in wanted or folded in wanted
