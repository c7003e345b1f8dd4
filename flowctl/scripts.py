"""The SQL files that make the schema, in the order in which they are applied."""

import hashlib
import re
from dataclasses import dataclass

from flowctl import __version__, zonerules, zones
from flowctl.database import sql_root

ZONES = "zones"
"""The script that writes the rules of the time zones."""

CITUS = "citus"
"""The script that distributes the tables over several nodes, where that is wanted."""

ENVIRONMENT = """pg_catalog.concat_ws(' ', pg_catalog.current_setting('server_version_num'), (
    select pg_catalog.string_agg(rolname::text, ' ' order by rolname) from pg_catalog.pg_roles
    where rolname in ('anon', 'authenticated', 'service_role')
  ), (
    select pg_catalog.format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = pg_catalog.to_regclass('public.leads') and attname = 'id'
  ))"""
"""An expression for what the effect of a script can depend on besides its text: the server, the
API's roles and the type of the leads' id."""

_OF_LEAD_ID = "public.leads.id%type"
"""What a routine has in its text that takes the id of a lead."""

_STOPS_OLDER = re.compile(r"^-- stops older programs$", re.MULTILINE)

_INSIGNIFICANT = re.compile(r"(?P<kept>'(?:[^']|'')*')|(?P<blank>\s{2,}|[^\S ])|--[^\n]*")
"""A quoted text, white space that is no single blank, or a comment of an SQL file."""

_STATEMENT = re.compile(
    r"(?:--[^\n]*|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|[^;'$-]|[-$])+;", re.DOTALL
)
"""A statement of an SQL file, up to the semicolon that ends it."""


_CALL = re.compile(r"\.(\w+)\(")


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file: a migration (with a version) or a text that is replayed whole when it changes.

    ``environment`` is the environment that it is to be applied in, where its effect depends on
    that, and null where it does not. ``release`` is that of the tz database, whose rules have no
    file: their text is made when it is asked for, and has a history of its own.
    """

    name: str
    text: str
    version: int | None = None
    environment: str | None = None
    release: str | None = None

    @property
    def checksum(self) -> str:
        """What tells this text from one that does something else: not its comments or blanks."""
        return hashlib.sha256(significant(self.text).encode()).hexdigest()[:16]

    @property
    def stops_older(self) -> bool:
        """Whether programs that do not know this migration must not serve the database."""
        return _STOPS_OLDER.search(self.text) is not None

    def sql(self) -> str:
        """The file's text and the statement that enters it into the history."""
        if self.release is not None:
            return f"-- {self.name}\n\n{zonerules.statement()}\n"
        if self.version is not None:
            # a text to be shown: it takes no parameters, and its values are ours
            column, value = (", stops_older", ", true") if self.stops_older else ("", "")
            entry = (
                f"insert into flowctl.migrations (version, name{column}) "  # noqa: S608
                f"values ({self.version}, '{self.name}'{value}) on conflict do nothing;"
            )
        else:
            environment = "''" if self.environment is None else ENVIRONMENT
            entry = (
                "insert into flowctl.routines (name, checksum, environment, program) values\n"
                # the text may be run elsewhere than it was printed for
                f"  ('{self.name}', '{self.checksum}', {environment}, '{__version__}')\n"
                "on conflict (name) do update set checksum = excluded.checksum,\n"
                "  environment = excluded.environment, program = excluded.program,\n"
                "  applied_at = now();"
            )
        return f"-- {self.name}\n\n{self.text.strip()}\n\n{entry}\n"


def scripts(environment: str = "", *, is_distributed: bool = False) -> list[Script]:
    """All SQL files in the order they are applied; ``is_distributed``: over several nodes."""
    root = sql_root()
    found = [
        Script(f.name.removesuffix(".sql"), f.read_text("utf-8"), version=int(f.name[:4]))
        for f in sorted((root / "migrations").iterdir(), key=lambda f: f.name)
        if f.name.endswith(".sql")
    ]
    routines = {
        f.name.removesuffix(".sql"): f.read_text("utf-8")
        for f in (root / "routines").iterdir()
        if f.name.endswith(".sql")
    }
    found.append(_replayed("lead_ids", environment))
    found += [
        Script(
            name,
            routines[name],
            environment=environment if _OF_LEAD_ID in routines[name] else None,
        )
        for name in _callees_first(routines)
    ]
    found.append(Script(ZONES, "", release=zones.release()))
    # the rights come last: they close what the others have made
    last = ("zone_spellings", *((CITUS,) if is_distributed else ()), "security")
    return found + [_replayed(name, environment) for name in last]


def _replayed(name: str, environment: str) -> Script:
    """A file that is replayed where its text or its environment is another."""
    text = (sql_root() / f"{name}.sql").read_text("utf-8")
    return Script(name, text, environment=environment)


def _callees_first(routines: dict[str, str]) -> list[str]:
    """Routine names, each after those its text calls."""
    called = {name: set(_CALL.findall(text)) & routines.keys() for name, text in routines.items()}
    ordered: list[str] = []

    def visit(name: str) -> None:
        for other in sorted(called[name] - {name}):
            if other not in ordered:
                visit(other)
        if name not in ordered:
            ordered.append(name)

    for name in sorted(routines):
        visit(name)
    return ordered


def significant(sql: str) -> str:
    """The text of an SQL file without its comments, its white space made single blanks; what stands
    in quotes stays as it is."""
    return _INSIGNIFICANT.sub(lambda m: m["kept"] or (m["blank"] and " ") or "", sql).strip()


def statements(sql: str) -> list[str]:
    """The statements of an SQL text, each with the comments before it."""
    return [found[0] for found in _STATEMENT.finditer(sql)]
