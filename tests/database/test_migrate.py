"""The schema is applied as a whole or not at all, once, by whoever comes, and only forwards."""

import subprocess
import threading
from pathlib import Path

import pytest
from psycopg.errors import UndefinedColumn

from flowctl import __version__, migrate, zonerules, zones
from flowctl.database import connect as connect_translated
from flowctl.embedded.binaries import find_binaries
from flowctl.errors import DatabaseUnavailable, SchemaMismatch
from flowctl.scripts import Script, scripts
from tests.support.catalog import schema_text
from tests.support.factories import a_step, messages
from tests.support.postgres import Connection, Postgres, connect
from tests.support.waiting import until


def names(found: list[Script]) -> list[str]:
    return [script.name for script in found]


def test_applying_twice_changes_nothing(empty_database: str) -> None:
    with connect(empty_database) as conn:
        applied = migrate.apply(conn)
        assert applied == names(scripts())
        before = schema_text(conn)
        assert migrate.pending(conn) == []
        assert migrate.apply(conn) == []
        assert schema_text(conn) == before
        migrate.require_schema(conn)


def test_two_at_once_apply_it_once(empty_database: str) -> None:
    applied: list[list[str]] = []

    def apply() -> None:
        with connect(empty_database) as connection:
            applied.append(migrate.apply(connection))

    threads = [threading.Thread(target=apply) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, applied)) == [0, 0, 0, len(scripts())]


def test_the_printed_text_is_one_query(empty_database: str) -> None:
    text = migrate.text_of(migrate.pending(None)).encode()
    with connect(empty_database) as conn:
        conn.execute(text)
        first = schema_text(conn)
        conn.execute(text)
        assert schema_text(conn) == first
        assert migrate.pending(conn) == []
        migrate.require_schema(conn)


