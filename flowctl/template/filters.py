"""The Liquid filters that python-liquid does otherwise than Liquid, or than a message needs.

Dates are on the clock of the message's zone, and ``now`` is the database's. Arithmetic is exact: a
price of 10.50 stays one. Rounding is half away from zero, as people learn it. A value in a list is
written as it is by itself.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import wraps
from typing import Any, cast

from liquid import Environment, Markup
from liquid.builtin.filters import string as string_filters
from liquid.context import RenderContext
from liquid.exceptions import FilterArgumentError
from liquid.filter import flatten, with_context, with_environment
from liquid.undefined import Undefined

from flowctl.jsonvalues import Number, exact
from flowctl.template.context import TemplateContext
from flowctl.template.dates import to_datetime
from flowctl.template.strftime import strftime

_LONGEST = 80
"""Characters of a text that is read as a number."""

_EXACT = Context(prec=200)
_QUOTIENT = Context(prec=16)  # as many digits as a float has

_Real = int | Number


def own_filters(usual: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """All filters by name: ours, and the ``usual`` ones that are right as they are."""
    spoken = {
        name: _of_text(filter_)
        for name, filter_ in usual.items()
        if getattr(filter_, "__module__", "") == string_filters.__name__
    }
    return {**usual, **spoken, **_OWN}


def text_of(value: object) -> object:
    """A value as it is written: nothing for nil, ``true`` for a boolean; a text stays one."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _of_text(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of texts that takes a boolean or nil for its text too."""

    @wraps(filter_)
    def of_text(value: object, *arguments: object, **options: object) -> object:
        given = (text_of(one) if isinstance(one, bool) or one is None else one for one in arguments)
        is_plain = value is None or isinstance(value, bool)
        return filter_(text_of(value) if is_plain else value, *given, **options)

    return of_text


@with_context
def _date(value: object, pattern: object = None, *, context: RenderContext) -> object:
    """A timestamp by ``pattern`` (see ``strftime``); what is no timestamp stays as it is."""
    if isinstance(value, Undefined) or value is None:
        return ""
    if isinstance(pattern, Undefined) or not pattern:
        return value
    seen = cast(TemplateContext, context.globals)
    timestamp = to_datetime(value, now=seen.now, zone=seen.zone)
    if timestamp is None:
        return value
    text = strftime(timestamp, str(pattern))
    return Markup(text) if isinstance(pattern, Markup) else text


@with_environment
def _join(value: object, separator: object = " ", *, environment: Environment) -> object:
    items = flatten(value) if isinstance(value, list | tuple | range) else [value]
    glue = separator if isinstance(separator, str) else text_of(separator)
    if environment.autoescape and glue == " ":
        glue = Markup(" ")
    return cast(str, glue).join(cast(Iterable[str], map(text_of, items)))


def _sum(value: object, key: object = None) -> object:
    items = flatten(value) if isinstance(value, list | tuple | range) else [value]
    if key is not None and not isinstance(key, Undefined):
        items = [one.get(key) if isinstance(one, Mapping) else None for one in items]
    total: _Real = 0
    for item in items:
        total = _plus(total, item)
    return total


def _real(value: object) -> _Real:
    """The number that a value is, or that a text says; else 0, as Liquid has it."""
    match value:
        case bool():
            return 0
        case int():
            return value
        case str():
            return _number(value.strip())
        case float() | Decimal() if math.isfinite(value):
            return Number(cast(Decimal, exact(value)))
        case _:
            return 0


def _number(text: str) -> _Real:
    try:
        number = Number(text if len(text) <= _LONGEST else 0)
    except InvalidOperation:
        return 0
    if not number.is_finite() or abs(number.adjusted()) > _LONGEST:
        return 0
    return int(number) if text.lstrip("+-").isdigit() else number


def _result(number: Decimal, *operands: _Real) -> Number:
    """With as many decimals as the operand that has most: 10.50 times 1.2 is 12.60. More of them
    only where the value needs them."""
    decimals = max(-cast(int, Decimal(one).as_tuple().exponent) for one in operands)
    needed = -cast(int, number.normalize(_EXACT).as_tuple().exponent)
    return Number(_cut(number, max(decimals, needed, 0)))


def _cut(number: Decimal, decimals: int) -> Decimal:
    """The number with exactly so many decimals; a half goes away from zero."""
    try:
        return number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    except InvalidOperation:
        raise FilterArgumentError("a number has too many digits", token=None) from None


def _plus(value: object, other: object) -> _Real:
    one, two = _real(value), _real(other)
    if isinstance(one, int) and isinstance(two, int):
        return one + two
    return _result(_EXACT.add(one, two), one, two)


def _minus(value: object, other: object) -> _Real:
    one, two = _real(value), _real(other)
    if isinstance(one, int) and isinstance(two, int):
        return one - two
    return _result(_EXACT.subtract(one, two), one, two)


def _times(value: object, other: object) -> _Real:
    one, two = _real(value), _real(other)
    if isinstance(one, int) and isinstance(two, int):
        return one * two
    return _result(_EXACT.multiply(one, two), one, two)


def _divided_by(value: object, other: object) -> _Real:
    one, two = _divisible("divided_by", value, other)
    if isinstance(one, int) and isinstance(two, int):
        return one // two
    return _result(_QUOTIENT.divide(one, two), one, two)


def _modulo(value: object, other: object) -> _Real:
    one, two = _divisible("modulo", value, other)
    if isinstance(one, int) and isinstance(two, int):
        return one % two
    rest = _EXACT.remainder(one, two)
    return _result(_EXACT.add(rest, two) if rest and (rest < 0) != (two < 0) else rest, one, two)


def _divisible(name: str, value: object, other: object) -> tuple[_Real, _Real]:
    one, two = _real(value), _real(other)
    if not two:
        raise FilterArgumentError(f"{name}: can't divide by {two}", token=None)
    return one, two


def _round(value: object, places: object = None) -> _Real:
    """To whole numbers, or to so many decimals; a half goes away from zero."""
    number = _real(value)
    decimals = int(_real(places))
    if isinstance(number, int) and decimals >= 0:
        return number
    given = -cast(int, Decimal(number).as_tuple().exponent)
    decimals = max(min(decimals, given), -_LONGEST)
    rounded = _cut(Decimal(number), decimals)
    return Number(rounded) if decimals > 0 else int(rounded)


def _at_most(value: object, other: object) -> _Real:
    return min(_real(value), _real(other))


def _at_least(value: object, other: object) -> _Real:
    return max(_real(value), _real(other))


def _abs(value: object) -> _Real:
    number = _real(value)
    return abs(number) if isinstance(number, int) else Number(abs(number))


_OWN: Mapping[str, Callable[..., Any]] = {
    "abs": _abs,
    "at_least": _at_least,
    "at_most": _at_most,
    "ceil": lambda value: math.ceil(_real(value)),
    "date": _date,
    "divided_by": _divided_by,
    "floor": lambda value: math.floor(_real(value)),
    "join": _join,
    "minus": _minus,
    "modulo": _modulo,
    "plus": _plus,
    "round": _round,
    "sum": _sum,
    "times": _times,
}
