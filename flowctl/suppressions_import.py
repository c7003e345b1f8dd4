"""Addresses that must not be written to, from the files of other systems, and out into a file."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

from flowctl.address import AddressError, channel_of, comparable
from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.leadfile import dates
from flowctl.leadfile.book import AddressBook
from flowctl.leadfile.cells import clean, shown
from flowctl.leadfile.dates import DateError, Order
from flowctl.leadfile.optout_files import OptOutLayout, lay_out, without_header
from flowctl.leadfile.reading import LeadFile, Row, open_file
from flowctl.leadfile.rejects import guard, unguard
from flowctl.leadfile.rows import Problem
from flowctl.leadfile.scan import OrderOfDates
from flowctl.leadfile.values import ValueRefused, address_text, phone
from flowctl.model import Channel
from flowctl.store import suppressions_import as store
from flowctl.store.suppressions import pending_addresses, select_suppressions
from flowctl.store.suppressions_import import OptOut

BATCH = 2000
"""Addresses of one transaction."""

LISTED = 20
"""Rows of which the reason is shown."""

_LETTER = re.compile(r"[^\W\d_]")

EXPORTED = ("channel", "address", "reason", "source", "created_at")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about a file; see :mod:`flowctl.leadfile.optout_files`."""

    mapped: tuple[tuple[str, str], ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    channel: Channel | None = None
    encoding: str | None = None
    order: Order | None = None
    region: str | None = None
    is_dry_run: bool = False


@dataclass(slots=True)
class Imported:
    """What became of the rows: addresses that were added, that were suppressed already, that cannot
    be read; rows that ``--where`` left out; pending messages that will not go out."""

    added: int = 0
    already: int = 0
    left_out: int = 0
    rejected_rows: int = 0
    rejected: list[Problem] = field(default_factory=list)
    undated: int = 0
    stopped: int = 0


class SuppressionsImport:
    """One file on its way into the table. ``result`` is what was committed so far."""

    def __init__(
        self,
        connection: Connection,
        file: LeadFile,
        layout: OptOutLayout,
        options: Options,
        rows: int,
    ) -> None:
        self.file = file
        self.rows = rows
        self.result = Imported()
        self._connection = connection
        self._layout = layout
        self._options = options
        self._added = AddressBook()

    def batches(self) -> Iterator[Imported]:
        """Import batch by batch, each in one transaction; yields the result after each."""
        batch: list[OptOut] = []
        for row in self.file.rows():
            if not self._layout.is_chosen(row):
                self.result.left_out += 1
                continue
            try:
                batch.append(self._read(row))
            except ValueRefused as error:
                self.result.rejected_rows += 1
                if len(self.result.rejected) < LISTED:
                    self.result.rejected.append(Problem(row.line, str(error)))
            if len(batch) >= BATCH:
                self._take(batch)
                batch = []
                yield self.result
        self._take(batch)
        self.result.stopped = stopped(self._connection, self._added, self._options.region)
        yield self.result

    def _take(self, batch: Sequence[OptOut]) -> None:
        with self._connection.transaction(force_rollback=self._options.is_dry_run):
            added = store.add(self._connection, batch)
        for address in added:
            self._added.add(address, 1)
        self.result.added += len(added)
        self.result.already += len(batch) - len(added)

    def _read(self, row: Row) -> OptOut:
        """The address of a row in the form in which addresses are compared, whether it could be
        written to or not. Raises ValueRefused for what is no address at all."""
        layout, cells = self._layout, row.cells
        written = _first(cells, layout.addresses)
        if row.fault is not None:
            raise ValueRefused(row.fault)
        if not written:
            missing = {None: "address", Channel.EMAIL: "email", Channel.TEXT: "phone"}
            raise ValueRefused(f"no {missing[layout.channel]}")
        text = address_text(written)
        channel = layout.channel or _channel(text, written)
        address = compare(channel, text, self._options.region)
        if address is None:
            raise ValueRefused(f"{shown(written)} is not an address")
        when = _first(cells, layout.times)
        try:
            time = dates.parse(when, self._options.order) if when else None
        except DateError:
            self.result.undated += 1
            time = None
        if time is not None and time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        reason = unguard(_first(cells, layout.reasons)) or self.file.path.name
        return OptOut(channel, address, reason, time)


def prepare(connection: Connection, path: Path, options: Options) -> SuppressionsImport:
    """Read a file once and find out what its columns say, changing nothing.

    Raises UsageError for an encoding that does not exist, and InputError for a file
    that cannot be read, with all that is wrong with its headers.
    """
    file = without_header(open_file(path, options.encoding))
    layout = lay_out(file, options.mapped, options.where, options.channel)
    rows, order = _scan(file, layout, options.order)
    if layout.problems:
        raise InputError(
            f"{path.name}: its columns are not clear, so no address was taken",
            details=tuple(layout.problems),
            hint="--where 'HEADER=VALUE' chooses rows, --map 'HEADER=address' says what is one",
        )
    if not rows:
        raise InputError(f"{path.name} has a header and no rows", hint="is it the right file?")
    return SuppressionsImport(connection, file, layout, replace(options, order=order), rows)


def compare(channel: Channel, text: str, region: str | None) -> str | None:
    """An address in the form in which addresses are compared; null for what is none."""
    if channel is Channel.TEXT:
        try:
            text = phone(text, region)
        except ValueRefused:
            # an extension or a word would become digits of another number
            if _LETTER.search(text):
                return None
    return comparable(channel, text)


def stopped(connection: Connection, addresses: AddressBook, region: str | None) -> int:
    """How many pending messages are for these addresses, in whatever notation leads have them."""
    return sum(
        messages
        for channel, text, messages in pending_addresses(connection)
        if (address := compare(channel, text, region)) is not None
        and addresses.line_of(address) is not None
    )


def export(connection: Connection) -> Iterator[str]:
    """The suppressed addresses as lines of a CSV file, the form that an import takes."""
    yield _line(EXPORTED)
    for one in select_suppressions(connection):
        row = (one.channel, one.address, one.reason or "", one.source, one.created_at.isoformat())
        yield _line([guard(cell) for cell in row])


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _scan(file: LeadFile, layout: OptOutLayout, order: Order | None) -> tuple[int, Order | None]:
    """How many rows there are, and the order of their dates; a problem where it is unknown."""
    rows = 0
    order_of_dates = OrderOfDates()
    for row in file.rows():
        rows += 1
        for cell in layout.times:
            if cell < len(row.cells) and row.cells[cell]:
                order_of_dates.observe(f"'{file.header[cell]}'", row.line, clean(row.cells[cell]))
    if order is not None:
        return rows, order
    found, problem = order_of_dates.decide()
    if problem is not None:
        layout.problems.append(problem)
    return rows, found


def _first(cells: Sequence[str], numbers: Sequence[int]) -> str:
    """The first of these cells that says something."""
    for number in numbers:
        if number < len(cells) and (text := clean(cells[number])):
            return text
    return ""


def _channel(text: str, written: str) -> Channel:
    try:
        return channel_of(text)
    except AddressError as error:
        raise ValueRefused(f"{shown(written)} is not an address") from error
