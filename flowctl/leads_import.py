"""Leads from a file: checked, freed of duplicates, and put into the table batch by batch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from flowctl import zones
from flowctl.address import AddressError, comparable, to_e164
from flowctl.database import Connection
from flowctl.errors import InputError, UsageError
from flowctl.leadfile import headers
from flowctl.leadfile.book import AddressBook
from flowctl.leadfile.columns import Column
from flowctl.leadfile.dates import Order
from flowctl.leadfile.headers import Choices, Layout
from flowctl.leadfile.reading import LeadFile, open_file
from flowctl.leadfile.rejects import RejectsFile
from flowctl.leadfile.rows import Address, Problem, ReadRow, RowReader
from flowctl.leadfile.scan import Findings, scan
from flowctl.model import Channel, JsonObject
from flowctl.store import leads_import as store
from flowctl.store.leads import leads_columns

BATCH = 2000
"""Leads of one transaction: few enough that nobody waits for it."""

EXAMPLES = 5
"""Leads that a dry run shows."""

LISTED = 20
"""Rows of which the reason is shown; the rejects file has all of them."""

IN_TABLE = 0
"""The line of an address that the table had before."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user says about a file; ``timezone`` is that of its times without an offset."""

    choices: Choices = field(default_factory=Choices)
    encoding: str | None = None
    order: Order | None = None
    timezone: str | None = None
    region: str | None = None
    is_dry_run: bool = False


@dataclass(slots=True)
class Imported:
    """What became of the rows so far.

    ``dropped`` were kept out by a trigger of the user's. ``messages`` counts what was scheduled by
    day of ``zone`` and channel. ``zones`` are timezones that nobody can read, with their rows.
    """

    zone: str = "UTC"
    imported: int = 0
    suppressed: int = 0
    dropped: int = 0
    skipped: list[Problem] = field(default_factory=list)
    rejected: list[Problem] = field(default_factory=list)
    skipped_rows: int = 0
    rejected_rows: int = 0
    messages: Counter[tuple[date, Channel]] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    examples: list[JsonObject] = field(default_factory=list)
    rejects_file: Path | None = None


class LeadsImport:
    """One file on its way into the table. ``result`` is what was committed so far, also after an
    error or an interrupt; importing the file again takes the rest."""

    def __init__(
        self, connection: Connection, file: LeadFile, layout: Layout, findings: Findings,
        options: Options,
    ) -> None:  # fmt: skip
        self.file = file
        self.layout = layout
        self.rows = findings.rows
        self.warnings = findings.warnings
        self._connection = connection
        self._options = options
        self._reader = RowReader(layout, region=options.region, order=findings.order)
        self._columns = [target.column for target in layout.targets]
        self._timezone = _index(self._columns, "timezone")
        self._zones: dict[str, str | None] = {}
        self._book = AddressBook()
        self._rejects = RejectsFile(file)
        self._fallback = store.fallback_zone(connection)
        self.result = Imported(zone=self._fallback)
        self._batches = store.batches(connection)
        _add_leads_of_table(connection, self._book, options.region)

    def batches(self) -> Iterator[Imported]:
        """Import batch by batch, each in one transaction; yields the result after each.

        Raises InputError where the rejects file cannot be written, before its batch is taken.
        """
        batch = _Batch()
        try:
            for row in self.file.rows():
                self._add(batch, self._reader.read(row))
                if batch.size >= BATCH:
                    self._take(batch)
                    batch = _Batch()
                    yield self.result
            if batch.size:
                self._take(batch)
                yield self.result
        finally:
            self._rejects.close()

    def _add(self, batch: "_Batch", row: ReadRow) -> None:
        batch.size += 1
        batch.opt_outs.update(row.opt_outs)
        if row.faults:
            batch.rejected.append((row, "; ".join(row.faults)))
            return
        for address in row.addresses:
            line = self._book.line_of(address[1])
            if line is not None:
                batch.skipped.append(Problem(row.line, _duplicate(address, line)))
                return
        for _, address_text in row.addresses:
            self._book.add(address_text, row.line)
        batch.leads.append(row)

    def _take(self, batch: "_Batch") -> None:
        options, result = self._options, self.result
        with self._connection.transaction(force_rollback=options.is_dry_run):
            if not options.is_dry_run:
                self._skip_leads_of_others(batch)
            unread = self._set_zones(batch.leads)
            suppressed = store.suppress(
                self._connection, batch.opt_outs, f"opted out in {self.file.path.name}"
            )
            rows = [row.values for row in batch.leads]
            done = store.insert_leads(self._connection, self._columns, rows)
            batch.rejected += [(batch.leads[index], reason) for index, reason in done.refused]
            scheduled = store.scheduled(self._connection, done.ids, self._fallback)
            if options.is_dry_run and len(result.examples) < EXAMPLES:
                wanted = done.ids[: EXAMPLES - len(result.examples)]
                result.examples += store.examples(self._connection, wanted)
            if not options.is_dry_run:
                self._write_rejects(batch)
        result.imported += len(done.ids)
        result.dropped += len(batch.leads) - len(done.ids) - len(done.refused)
        result.suppressed += suppressed
        result.zones.update(unread)
        result.messages.update({(one.day, one.channel): one.messages for one in scheduled})
        result.skipped_rows += len(batch.skipped)
        result.rejected_rows += len(batch.rejected)
        _keep(result.skipped, batch.skipped)
        _keep(result.rejected, [Problem(row.line, reason) for row, reason in batch.rejected])

    def _skip_leads_of_others(self, batch: "_Batch") -> None:
        """Leave out what another import has taken since this one looked at the table."""
        batches = store.add_batch(self._connection)
        if batches != self._batches + 1:
            present = AddressBook()
            _add_leads_of_table(self._connection, present, self._options.region)
            leads, batch.leads = batch.leads, []
            for row in leads:
                taken = [one for one in row.addresses if present.line_of(one[1]) is not None]
                if taken:
                    batch.skipped.append(Problem(row.line, _duplicate(taken[0], IN_TABLE)))
                else:
                    batch.leads.append(row)
            self._book.add_all(present)
        self._batches = batches

    def _write_rejects(self, batch: "_Batch") -> None:
        for row, reason in sorted(batch.rejected, key=lambda one: one[0].line):
            self._rejects.add(row.cells, row.line, reason)
        self._rejects.flush()
        self.result.rejects_file = self._rejects.path

    def _set_zones(self, leads: Sequence[ReadRow]) -> Counter[str]:
        """Spell the leads' zones as they are known, and put beside each lead's values the zone of
        its times; returns the timezones that nobody can read."""
        unread: Counter[str] = Counter()
        own = self._timezone
        if own is not None:
            written = {row.values[own] for row in leads} - self._zones.keys() - {None}
            if written:
                self._zones.update(store.zones_of(self._connection, filter(None, written)))
        for row in leads:
            zone = None
            if own is not None and (text := row.values[own]) is not None:
                zone = self._zones[text]
                row.values[own] = text if zone is None else _spelled(zone, text)
                if zone is None:
                    unread[text] += 1
            row.values.append(self._options.timezone or zone or self._fallback)
        return unread


