"""Merge fields that cannot be what was meant: names of no column, and those of other systems."""

import re
from collections.abc import Iterable, Iterator

from flowctl.template import Template
from flowctl.template.context import RESERVED
from flowctl.text import nearest

_LIQUID = re.compile(r"\{\{[^{}]*\}\}|\{%(?:[^{}%]|%(?!\}))*%\}")
_FOREIGN = tuple(
    re.compile(pattern)
    for pattern in (
        r"\*\|([A-Za-z_][\w:.]*)\|\*",  # Mailchimp
        r"\{(?:contact|lead)field=([\w.]+)[^{}]*\}",  # Mautic
        r"%%([A-Za-z_][\w. ]*)%%",  # Salesforce Marketing Cloud
        r"(?<!%)%([A-Z_][A-Z0-9_]{2,})%(?!%)",  # ActiveCampaign; not what a URL escapes
        r"\[\[\s*([A-Za-z_][\w. ]*)\s*\]\]",  # GetResponse, Constant Contact
        r"\{!(?:\w+\.)?([A-Za-z_]\w*)\}",  # Salesforce
        r"(?:\{\$|\$\{)([A-Za-z_]\w*)\}",  # MailerLite, and many programs
        r"<%=?\s*([A-Za-z_][\w.]*)\s*%>",
    )
)
# Of many systems; and what people put into brackets, or quote.
_LONE_NAME = re.compile(r"(?<![\w$%{[])[{[\u00ab]([A-Za-z_][\w ]*)[}\]\u00bb](?![}\](])")
_PREFIXES = ("contact", "lead", "subscriber", "customer", "user", "person", "recipient")
_OTHER_NAMES = {
    "name": "firstname",
    "fname": "firstname",
    "lname": "lastname",
    "surname": "lastname",
    "givenname": "firstname",
    "familyname": "lastname",
    "mail": "email",
    "emailaddress": "email",
    "phonenumber": "phone",
    "mobile": "phone",
    "mobilephone": "phone",
    "sms": "phone",
}


def unknown_fields(template: Template, columns: Iterable[str]) -> list[str]:
    """The merge fields, as they are written, whose name is no column and none of ours."""
    known = {*columns, *RESERVED}
    return [".".join(field) for field in template.fields if field[0] not in known]


def foreign_fields(source: str, columns: Iterable[str]) -> list[tuple[str, str | None]]:
    """What looks like another system's merge field, as it is written, each with the column that it
    probably means. A lone name in braces counts only where there is such a column."""
    known = list(columns)
    found: dict[str, str | None] = {}
    text = _LIQUID.sub("", source)
    for pattern in _FOREIGN:
        for match in pattern.finditer(text):
            found.setdefault(match[0], nearest_column(match[1], known))
    for match in _LONE_NAME.finditer(text):
        if column := _column_of(match[1], known):
            found.setdefault(match[0], column)
    return list(found.items())


def nearest_column(name: str, columns: Iterable[str]) -> str | None:
    """The column that a name probably means, whatever its case, underscores and prefix; null where
    none is like it."""
    known = list(columns)
    if column := _column_of(name, known):
        return column
    by_letters = {_letters(column): column for column in known}
    close = nearest(_letters(name.rpartition(".")[2]), by_letters)
    return None if close is None else by_letters[close]


def _column_of(name: str, columns: Iterable[str]) -> str | None:
    """The column that a name is written for; null where there is none."""
    by_letters = {_letters(column): column for column in columns}
    return next((by_letters[one] for one in _readings(name) if one in by_letters), None)


def _readings(name: str) -> Iterator[str]:
    """The letters of a name, of its last part, and without a prefix; each by its other name too."""
    whole, last = _letters(name), _letters(name.rpartition(".")[2])
    bare = next((last[len(prefix) :] for prefix in _PREFIXES if last.startswith(prefix)), "")
    for written in (whole, last, bare):
        yield written
        yield _OTHER_NAMES.get(written, "")


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
