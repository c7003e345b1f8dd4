"""``flowctl leads``: add one, enroll some."""

from pathlib import Path

import pytest
from psycopg import sql

from flowctl import migrate
from tests.support.cli import RunFlowctl, run_flowctl
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.postgres import Connection, connect
from tests.support.roles import reader

NOWHERE = "00000000-0000-0000-0000-000000000000"


def test_a_lead_is_added_and_scheduled(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    a_step(conn, day=1)
    ran = flowctl(
        "leads", "add", "--email", " Ada@Example.com", "--phone", "+1 (415) 555-0123",
        "--first-name", "Ada", "source=web=site", "timezone=Europe/Paris", "status=", "--json",
    )  # fmt: skip
    assert (ran.exit_code, ran.stderr) == (0, "")
    document = ran.json()
    assert list(document) == ["id", "scheduled"]
    assert document["scheduled"] == 2
    columns = "first_name, email, phone, source, timezone, status"
    found = conn.execute(f"select {columns} from leads where id = %s", (document["id"],))  # noqa: S608
    assert found.fetchone() == (
        "Ada", "Ada@Example.com", "+14155550123", "web=site", "Europe/Paris", None,
    )  # fmt: skip


def test_people_see_one_line(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    ran = flowctl("leads", "add", "--email", "ada@example.com")
    (identity,) = conn.execute("select id from leads").fetchone() or ("",)
    assert ran.stdout == f"lead {identity}: 1 message scheduled\n"


def test_a_national_number_needs_a_region(flowctl: RunFlowctl, conn: Connection) -> None:
    args = ("leads", "add", "--phone", "(415) 555-0123")
    refused = flowctl(*args)
    assert refused.exit_code == 2
    assert "FLOWCTL_DEFAULT_REGION" in refused.stderr
    assert flowctl(*args, env={"FLOWCTL_DEFAULT_REGION": "US"}).exit_code == 0
    assert conn.execute("select phone from leads").fetchall() == [("+14155550123",)]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("02.03.2026", "2026-03-02 08:00+00"),
        ("02.03.2026 15:04", "2026-03-02 23:04+00"),
        ("2026-03-02T15:04:05Z", "2026-03-02 15:04:05+00"),
        ("Mar 2, 2026 3:04 PM", "2026-03-02 23:04+00"),
    ],
)
def test_a_creation_time_is_of_the_leads_zone(
    written: str, instant: str, flowctl: RunFlowctl, conn: Connection
) -> None:
    """Dots mean day first, everywhere but in PostgreSQL."""
    flowctl("leads", "add", "timezone=America/Los_Angeles", f"created_at={written}")
    found = conn.execute("select created_at = %s::timestamptz from leads", (instant,)).fetchone()
    assert found == (True,)


def test_an_unknown_zone_is_taken_with_a_warning(flowctl: RunFlowctl) -> None:
    ran = flowctl("leads", "add", "timezone=Mars/Base")
    assert ran.exit_code == 0
    assert "warning: 'Mars/Base' is not an IANA time zone" in ran.stderr


def test_a_hostile_value_is_stored_as_it_is(flowctl: RunFlowctl, conn: Connection) -> None:
    ran = flowctl("leads", "add", "--first-name", HOSTILE)
    assert ran.exit_code == 0
    assert conn.execute("select first_name from leads").fetchall() == [(HOSTILE,)]
    refused = flowctl("leads", "add", "--email", HOSTILE)
    assert refused.exit_code == 2
    assert not any(character in refused.stderr for character in FORBIDDEN)


@pytest.mark.parametrize(
    ("args", "status", "error", "hint"),
    [
        ([], 2, "there is nothing to add", ""),
        (["email"], 2, "not COLUMN=VALUE: 'email'", ""),
        (["=x"], 2, "not COLUMN=VALUE: '=x'", ""),
        (["--email", "a@b.co", "email=a@b.co"], 2, "column email is given twice", ""),
        (["emial=a@b.co"], 3, "public.leads has no column 'emial'", "did you mean 'email'?"),
        (["zzz=1"], 3, "public.leads has no column 'zzz'", "known are id, created_at"),
        (["email; drop table leads=1"], 3, "public.leads has no column", ""),
        (["--email", "a@b.co, c@d.co"], 2, "email: 'a@b.co, c@d.co' is not an email address", ""),
        (["--phone", "+12"], 2, "phone: '+12' is not a phone number", "correct the phone"),
        (["created_at=monday"], 2, "created_at: 'monday' is not a date", "correct the created_at"),
        (["created_at=02/03/2026"], 2, "may be of two days: write it like 2026-03-02 15:00", ""),
        (["id=7"], 2, "id: invalid input syntax for type uuid", "its type is uuid"),
        (["source=\udcff"], 3, "a text is not valid UTF-8", ""),
    ],
)
def test_what_cannot_be_added(  # noqa: PLR0917  # a row of the table above, and two fixtures
    args: list[str],
    status: int,
    error: str,
    hint: str,
    flowctl: RunFlowctl,
    conn: Connection,
) -> None:
    ran = flowctl("leads", "add", *args)
    assert (ran.exit_code, ran.stdout) == (status, "")
    first, second = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint: ")
    assert hint in second
    assert conn.execute("select count(*) from leads").fetchone() == (0,)


