"""Files of addresses that must not be written to: which column says what, which rows count."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flowctl.errors import UsageError
from flowctl.leadfile import optouts
from flowctl.leadfile.cells import clean, fold, words
from flowctl.leadfile.headers import find, no_such_header
from flowctl.leadfile.names import COLUMN_OF
from flowctl.leadfile.reading import LeadFile, Row
from flowctl.leadfile.rejects import REASON
from flowctl.model import Channel

ADDRESS, EMAIL, PHONE, WHY, TIME = "address", "email", "phone", "reason", "created_at"
FIELDS = (ADDRESS, EMAIL, PHONE, WHY, TIME)
"""What a header can be mapped to."""

_ADDRESSES = frozenset(
    map(fold, ("address", "addresses", "recipient", "contact", "contact id", "suppression"))
)
_REASONS = frozenset({"reason", "grund", "motivo", "raison"})
_WHENS = frozenset({"time", "date", "at", "on", "timestamp", "datum", "zeit", "fecha"})
_TIMES = frozenset(
    map(fold, ("created_at", "created", "date", "time", "timestamp", "added at", "added", "datum",
               "date of consent", "suppressed at"))
)  # fmt: skip
_DIGITS_OF_A_NUMBER = 7


@dataclass(slots=True)
class OptOutLayout:
    """The cells that say the address, why and since when; the first that is not empty counts.

    ``channel`` is the address's, null where the address itself tells it. ``where`` are cells with
    the folded values of which they must have one.
    """

    addresses: list[int] = field(default_factory=list)
    channel: Channel | None = None
    reasons: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    where: dict[int, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def is_chosen(self, row: Row) -> bool:
        """Whether a row is one of those that are looked for."""
        return all(
            cell < len(row.cells) and optouts.matches(clean(row.cells[cell]), values)
            for cell, values in self.where.items()
        )


def parse_where(written: str) -> tuple[str, str]:
    """``HEADER=VALUE``, as it is typed. Raises UsageError."""
    header, equals, value = written.partition("=")
    if not (equals and header.strip() and value.strip()):
        raise UsageError(
            f"--where: not HEADER=VALUE: '{written}'", hint="write it like --where 'status=bounced'"
        )
    return header, clean(value)


def lay_out(
    file: LeadFile,
    mapped: Sequence[tuple[str, str]],
    where: Sequence[tuple[str, str]],
    channel: Channel | None,
) -> OptOutLayout:
    """What each column says; what is wrong with them is in ``problems``, all of it."""
    layout = OptOutLayout()
    found: dict[str, list[int]] = {name: [] for name in FIELDS}
    chosen = _map(file, mapped, found, layout)
    for header, value in where:
        cell = find(file.header, header)
        if cell is None:
            layout.problems.append(no_such_header("--where", header, file.header))
        else:
            layout.where[cell] = (*layout.where.get(cell, ()), value.casefold())
    flags = []
    for cell, header in enumerate(file.header):
        if cell in chosen or fold(header) == fold(REASON):
            continue
        name = _field(header)
        if name is not None:
            found[name].append(cell)
        elif optouts.is_flag(clean(header)):
            flags.append(clean(header))
    layout.reasons, layout.times = found[WHY], _by_likeliness(file, found[TIME])
    _choose_address(layout, found, channel)
    if flags and not layout.where:
        layout.problems.append(
            f"{' and '.join(map(repr, flags))}: not every row may be an opt-out; say which are: "
            f"--where {shlex.quote(flags[0] + '=VALUE')}, or all: "
            f"--map {shlex.quote(flags[0] + '=')}"
        )
    return layout


def without_header(file: LeadFile) -> LeadFile:
    """The file; where its one column begins with an address at once, with a header before that."""
    if len(file.header) != 1 or not _is_address(clean(file.header[0])):
        return file
    return replace(file, header=(ADDRESS,), lines=file.lines - 1)


def _is_address(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return "@" in text or (digits >= _DIGITS_OF_A_NUMBER and not any(map(str.isalpha, text)))


def _map(
    file: LeadFile,
    mapped: Sequence[tuple[str, str]],
    found: dict[str, list[int]],
    layout: OptOutLayout,
) -> set[int]:
    chosen = set()
    for header, name in mapped:
        cell = find(file.header, header)
        if cell is None:
            layout.problems.append(no_such_header("--map", header, file.header))
        elif name and name not in FIELDS:
            layout.problems.append(f"--map: '{name}' is none of {', '.join(FIELDS)}")
        else:
            chosen.add(cell)
            if name:
                found[name].append(cell)
    return chosen


def _field(header: str) -> str | None:
    """What a header says, by its name."""
    name, parts = fold(header), set(words(header))
    column = COLUMN_OF.get(name)
    if column in {EMAIL, PHONE}:
        return column
    if name in _ADDRESSES:
        return ADDRESS
    if parts & _REASONS:
        return WHY
    if name in _TIMES or (optouts.says_no(header) and parts & _WHENS):
        return TIME
    return None


def _by_likeliness(file: LeadFile, cells: list[int]) -> list[int]:
    """First the times that are those of a no."""
    return sorted(cells, key=lambda cell: not optouts.says_no(file.header[cell]))


def _choose_address(
    layout: OptOutLayout, found: dict[str, list[int]], channel: Channel | None
) -> None:
    own = {Channel.EMAIL: EMAIL, Channel.TEXT: PHONE}
    wanted = [own[channel], ADDRESS] if channel is not None else [EMAIL, PHONE, ADDRESS]
    for name in wanted:
        if found[name]:
            layout.addresses = found[name]
            layout.channel = {EMAIL: Channel.EMAIL, PHONE: Channel.TEXT}.get(name, channel)
            return
    kind = {None: "address", Channel.EMAIL: "email address", Channel.TEXT: "phone"}[channel]
    layout.problems.append(f"no header is an {kind}: --map 'HEADER=address' names it".replace(
        "an phone", "a phone"
    ))  # fmt: skip
