"""All looks in their order: settings, database, providers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flowctl import migrate
from flowctl.database import Connection, translated
from flowctl.doctor import flows, link, promises, providers, queue, rights, schema
from flowctl.doctor.check import Check, Grade, fault, note
from flowctl.errors import DatabaseAway, DatabaseUnavailable, FlowctlError
from flowctl.settings import Settings
from flowctl.store import health

_Look = Callable[[Connection, Settings], Sequence[Check]]

_ALWAYS: tuple[tuple[str, _Look], ...] = (
    ("connection", link.connection),
    ("server", link.server),
    ("schema", schema.version),
)

_WITH_SCHEMA: tuple[tuple[str, _Look], ...] = (
    ("triggers", schema.triggers),
    ("functions", schema.functions),
    ("leads", flows.leads),
    ("flows", flows.flows),
    ("steps", flows.steps),
    ("templates", flows.templates),
    ("pairs", promises.pairs),
    ("suppressed", promises.suppressed),
    ("claims", promises.claims),
    ("sends", promises.sends),
    ("unknown outcomes", promises.unknown_outcomes),
    ("sent messages", promises.sent_messages),
    ("schedules", promises.schedules),
    ("grants", rights.grants),
    ("function rights", rights.function_rights),
    ("policies", rights.policies),
    ("leads rights", rights.leads_rights),
    ("channels", queue.channels),
    ("phones", queue.phones),
    ("lag", queue.lag),
    ("vacuum", queue.vacuum),
    ("old transactions", queue.old_transactions),
)

_PROVIDERS: tuple[tuple[str, Callable[[Settings], Sequence[Check]]], ...] = (
    ("email", providers.email),
    ("letterhead", providers.letterhead),
    ("text", providers.text),
    ("text countries", providers.text_countries),
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found. ``unreachable`` is why there was no database to look at."""

    checks: tuple[Check, ...]
    unreachable: FlowctlError | None = None

    @property
    def faults(self) -> tuple[Check, ...]:
        """What has to be put right."""
        return tuple(check for check in self.checks if check.status is Grade.FAULT)


def examine(
    connect: Callable[[], AbstractContextManager[Connection]], settings: Settings, first: Check
) -> Report:
    """Look at everything. ``first`` is what was found out about the settings already."""
    checks = [first]
    unreachable = None
    try:
        with connect() as connection:
            checks += _database(connection, settings)
    except DatabaseUnavailable as error:
        unreachable = error
        checks.append(fault("connection", error.message, error.hint))
    for name, ask in _PROVIDERS:
        checks += _asked(name, lambda ask=ask: ask(settings))  # type: ignore[misc]
    return Report(tuple(checks), unreachable)


def _database(connection: Connection, settings: Settings) -> Iterator[Check]:
    looks = _ALWAYS
    try:
        if migrate.has_schema(connection):
            looks += _WITH_SCHEMA
    except FlowctlError:
        looks += _WITH_SCHEMA
    for name, at in looks:
        try:
            with translated(), health.look(connection):
                found = tuple(at(connection, settings))
        except health.NotSeen as obstacle:
            found = (
                note(name, f"not looked at: {obstacle}", "flowctl doctor, as the schema's owner"),
            )
        except DatabaseAway:
            raise
        except FlowctlError as error:
            found = (fault(name, f"could not be looked at: {error.message}", error.hint),)
        yield from found


def _asked(name: str, ask: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    try:
        return ask()
    except FlowctlError as error:
        return [fault(name, error.message, error.hint)]
