"""What is wrong with an audience or an exit rule: it names no column, or can never be true.

A condition is true where a lead's row, as JSON, contains it (PostgreSQL's ``@>``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from flowctl.jsonvalues import to_json
from flowctl.model import JsonKind, JsonObject, LeadColumn
from flowctl.template.mergefields import nearest_column

_NOUNS: Mapping[JsonKind, str] = {
    JsonKind.TEXT: "texts",
    JsonKind.NUMBER: "numbers",
    JsonKind.BOOLEAN: "true and false",
    JsonKind.LIST: "lists",
    JsonKind.OBJECT: "objects",
    JsonKind.ANY: "JSON",
}


_FORMS: Mapping[str, tuple[str, str]] = {
    "integer": ("whole numbers", r"-?\d+(\.0+)?"),
    "uuid": ("UUIDs in lower case", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date": ("dates such as 2026-03-02", r"\d{4,}-\d\d-\d\d( BC)?|-?infinity"),
    "timestamp": (
        "timestamps such as 2026-03-02T15:00:00+00:00",
        r"\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d(:\d\d)?)?( BC)?|-?infinity",
    ),
}
"""What the JSON of some types looks like, and how that is called."""


def condition_problems(condition: JsonObject, columns: Sequence[LeadColumn]) -> Iterator[str]:
    """A sentence for each column that makes the condition one that no lead meets."""
    known = {column.name: column for column in columns}
    for name, value in condition.items():
        column = known.get(name)
        if column is None:
            close = nearest_column(name, known)
            hint = "" if close is None else f", did you mean '{close}'?"
            yield f"leads have no column '{name}', so no lead ever matches{hint}"
        elif value is None and column.is_required:
            yield f"the column '{name}' is never null, so no lead ever matches"
        elif value is not None and not _fits(value, column):
            yield (
                f"the column '{name}' holds {_noun(column)}{_labels(column)}, "
                f"so {to_json(value)} never matches"
            )


def _fits(value: object, column: LeadColumn) -> bool:
    match column.kind:
        case JsonKind.ANY:
            return True
        case JsonKind.TEXT:
            return (
                isinstance(value, str)
                and (not column.labels or value in column.labels)
                and _has_form(value, column)
            )
        case JsonKind.BOOLEAN:
            return isinstance(value, bool)
        case JsonKind.NUMBER:
            is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            return is_number and _has_form(f"{Decimal(str(value)):f}", column)
        case JsonKind.LIST:
            return isinstance(value, list)
        case JsonKind.OBJECT:
            return isinstance(value, Mapping)


def _has_form(written: str, column: LeadColumn) -> bool:
    return column.form is None or bool(re.fullmatch(_FORMS[column.form][1], written))


def _noun(column: LeadColumn) -> str:
    return _NOUNS[column.kind] if column.form is None else _FORMS[column.form][0]


def _labels(column: LeadColumn) -> str:
    return f" ({', '.join(column.labels)})" if column.labels else ""
