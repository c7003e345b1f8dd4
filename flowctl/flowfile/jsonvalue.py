"""JSON objects in TOML: an inline table, or a string of JSON where TOML has no word for a value."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal

import tomli_w

from flowctl.jsonvalues import to_json
from flowctl.model import JsonObject


def json_object(value: object) -> JsonObject:
    """The JSON object that a table, or a string of JSON, stands for.

    Raises ``ValueError``, saying what is wrong, for what PostgreSQL could not store as jsonb.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("is not JSON") from None
    if not isinstance(value, Mapping):
        raise ValueError("is not a table")  # noqa: TRY004  # a wrong value of the user's, no bug
    _check(value)
    return value


def as_toml(value: JsonObject) -> str:
    """How ``json_object`` can be told this object: an inline table, or where TOML has no word for
    what is in it (null), a string of JSON."""
    if _has_null(value):
        return _scalar(to_json(value))
    return _inline(value)


def _inline(value: object) -> str:
    match value:
        case Mapping():
            entries = (f"{_key(name)} = {_inline(entry)}" for name, entry in value.items())
            return "{ " + ", ".join(entries) + " }" if value else "{}"
        case list():
            return "[" + ", ".join(_inline(entry) for entry in value) + "]"
        case _:
            return _scalar(value)


def _scalar(value: object) -> str:
    return tomli_w.dumps({"x": value}).removeprefix("x = ").removesuffix("\n")


def _key(name: str) -> str:
    return tomli_w.dumps({name: 0}).removesuffix(" = 0\n")


def _has_null(value: object) -> bool:
    match value:
        case Mapping():
            return any(_has_null(entry) for entry in value.values())
        case list():
            return any(_has_null(entry) for entry in value)
        case _:
            return value is None


def _check(value: object) -> None:
    match value:
        case Mapping():
            for key, entry in value.items():
                _check(key)
                _check(entry)
        case list():
            for entry in value:
                _check(entry)
        case str():
            if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in value):
                raise ValueError("holds a character that PostgreSQL cannot store")
        case float() | Decimal():
            if not math.isfinite(value):
                raise ValueError("holds a number that is none")
        case None | bool() | int():
            pass
        case _:
            raise ValueError("holds a date or a time, which JSON has not; write it as a text")