def test_leads_of_the_users_own_shape(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    with connect(empty_database) as conn:
        conn.execute(
            'create table leads ("E-Mail" text, age smallint not null, '
            "id bigint generated always as identity primary key, "
            "created_at date default now(), twice int generated always as (age * 2) stored)"
        )
        migrate.apply(conn)
        ran = run_flowctl("leads", "add", "E-Mail=x", "age=41", "--json", env=env)
        assert ran.json() == {"id": "1", "scheduled": 0}
        assert conn.execute('select "E-Mail", age, twice from leads').fetchall() == [("x", 41, 82)]
    for args, (status, error) in {
        ("--email", "ada@example.com"): (3, "public.leads has no column 'email'"),
        ("age=x",): (2, "age: 'x' is not a whole number"),
        ("age=99999",): (2, "age: value"),
        ("E-Mail=x",): (3, "null value in column"),
        ("age=1", "id=5"): (3, "column id is computed by the database"),
        ("age=1", "twice=5"): (3, "column twice is computed by the database"),
    }.items():
        refused = run_flowctl("leads", "add", *args, env=env)
        assert refused.exit_code == status
        assert error in refused.stderr


def test_a_lead_that_a_trigger_drops_is_no_success(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute(
        "create function drop_it() returns trigger language plpgsql as 'begin return null; end'"
    )
    conn.execute(
        "create trigger drop_it before insert on leads for each row execute function drop_it()"
    )
    ran = flowctl("leads", "add", "--email", "ada@example.com")
    assert ran.exit_code == 4
    assert "did not keep the lead" in ran.stderr


def test_the_embedded_database_is_made_for_the_first_lead(data_dir: Path) -> None:
    first = run_flowctl("leads", "add", "--email", "ada@example.com", "--json")
    assert first.exit_code == 0, first.stderr
    assert f"using the embedded database in {data_dir}" in first.stderr
    assert "the schema was applied" in first.stderr
    second = run_flowctl("leads", "add", "--email", "bob@example.com")
    assert second.exit_code == 0
    assert "schema" not in second.stderr


def test_a_server_of_the_users_gets_no_schema_from_leads(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    assert run_flowctl("leads", "add", "--email", "ada@example.com", env=env).exit_code == 5


def test_leads_are_enrolled_once(flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, "nurture")
    old = a_lead(conn, created_at="2026-01-01T00:00Z")
    new = [str(a_lead(conn)), str(a_lead(conn))]
    a_step(conn, flow="nurture", day=1)
    a_step(conn, flow="nurture", day=2)
    a_step(conn, day=2)
    asked = flowctl("leads", "enroll", "--flow", "nurture", *new, str(old))
    assert asked.exit_code == 1
    assert "add 4 messages of nurture for 2 leads?" in asked.stderr
    assert "--yes" in asked.stderr
    assert messages(conn, "id") == []
    done = flowctl("leads", "enroll", "--flow", "nurture", new[0], new[0].upper(), "--yes")
    assert (done.exit_code, done.stdout) == (0, "2 messages of nurture added\n")
    rest = flowctl("leads", "enroll", "--flow", "nurture", "--all", "--yes")
    assert rest.stdout == "2 messages of nurture added\n"
    assert {str(row[0]) for row in messages(conn, "lead_id")} == set(new)
    again = flowctl("leads", "enroll", "--flow", "nurture", "--all")
    assert again.exit_code == 0
    assert "nothing to add" in again.stdout


def test_all_leads_are_enrolled_in_batches(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute(
        "insert into leads (email) select n || '@example.com' from generate_series(1, 2001) n"
    )
    a_step(conn, day=1)
    ran = flowctl("leads", "enroll", "--flow", "default", "--all", "--yes")
    assert ran.stdout == "2001 messages of default added\n"
    assert conn.execute("select count(distinct lead_id) from message_logs").fetchone() == (2001,)


@pytest.mark.parametrize(
    ("args", "status", "error"),
    [
        (["--flow", "default"], 2, "give leads, or --all"),
        (["--flow", "default", "--all", "x"], 2, "not both"),
        (["--all"], 2, "missing option '--flow'"),
        (["--flow", "defalt", "--all"], 3, "there is no flow 'defalt'"),
        (["--flow", "default", "x"], 3, "no lead has the id 'x'"),
        (["--flow", "default", "x", NOWHERE], 3, "2 of these leads do not exist"),
    ],
)
def test_who_cannot_be_enrolled(
    args: list[str], status: int, error: str, flowctl: RunFlowctl
) -> None:
    ran = flowctl("leads", "enroll", *args, "--yes")
    assert (ran.exit_code, ran.stdout) == (status, "")
    assert error in ran.stderr.splitlines()[0]


def test_a_reader_may_not_add(flowctl: RunFlowctl, conn: Connection, database: str) -> None:
    with reader(conn, database) as url:
        ran = flowctl("leads", "add", "--email", "ada@example.com", env={"DATABASE_URL": url})
    assert ran.exit_code == 4
    assert "permission denied" in ran.stderr


def test_a_read_only_database_is_no_bug(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute(
        sql.SQL("alter database {} set default_transaction_read_only = on").format(
            sql.Identifier(conn.info.dbname)
        )
    )
    ran = flowctl("leads", "add", "--email", "ada@example.com")
    assert ran.exit_code == 4
    assert "read-only" in ran.stderr