def test_the_printed_text_of_a_database_leaves_nothing_to_do(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(migrate.text_of(migrate.pending(conn)).encode())
        assert migrate.pending(conn) == []
        assert migrate.text_of([]).startswith("--")


@pytest.mark.parametrize("options", [[], ["--single-transaction"]])
def test_the_printed_text_runs_in_psql_and_again(
    postgres: Postgres, tmp_path: Path, options: list[str]
) -> None:
    file = tmp_path / "schema.sql"
    file.write_text(migrate.text_of(migrate.pending(None)), "utf-8")
    with postgres.database(template="template0") as url:
        psql(url, *options, "-f", str(file))
        with connect(url) as conn:
            migrate.require_schema(conn)
            first = schema_text(conn)
            psql(url, *options, "-f", str(file))
            assert schema_text(conn) == first


def test_psql_that_goes_on_after_an_error_changes_nothing(
    postgres: Postgres, tmp_path: Path
) -> None:
    file = tmp_path / "schema.sql"
    file.write_text(migrate.text_of(migrate.pending(None)), "utf-8")
    with postgres.database(template="template0") as url, connect(url) as conn:
        conn.execute("create table leads (id smallint primary key, created_at timestamptz)")
        psql(url, "-v", "ON_ERROR_STOP=0", "-f", str(file))
        assert conn.execute("select to_regnamespace('flowctl')").fetchone() == (None,)
        assert conn.execute("select to_regclass('public.message_logs')").fetchone() == (None,)


def psql(url: str, *arguments: str) -> None:
    """Run psql without the user's own settings; the first error is the end."""
    program = find_binaries({}).folder / "psql"
    done = subprocess.run(
        [program, url, "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_changed_routine_is_applied_again_and_rights_after_it(conn: Connection) -> None:
    migrate.apply(conn)
    conn.execute("update flowctl.routines set checksum = 'older' where name = 'weekdays'")
    with pytest.raises(SchemaMismatch, match="older"):
        migrate.require_schema(conn)
    conn.execute("grant execute on function flowctl.weekdays to public")
    assert migrate.apply(conn) == ["weekdays", "security"]
    assert conn.execute(
        "select proacl::text like '{=X%' from pg_proc where proname = 'weekdays'"
    ).fetchone() == (False,)


def test_rules_of_the_zones_are_taken_when_the_package_has_newer_ones(conn: Connection) -> None:
    conn.execute("update flowctl.zone_releases set release = '2025b'")
    conn.execute(
        "update flowctl.zones set offsets = '{01:00}', instants = '{-infinity}'"
        " where name = 'Europe/Rome'"
    )
    migrate.require_schema(conn)
    assert migrate.apply(conn) == ["zones", "security"]
    assert conn.execute("select max(release) from flowctl.zone_releases").fetchone() == (
        zones.release(),
    )
    assert conn.execute(
        "select flowctl.local_time('2026-07-01 12:00Z', 'Europe/Rome')::text"
    ).fetchone() == ("2026-07-01 14:00:00",)


def test_older_rules_replace_no_newer_ones(conn: Connection) -> None:
    conn.execute("insert into flowctl.zone_releases (release) values ('9999a')")
    conn.execute("delete from flowctl.zones where name = 'Europe/Rome'")
    assert migrate.apply(conn) == []
    conn.execute(zonerules.statement().encode())
    assert conn.execute("select from flowctl.zones where name = 'Europe/Rome'").fetchone() is None


NEWER = [
    b"insert into flowctl.migrations (version, name) values (9999, '9999_later')",
    b"update flowctl.routines set program = '99.0.0' where name = 'weekdays'",
    b"update flowctl.routines set program = '99.0.0rc1', checksum = '?' where name = 'weekdays'",
]


@pytest.mark.parametrize("newer", NEWER)
def test_a_newer_database_that_only_adds_is_served_and_left_as_it_is(
    conn: Connection, newer: bytes
) -> None:
    conn.execute(newer)
    before = schema_text(conn)
    assert __version__ in (migrate.require_schema(conn) or "")
    assert migrate.pending(conn) == []
    assert migrate.apply(conn) == []
    assert schema_text(conn) == before


def test_the_newest_program_is_the_one_of_the_highest_number(conn: Connection) -> None:
    conn.execute("update flowctl.routines set program = '9.0.0' where name = 'weekdays'")
    conn.execute("update flowctl.routines set program = '10.0.0' where name = 'zone_of'")
    assert "flowctl 10.0.0" in (migrate.require_schema(conn) or "")


def test_a_function_planted_in_public_is_not_called(empty_database: str) -> None:
    with connect(empty_database) as conn:
        # of the very type that is asked for, so it would be preferred to PostgreSQL's own
        conn.execute(
            "create function public.pg_advisory_xact_lock(integer) returns void language plpgsql"
            " as $$ begin raise 'planted'; end $$"
        )
        assert migrate.apply(conn)


def test_a_newer_database_that_stops_older_programs_is_refused(conn: Connection) -> None:
    conn.execute("insert into flowctl.migrations values (9998, '9998_stop', now(), true)")
    conn.execute("insert into flowctl.migrations (version, name) values (9999, '9999_later')")
    before = schema_text(conn)
    for use in (migrate.apply, migrate.pending, migrate.require_schema):
        with pytest.raises(SchemaMismatch, match=__version__) as caught:
            use(conn)
        assert "upgrade" in caught.value.hint
    assert schema_text(conn) == before


def test_a_migration_of_our_own_that_stops_older_programs_stops_us_not(conn: Connection) -> None:
    conn.execute("update flowctl.migrations set stops_older = true")
    assert migrate.require_schema(conn) is None


def test_each_migration_has_the_next_number() -> None:
    numbers = [script.version for script in scripts() if script.version is not None]
    assert numbers == list(range(1, len(numbers) + 1))


def test_comments_and_blanks_of_a_routine_are_no_difference() -> None:
    one = Script("r", "-- it's old\nselect  'a  b', 1 -2; -- x\n")
    other = Script("r", "select 'a  b',\n  1 -2;\n\n")
    assert one.checksum == other.checksum
    for changed in ("select 'a b', 1 -2;", "select 'a  b', 1 - 2;", "select 'A  b', 1 -2;"):
        assert Script("r", changed).checksum != one.checksum


def test_a_migration_says_that_it_stops_older_programs() -> None:
    stops = Script("0009_x", "-- stops older programs\nselect 1;", version=9)
    adds = Script("0009_x", "-- it never stops older programs\nselect 1;", version=9)
    assert "(version, name, stops_older) values (9, '0009_x', true)" in stops.sql()
    assert "(version, name) values (9, '0009_x')" in adds.sql()


def test_an_older_or_missing_schema_is_named(conn: Connection, empty_database: str) -> None:
    conn.execute(
        "delete from flowctl.migrations"
        " where version = (select max(version) from flowctl.migrations)"
    )
    with pytest.raises(SchemaMismatch, match="older"):
        migrate.require_schema(conn)
    with connect(empty_database) as empty, pytest.raises(SchemaMismatch, match="no flowctl schema"):
        migrate.require_schema(empty)


def test_a_busy_table_is_given_up_with_nothing_applied(empty_database: str) -> None:
    with connect(empty_database) as user, connect_translated(empty_database) as conn:
        user.execute("create table leads (id uuid primary key, created_at timestamptz)")
        with user.transaction():
            user.execute("insert into leads values (gen_random_uuid(), now())")
            with pytest.raises(DatabaseUnavailable, match="in use for 50ms") as caught:
                migrate.apply(conn, lock_timeout="50ms")
            assert "nothing was applied" in caught.value.message
        found = conn.execute("select to_regnamespace('flowctl')").fetchone()
        assert found == (None,)
        assert migrate.apply(conn)


def test_it_waits_for_a_table_longer_than_a_statement_may_take(empty_database: str) -> None:
    waits = (
        "select wait_event_type = 'Lock' and now() > query_start + interval '1.2 seconds'"
        " from pg_stat_activity where pid = %s"
    )
    with connect(empty_database) as user, connect(empty_database) as other:
        user.execute("create table leads (id uuid primary key, created_at timestamptz)")
        other.execute("set statement_timeout = '1s'")
        with connect(empty_database) as watcher:
            pid = other.info.backend_pid
            thread = threading.Thread(target=lambda: migrate.apply(other))
            with user.transaction():
                user.execute("insert into leads values (gen_random_uuid(), now())")
                thread.start()
                until(lambda: watcher.execute(waits, (pid,)).fetchone() == (True,))
            thread.join()
        migrate.require_schema(user)


def test_a_failure_half_way_leaves_nothing(empty_database: str) -> None:
    with connect(empty_database) as conn:
        # in the way of the second migration
        conn.execute("create schema flowctl; create table flowctl.zones (zone text)")
        with pytest.raises(UndefinedColumn, match="folded"):
            migrate.apply(conn)
        assert conn.execute("select to_regclass('public.flows')").fetchone() == (None,)


def test_the_callers_settings_come_back(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("set lock_timeout = '3s'")
        migrate.apply(conn)
        row = conn.execute(
            "select current_setting('lock_timeout'), current_setting('client_min_messages')"
        ).fetchone()
        assert row == ("3s", "notice")


@pytest.mark.parametrize(("former", "later"), [("integer", "bigint"), ("varchar(40)", "text")])
def test_a_widened_id_of_leads_is_followed(empty_database: str, former: str, later: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(
            f"create table leads (id {former} primary key, created_at timestamptz default now(),"
            " email text)".encode()
        )
        migrate.apply(conn)
        a_step(conn)
        conn.execute("insert into leads (id, email) values ('7', 'ada@example.com')")
        conn.execute(f"alter table leads alter column id type {later}".encode())
        assert "lead_ids" in names(migrate.pending(conn))
        migrate.apply(conn)
        assert migrate.pending(conn) == []
        conn.execute("insert into leads (id, email) values ('3000000000', 'bob@example.com')")
        assert [str(lead) for (lead,) in messages(conn, "lead_id")] == ["7", "3000000000"]
        scheduled = conn.execute(
            "select schedule_messages_for_lead(leads.id), pg_typeof(lead_id)::text from leads"
            " inner join message_logs on lead_id = leads.id"
        ).fetchall()
        assert scheduled == [(0, later)] * 2
