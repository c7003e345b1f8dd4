"""Liquid as templates have it: our filters, no other templates, and bounds on work and memory."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any, TextIO

from liquid import BoundTemplate, Environment
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.context import RenderContext
from liquid.exceptions import (
    LiquidError,
    LiquidInterrupt,
    LoopIterationLimitError,
    OutputStreamLimitError,
)
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.token import Token

from flowctl.jsonvalues import JsonList
from flowctl.template.blank import teach_blank
from flowctl.template.context import TemplateContext
from flowctl.template.errors import TemplateError
from flowctl.template.filters import own_filters, text_of

OUTPUT_LIMIT = 500_000
"""Bytes (UTF-8) of a rendered message."""
LOOP_LIMIT = 1_000
"""Rounds of a loop, counting those of the loops inside it; items of a list."""
VARIABLE_LIMIT = 100_000
"""Characters of one filter's result; bytes of all variables that a template assigns."""

_NESTING_LIMIT = 20
_UNCLOSED_LIMIT = 20
_INTEGER_BITS = 256
_DECIMAL_DIGITS = 100
_OTHER_TEMPLATES = ("include", "render")
_UNBOUNDED_TAGS = ("tablerow",)
_MARKUP_FILTERS = ("safe",)

_PAIRS = tuple(
    (re.compile(opening), re.compile(closing))
    for opening, closing in (
        (r"\{\{", r"\}\}"),
        (r"\{%", r"%\}"),
        (r"\{%-?\s*raw", r"\{%-?\s*endraw\s*-?%\}"),
        (r"\{%-?\s*doc", r"\{%-?\s*enddoc\s*-?%\}"),
    )
)


@dataclass(frozen=True, slots=True)
class LiquidTemplate:
    """A template that Liquid has parsed; make one with ``parse``.

    ``fields`` are the paths of what it takes from the lead: ``("custom", "size")``.
    """

    bound: BoundTemplate
    fields: tuple[tuple[str, ...], ...]

    def render(self, values: TemplateContext) -> str:
        """The template with a lead's values. Raises TemplateError."""
        context = RenderContext(self.bound, globals=values)
        buffer = LimitedStringIO(limit=OUTPUT_LIMIT)
        for node in self.bound.nodes:
            try:
                node.render(context, buffer)
            except Exception as error:  # whatever Python makes of odd values
                raise _explained(error, node.token) from error
        return buffer.getvalue()


def parse(source: str, *, html: bool) -> LiquidTemplate:
    """Parse a template; with ``html``, every value is escaped where it is put in.

    Raises ``TemplateError`` for what Liquid cannot read, and for a tag or filter that does not
    exist.
    """
    _check_openings(source)
    environment = _environment(html)
    try:
        bound = environment.from_string(source)
        analysis = bound.analyze(include_partials=False)
        teach_blank(bound)
    except (LiquidError, RecursionError) as error:
        raise _explained(error, None) from error
    for name, places in analysis.filters.items():
        if name not in environment.filters:
            raise TemplateError(f"unknown filter '{name}'", _line(source, places[0].index))
    paths = (variable.segments for found in analysis.globals.values() for variable in found)
    return LiquidTemplate(bound, tuple(dict.fromkeys(tuple(map(str, path)) for path in paths)))


def _check_openings(source: str) -> None:
    """Liquid's lexer reads on to the end of the source from every opening that is never closed."""
    for opening, closing in _PAIRS:
        closed = max((match.end() for match in closing.finditer(source)), default=0)
        unclosed = opening.findall(source, closed)
        if len(unclosed) > _UNCLOSED_LIMIT:
            raise TemplateError(f"'{unclosed[0]}' is opened many times and never closed")


class _LimitedEnvironment(Environment):
    context_depth_limit = _NESTING_LIMIT
    block_nesting_limit = _NESTING_LIMIT
    loop_iteration_limit = LOOP_LIMIT
    local_namespace_limit = VARIABLE_LIMIT
    output_stream_limit = OUTPUT_LIMIT


@lru_cache(maxsize=2)
def _environment(html: bool) -> Environment:  # noqa: FBT001  # as parse
    environment = _LimitedEnvironment(autoescape=html)
    for tag in (*_OTHER_TEMPLATES, *_UNBOUNDED_TAGS):
        del environment.tags[tag]
    for name in _MARKUP_FILTERS:
        del environment.filters[name]
    for own in (_OutputTag, _EchoTag, _BoundedForTag):
        environment.add_tag(own)
    environment.filters = own_filters(environment.filters)
    environment.filters["replace"] = _foreseen_replace(environment.filters["replace"])
    for name, filter_ in environment.filters.items():
        environment.filters[name] = _bounded(filter_)
    return environment


class _OutputNode(OutputNode):
    """Output in which lists of the lead's row are JSON, as its objects are."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if isinstance(value, JsonList):
            value = str(value)
        elif isinstance(value, list):
            value = [text_of(item) for item in value]
        return buffer.write(to_liquid_string(value, context.autoescape))


class _OutputTag(Output):
    node_class = _OutputNode


class _EchoTag(EchoTag):
    node_class = _OutputNode  # type: ignore[assignment]  # EchoNode differs in how it shows itself


class _BoundedForNode(ForNode):
    """A loop that measures a range before ``reversed`` would make a list of it."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        _check_range(self.expression.iterable.evaluate(context))
        return super().render_to_output(context, buffer)


class _BoundedForTag(ForTag):
    node_class = _BoundedForNode


def _check_range(value: object) -> None:
    if isinstance(value, range) and value.stop - value.start > LOOP_LIMIT:
        message = f"a range of more than {LOOP_LIMIT:,} numbers"
        raise LoopIterationLimitError(message, token=None)


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter with a bound on what goes in and out, so that a chain of them cannot explode."""

    @wraps(filter_)
    def bounded(value: object, *arguments: object, **options: object) -> object:
        for given in (value, *arguments):
            _check_range(given)
        result: object = filter_(value, *arguments, **options)
        if (
            (isinstance(result, str) and len(result) > VARIABLE_LIMIT)
            or (isinstance(result, list) and len(result) > LOOP_LIMIT)
            or (isinstance(result, int) and result.bit_length() > _INTEGER_BITS)
            or (isinstance(result, Decimal) and abs(result.adjusted()) > _DECIMAL_DIGITS)
        ):
            raise OutputStreamLimitError("a filter's result is too long", token=None)
        return result

    return bounded


def _foreseen_replace(replace: Callable[..., Any]) -> Callable[..., Any]:
    """``replace`` is the one filter whose result grows with the product of what it is given."""

    @wraps(replace)
    def foreseen(value: object, old: object, new: object = "") -> object:
        text, replacement = str(value), str(new)
        if text.count(str(old)) * len(replacement) > VARIABLE_LIMIT:
            raise OutputStreamLimitError("a filter's result is too long", token=None)
        return replace(value, old, new)

    return foreseen


def _explained(error: Exception, token: Token | None) -> TemplateError:
    """The error in Liquid's words, with the line of its token, else of the node it is in."""
    if isinstance(error, LiquidError):
        token = error.token if error.token and error.token.start_index >= 0 else token
        words = str(error.message or "cannot be read")
    elif isinstance(error, LiquidInterrupt):
        words = f"'{error}' outside a loop"
    else:
        words = f"{type(error).__name__}: {error}"
    return TemplateError(words, token and _line(token.source, token.start_index))


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, max(index, 0)) + 1