@dataclass(slots=True)
class _Batch:
    """Rows of one transaction: how many were read, and what is to become of them."""

    size: int = 0
    leads: list[ReadRow] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    rejected: list[tuple[ReadRow, str]] = field(default_factory=list)
    opt_outs: set[Address] = field(default_factory=set)


def prepare(connection: Connection, path: Path, options: Options) -> LeadsImport:
    """Read a file once and find out what becomes of its columns, changing nothing.

    Raises UsageError for a zone or an encoding that does not exist, and InputError
    for a file that cannot be read, with all that is wrong with its headers.
    """
    zone = options.timezone
    if zone is not None:
        known = store.zones_of(connection, [zone])[zone]
        if known is None:
            raise UsageError(
                f"--timezone: '{zone}' is not an IANA time zone",
                hint="write it like Europe/Berlin",
            )
        options = replace(options, timezone=known)
    file = open_file(path, options.encoding)
    layout = headers.lay_out(file.header, leads_columns(connection), options.choices)
    findings = scan(file, layout, options.order)
    problems = (*layout.problems, *findings.problems)
    if problems:
        raise InputError(
            f"{path.name}: its columns are not clear, so no row was taken",
            details=problems,
            hint="--map 'HEADER=column' says what a header is, --map 'HEADER=' leaves it out, "
            "--ignore-unknown all that leads has no column for",
        )
    if not findings.rows:
        raise InputError(f"{path.name} has a header and no rows", hint="is it the right file?")
    return LeadsImport(connection, file, layout, findings, options)


def _add_leads_of_table(connection: Connection, book: AddressBook, region: str | None) -> None:
    """Remember the addresses of all leads, in whatever notation they have them."""
    existing = {column.name for column in leads_columns(connection)}
    names = [name for name in ("email", "phone") if name in existing]
    for row in store.addresses(connection, names):
        for name, text in zip(names, row, strict=True):
            address = None if text is None else _comparable(name, text, region)
            if address is not None:
                book.add(address, IN_TABLE)


def _comparable(column: str, text: str, region: str | None) -> str | None:
    if column == "email":
        return comparable(Channel.EMAIL, text)
    try:
        return comparable(Channel.TEXT, to_e164(text, region, None))
    except AddressError:
        return comparable(Channel.TEXT, text)


def _duplicate(address: Address, line: int) -> str:
    noun = "email" if address[0] is Channel.EMAIL else "phone"
    return (
        f"its {noun} is a lead's already" if line == IN_TABLE else f"its {noun} is in line {line}"
    )


def _keep(listed: list[Problem], more: Sequence[Problem]) -> None:
    """Keep the first few: a file may have a million."""
    listed += more[: LISTED - len(listed)]


def _spelled(zone: str, written: str) -> str:
    """A zone as it is stored: an old name as it was written, for other spellings that of today."""
    return zone if zone.casefold() == written.casefold() else zones.present_name(zone)


def _index(columns: Sequence[Column], name: str) -> int | None:
    return next((n for n, column in enumerate(columns) if column.name == name), None)
