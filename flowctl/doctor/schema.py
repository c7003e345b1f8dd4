"""Whether the database has what ``apply-schema`` made, as it made it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flowctl import migrate
from flowctl.database import Connection
from flowctl.doctor.check import Check, cures, fault, note, ok, shown
from flowctl.errors import SchemaMismatch
from flowctl.scripts import scripts
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.store import identity

_FUNCTION = re.compile(
    r"create or replace function (?P<name>[a-z_.]+)\(.*?as \$\$(?P<body>.*?)\$\$;", re.DOTALL
)
_TRIGGER = re.compile(
    r"create trigger (?P<name>\w+)\s[^;]*?\son (?P<table>[a-z_.]+)\b[^;]*?"
    r"execute function (?P<function>[a-z_.]+)\(",
    re.DOTALL,
)

_PART = re.compile(r"\b((?:public|flowctl)\.\w+?)_\d+\b")
"""The name of a distributed table's part, which ends with the part's number."""

_SCHEDULER = "public.auto_schedule_messages"
_APPLY = "flowctl apply-schema"


@dataclass(frozen=True, slots=True)
class _Shipped:
    """What a routine's file defines."""

    routine: str
    functions: dict[str, str]
    triggers: dict[tuple[str, str], str]


def version(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether the schema is that of this program."""
    try:
        newer = migrate.require_schema(connection)
        pending = [script.name for script in migrate.pending(connection)]
    except SchemaMismatch as error:
        return [fault("schema", error.message, error.hint)]
    if newer is not None:
        return [note("schema", newer, "upgrade this flowctl: pip install --upgrade flowctl")]
    if pending:
        detail = "the server's version or its roles have changed since: " + shown(pending, ", ")
        return [note("schema", detail, _APPLY)]
    return [ok("schema", "is that of this flowctl")]


def copy(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether this database is the one that sends."""
    if reason := identity.why_copy(connection):
        return [
            fault("copy", f"a copy of a database, which does not send: {reason}", identity.HINT)
        ]
    return [ok("copy", "this database is the one that sends")]


def triggers(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether every trigger of ours is there and on, and nothing else schedules messages."""
    found = {
        (trigger.table_name, trigger.name): trigger
        for trigger in doctor_store.own_triggers(connection)
    }
    wanted = {
        where: (shipped.routine, function)
        for shipped in _shipped(connection)
        for where, function in shipped.triggers.items()
    }
    problems: list[tuple[str, str]] = []
    for (table, name), (routine, function) in wanted.items():
        trigger = found.get((table, name))
        if trigger is None or trigger.function != function:
            problems.append((f"{name} on {table} is missing", _again(routine)))
        elif not trigger.is_enabled:
            problems.append(
                (f"{name} on {table} is off", f"alter table {table} enable trigger {name};")
            )
    problems += [
        (
            f"{trigger.name} on {trigger.table_name} schedules messages too",
            f'drop trigger "{trigger.name}" on {trigger.table_name};',
        )
        for where, trigger in found.items()
        if where not in wanted and (trigger.function == _SCHEDULER or trigger.schedules)
    ]
    if problems:
        details, hints = zip(*problems, strict=True)
        return [fault("triggers", shown(details), cures(hints))]
    return [ok("triggers", f"all {len(wanted)} are there and on")]


def functions(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether every function of ours is there, once, with the text that this program ships."""
    try:
        if migrate.require_schema(connection) is not None:
            return [note("functions", "skipped: the schema is of a newer flowctl", "")]
    except SchemaMismatch:
        return []
    found: dict[str, list[str]] = {}
    for function in doctor_store.own_functions(connection):
        found.setdefault(function.name, []).append(_PART.sub(r"\1", function.body))
    # where a file replaces what another one made, the later one counts
    wanted = {
        name: (shipped.routine, body)
        for shipped in _shipped(connection)
        for name, body in shipped.functions.items()
    }
    problems = [
        (f"{name} is {'missing' if name not in found else 'not ours'}", _again(routine))
        for name, (routine, body) in wanted.items()
        if found.get(name) != [body]
    ]
    if problems:
        details, hints = zip(*problems, strict=True)
        return [fault("functions", shown(details), cures(hints))]
    return [ok("functions", "all have the text that this flowctl ships")]


def _shipped(connection: Connection) -> Iterator[_Shipped]:
    for script in scripts(is_distributed=migrate.is_distributed(connection)):
        if script.version is None:
            yield _Shipped(
                script.name,
                {made["name"]: made["body"] for made in _FUNCTION.finditer(script.text)},
                {
                    (made["table"], made["name"]): made["function"]
                    for made in _TRIGGER.finditer(script.text)
                },
            )


def _again(routine: str) -> str:
    """How to have a routine applied that the history believes to be there."""
    forgotten = f"delete from flowctl.routines where name = '{routine}';"  # noqa: S608 - to read
    return f"{forgotten} and then: {_APPLY}"
