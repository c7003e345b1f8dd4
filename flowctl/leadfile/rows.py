"""A row of a file made into a lead, or the reasons why it is none."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from flowctl.address import comparable
from flowctl.leadfile import optouts
from flowctl.leadfile.cells import INVISIBLE, clean
from flowctl.leadfile.dates import Order
from flowctl.leadfile.headers import Layout, Target
from flowctl.leadfile.reading import Row
from flowctl.leadfile.values import ValueRefused, reader
from flowctl.model import Channel

_LETTER = re.compile(r"[^\W\d_]")
_CHANNELS = {"email": Channel.EMAIL, "phone": Channel.TEXT}

Address = tuple[Channel, str]
"""An address in the form in which addresses are compared, with its channel."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was not taken: its line in the file, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class ReadRow:
    """A row that was read: its values in the order of the targets, its addresses, what it says no
    to, and why it cannot be taken (nothing for one that can)."""

    line: int
    cells: list[str]
    values: list[str | None] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    opt_outs: list[Address] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


_Read = Callable[[str], str]


class RowReader:
    """Reads the rows of one file, by its layout."""

    def __init__(self, layout: Layout, *, region: str | None, order: Order | None) -> None:
        self._layout = layout
        self._targets: list[tuple[Target, int | None, _Read, Channel | None]] = [
            (
                target,
                target.cells[0] if len(target.cells) == 1 and target.part is None else None,
                reader(target.column, region=region, order=order),
                _CHANNELS.get(target.column.name),
            )
            for target in layout.targets
        ]
        self._width = len(layout.header)

    def read(self, row: Row) -> ReadRow:
        """What becomes of a row."""
        line, cells, fault = row
        found = ReadRow(line, cells)
        if fault is not None:
            found.faults.append(fault)
        if len(cells) != self._width:
            noun = "field" if len(cells) == 1 else "fields"
            found.faults.append(f"{len(cells)} {noun} where the header has {self._width}")
        good = self._read_values(cells, found)
        if self._layout.opt_outs:
            self._read_opt_outs(cells, found)
        if not found.addresses and not found.faults:
            found.faults.append("neither email nor phone")
        if found.faults and good:
            found.faults.append(f"{' and '.join(good)} can be taken")
        return found

    def _read_values(self, cells: list[str], found: ReadRow) -> list[str]:
        """Read the values; returns the good addresses' columns where another one is refused."""
        values, width = found.values, len(cells)
        good, refused = [], False
        for target, only, read, channel in self._targets:
            if only is None:
                cell = _cell(cells, target)
            else:
                cell = cells[only].strip(INVISIBLE) if only < width else ""
            if not cell:
                values.append(None)
                continue
            name = target.column.name
            try:
                value = read(cell)
            except ValueRefused as error:
                values.append(None)
                found.faults.append(f"{name}: {error}")
                refused = refused or channel is not None
                continue
            values.append(value)
            if channel is not None and (address := comparable(channel, value)) is not None:
                found.addresses.append((channel, address))
                good.append(name)
        return good if refused else []

    def _read_opt_outs(self, cells: list[str], found: ReadRow) -> None:
        """What the row says no to, by whatever of its addresses can be compared."""
        channels: set[Channel] = set()
        for opt_out in self._layout.opt_outs:
            if opt_out.cell < len(cells):
                value = clean(cells[opt_out.cell])
                if value and optouts.matches(value, opt_out.values):
                    channels.update(opt_out.channels)
        if not channels:
            return
        found.opt_outs = [one for one in found.addresses if one[0] in channels]
        known = {channel for channel, _ in found.addresses}
        for target, _, _, channel in self._targets:
            if channel in channels and channel not in known and channel is not None:
                cell = _cell(cells, target)
                address = comparable(channel, cell)
                # an extension or a word would become digits of another number
                if address is not None and (channel is Channel.EMAIL or not _LETTER.search(cell)):
                    found.opt_outs.append((channel, address))


def _cell(cells: list[str], target: Target) -> str:
    """The cell of a target that says something, cleaned; the part of it that is meant."""
    for number in target.cells:
        if number < len(cells) and (text := clean(cells[number])):
            if target.part is None:
                return text
            before, _, after = text.partition(" ")
            return clean(after if target.part else before)
    return ""
