"""``apply-schema`` as a process."""

from pathlib import Path

import pytest

from flowctl import __version__, migrate
from tests.database.test_adoption import BY_HAND
from tests.support.catalog import schema_text
from tests.support.cli import run_flowctl
from tests.support.postgres import connect

UP_TO_DATE = f"the schema is up to date (flowctl {__version__})\n"


def error_of(stderr: str) -> str:
    """The one line that says what is wrong."""
    [line] = [line for line in stderr.splitlines() if line.startswith("error: ")]
    return line


def test_it_says_what_it_applied_and_then_that_nothing_is_left(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    first = run_flowctl("apply-schema", env=env)
    assert (first.exit_code, first.stderr) == (0, "")
    *applied, last = first.stdout.splitlines(keepends=True)
    assert last == UP_TO_DATE
    assert applied[0] == "applied migration 0001_adopt\n"
    assert applied[-1] == "applied rights and row-level security\n"
    again = run_flowctl("apply-schema", env=env)
    assert (again.exit_code, again.stdout, again.stderr) == (0, UP_TO_DATE, "")


def test_check_changes_nothing_and_tells_by_its_status(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    missing = run_flowctl("apply-schema", "--check", env=env)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "migration 0001_adopt" in missing.stderr
    assert missing.stderr.endswith("hint: flowctl apply-schema\n")
    with connect(empty_database) as conn:
        assert conn.execute("select to_regnamespace('flowctl')").fetchone() == (None,)
        migrate.apply(conn)
        assert run_flowctl("apply-schema", "--check", env=env).stdout == UP_TO_DATE
        conn.execute("update flowctl.routines set checksum = 'older' where name = 'weekdays'")
    older = run_flowctl("apply-schema", "--check", env=env)
    assert older.exit_code == 1
    assert "1 function" in older.stderr


def test_the_text_of_a_dry_run_is_what_would_run(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    dry = run_flowctl("apply-schema", "--dry-run", env=env)
    assert (dry.exit_code, dry.stderr) == (0, "")
    with connect(empty_database) as conn:
        assert conn.execute("select to_regnamespace('flowctl')").fetchone() == (None,)
        conn.execute(dry.stdout.encode())
        assert schema_text(conn)
    assert run_flowctl("apply-schema", "--check", env=env).exit_code == 0
    nothing = run_flowctl("apply-schema", "--dry-run", env=env)
    assert nothing.stdout == "-- The schema is up to date.\n"


def test_what_was_adopted_is_named_and_counted(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute(BY_HAND.encode())
    ran = run_flowctl("apply-schema", env={"DATABASE_URL": empty_database})
    assert ran.exit_code == 0
    assert "steps disabled that could not be scheduled: 2\n" in ran.stdout
    assert "further messages of one step archived: 2\n" in ran.stdout
    again = run_flowctl("apply-schema", env={"DATABASE_URL": empty_database})
    assert again.stdout == UP_TO_DATE


def test_the_embedded_database_is_made_by_applying_only(data_dir: Path) -> None:
    check = run_flowctl("apply-schema", "--check")
    assert check.exit_code == 3
    assert "no database is configured" in error_of(check.stderr)
    dry = run_flowctl("apply-schema", "--dry-run")
    assert dry.exit_code == 0
    assert "no database is configured; this is the whole schema" in dry.stderr
    assert dry.stdout == migrate.text_of(migrate.pending(None))
    assert not data_dir.exists()
    made = run_flowctl("apply-schema")
    assert made.exit_code == 0
    assert made.stderr == f"using the embedded database in {data_dir}\n"
    assert run_flowctl("apply-schema", "--check").stdout == UP_TO_DATE


def test_check_and_dry_run_exclude_each_other() -> None:
    ran = run_flowctl("apply-schema", "--check", "--dry-run")
    assert ran.exit_code == 2
    assert error_of(ran.stderr) == "error: --check and --dry-run exclude each other"


@pytest.mark.parametrize("option", [[], ["--check"], ["--dry-run"]])
def test_a_newer_database_that_only_adds_is_left_as_it_is(database: str, option: list[str]) -> None:
    with connect(database) as conn:
        conn.execute("insert into flowctl.migrations (version, name) values (9999, 'later')")
    ran = run_flowctl("apply-schema", *option, env={"DATABASE_URL": database})
    said = "-- The schema is up to date.\n" if option == ["--dry-run"] else "nothing to apply\n"
    assert (ran.exit_code, ran.stdout) == (0, said)
    if option != ["--dry-run"]:
        assert "newer than this flowctl" in ran.stderr


@pytest.mark.parametrize("option", [[], ["--check"], ["--dry-run"]])
def test_a_newer_database_that_stops_older_programs_is_left_alone(
    database: str, option: list[str]
) -> None:
    with connect(database) as conn:
        conn.execute("insert into flowctl.migrations values (9999, 'later', now(), true)")
    ran = run_flowctl("apply-schema", *option, env={"DATABASE_URL": database})
    assert (ran.exit_code, ran.stdout) == (5, "")
    assert "upgrade" in ran.stderr


def test_what_cannot_be_taken_is_named(empty_database: str) -> None:
    with connect(empty_database) as conn:
        conn.execute("create view leads as select gen_random_uuid() as id, now() as created_at")
    ran = run_flowctl("apply-schema", env={"DATABASE_URL": empty_database})
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert error_of(ran.stderr) == "error: public.leads is not a table"
    assert "hint: " in ran.stderr


@pytest.mark.parametrize("option", [[], ["--check"], ["--dry-run"]])
def test_a_database_that_is_not_there(option: list[str]) -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/crm"
    ran = run_flowctl("apply-schema", *option, env={"DATABASE_URL": url})
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert "hunter2" not in ran.stderr
