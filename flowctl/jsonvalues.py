"""JSON values that print in a template as PostgreSQL's ``jsonb`` writes them.

Numbers keep their digits (``10.50``), lists and objects are JSON text. To Liquid they are numbers,
lists and objects like any others.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

_LONGEST_INTEGER = 1_000
"""Digits of a number that is read as an integer: Python itself reads no more than 4,300."""


class Number(Decimal):
    """A number with a fraction, exact: it prints all its digits and never an exponent.

    A float beside it means the number that it was written as: ``10.1``, not the binary fraction
    nearest to that.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return format(self, "f")

    def __eq__(self, other: object) -> bool:
        return super().__eq__(exact(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return super().__lt__(_decimal(other))

    def __le__(self, other: object) -> bool:
        return super().__le__(_decimal(other))

    def __gt__(self, other: object) -> bool:
        return super().__gt__(_decimal(other))

    def __ge__(self, other: object) -> bool:
        return super().__ge__(_decimal(other))

    __hash__ = Decimal.__hash__


class JsonList(list[object]):
    """A list that prints as JSON."""

    def __str__(self) -> str:
        return to_json(self)


class JsonDict(dict[str, object]):
    """An object that prints as JSON."""

    def __str__(self) -> str:
        return to_json(self)


def _decimal(value: object) -> Decimal:
    """What Decimal compares itself with; it refuses by itself what is no number."""
    return cast(Decimal, exact(value))


def exact(value: object) -> object:
    """A float as the decimal number that it is written as; anything else as it is."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def from_json(text: str | bytes) -> object:
    """What a JSON text says; a number with a fraction keeps its digits. Raises ValueError."""
    return _DECODER.decode(text if isinstance(text, str) else text.decode())


def _read_integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else Decimal(digits)


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=_read_integer)


def to_json(value: object) -> str:
    """The value as PostgreSQL prints it in ``jsonb``."""
    match value:
        case Mapping():
            entries = (f"{to_json(str(key))}: {to_json(entry)}" for key, entry in value.items())
            return "{" + ", ".join(entries) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(to_json, value)) + "]"
        case Decimal():
            return format(value, "f")
        case str() | bool() | int() | float() | None:
            return json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(str(value), ensure_ascii=False)
