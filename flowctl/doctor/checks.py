"""All checks in their order: settings, database, providers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flowctl.database import Connection, translated
from flowctl.doctor import (
    columns,
    connection,
    deliveries,
    flows,
    promises,
    providers,
    queue,
    rights,
    schema,
    timezones,
)
from flowctl.doctor.check import Check, Grade, fault, note
from flowctl.errors import DatabaseBusy, DatabaseUnavailable, DatabaseUnreachable, FlowctlError
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store

_Run = Callable[[Connection, Settings], Sequence[Check]]

_ALWAYS: tuple[tuple[str, _Run], ...] = (
    ("connection", connection.connection),
    ("server", connection.server),
    ("schema", schema.version),
)

_WITH_SCHEMA: tuple[tuple[str, _Run], ...] = (
    ("copy", schema.copy),
    ("triggers", schema.triggers),
    ("functions", schema.functions),
    ("leads", flows.leads),
    ("flows", flows.flows),
    ("steps", flows.steps),
    ("templates", flows.templates),
    ("columns", columns.columns),
    ("zone rules", timezones.zone_rules),
    ("planned times", timezones.planned_times),
    ("timezones", timezones.lead_timezones),
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
    ("last run", queue.last_run),
    ("deliveries", deliveries.texts),
    ("email deliveries", deliveries.emails),
    ("vacuum", queue.vacuum),
    ("old transactions", queue.old_transactions),
)

_PROVIDERS: tuple[tuple[str, Callable[[Settings], Sequence[Check]]], ...] = (
    ("email", providers.email),
    ("email sender", providers.email_sender),
    ("returned mail", providers.returned_mail),
    ("text", providers.text),
    ("text countries", providers.text_countries),
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found. ``unreachable`` is why there was no database to check."""

    checks: tuple[Check, ...]
    unreachable: FlowctlError | None = None

    @property
    def faults(self) -> tuple[Check, ...]:
        """What has to be put right."""
        return tuple(check for check in self.checks if check.status is Grade.FAULT)


def examine(
    connect: Callable[[], AbstractContextManager[Connection]],
    settings: Settings,
    first: Sequence[Check],
) -> Report:
    """Check everything. ``first`` is what was found out about the settings
    already."""
    checks = [*first]
    unreachable = None
    try:
        with connect() as connection:
            for check in _database(connection, settings):
                checks.append(check)  # noqa: PERF402 - what was found stays, should it be lost
    except DatabaseUnavailable as error:
        unreachable = error
        checks.append(fault("connection", error.message, error.hint))
    for name, ask in _PROVIDERS:
        checks += _found(name, lambda ask=ask: ask(settings))  # type: ignore[misc]
    return Report(tuple(checks), unreachable)


def _database(connection: Connection, settings: Settings) -> Iterator[Check]:
    def at(run: _Run) -> Callable[[], Sequence[Check]]:
        def checked() -> Sequence[Check]:
            with translated(), doctor_store.checking(connection):
                return run(connection, settings)

        return checked

    for name, run in _ALWAYS:
        yield from _found(name, at(run))
    with translated():
        if doctor_store.lacks_schema(connection):
            return
    for name, run in _WITH_SCHEMA:
        yield from _found(name, at(run))


def _found(name: str, run: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """What a check found; one that fails is a fault of its own, and no end."""
    try:
        return run()
    except doctor_store.CheckSkipped as obstacle:
        return [note(name, f"skipped: {obstacle}", obstacle.hint)]
    except DatabaseUnreachable as error:
        if not isinstance(error, DatabaseBusy):
            raise
        return [fault(name, f"could not be checked: {error.message}", error.hint)]
    except FlowctlError as error:
        return [fault(name, f"could not be checked: {error.message}", error.hint)]
    except Exception as error:  # noqa: BLE001 - of odd data that somebody wrote past the checks
        detail = f"could not be checked: {type(error).__name__}"
        return [fault(name, detail, "this is a bug of flowctl; report it")]
