"""A copy of the database does not send, however it was made, until it is told that it has moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg import sql

from flowctl.embedded.layout import Layout
from flowctl.errors import InputError
from tests.support.cli import Ran, run_flowctl
from tests.support.dispatching import dispatch_once
from tests.support.distributed import on_one_machine
from tests.support.dumps import dump, program, restore
from tests.support.factories import a_lead, a_step, messages
from tests.support.own_server import own_server
from tests.support.postgres import Connection, Postgres, connect
from tests.support.smtp_server import SmtpServer


def flowctl(url: str, smtp: SmtpServer, *args: str, text: str | None = None) -> Ran:
    environ = {
        "DATABASE_URL": url, "SMTP_URL": smtp.url(), "EMAIL_FROM": "us@example.com",
    }  # fmt: skip
    return run_flowctl(*args, env=environ, input=text)


def dispatch(url: str, smtp: SmtpServer) -> int:
    """How many messages a run sends."""
    ran = flowctl(url, smtp, "dispatch", "--once", "--json")
    assert ran.exit_code == 0, ran.stderr
    sent = ran.json()["sent"]
    assert isinstance(sent, int)
    return sent


def assert_copy(url: str, smtp: SmtpServer, reason: str) -> None:
    """It does not send, and says why."""
    ran = flowctl(url, smtp, "dispatch", "--once")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert reason in ran.stderr
    assert "flowctl apply-schema --moved" in ran.stderr


def moved(url: str, smtp: SmtpServer) -> Ran:
    ran = flowctl(url, smtp, "apply-schema", "--moved")
    assert ran.exit_code == 0, ran.stderr
    return ran


@pytest.fixture
def sent(conn: Connection, database: str, smtp: SmtpServer) -> None:
    """One email was sent, and another is due."""
    a_step(conn)
    a_lead(conn)
    assert dispatch(database, smtp) == 1
    a_lead(conn, email="bob@example.com")


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


@pytest.mark.usefixtures("sent")
def test_the_original_sends_as_ever(database: str, smtp: SmtpServer) -> None:
    ran = moved(database, smtp)
    assert "already" in ran.stdout
    assert "reconcile" not in ran.stderr
    assert dispatch(database, smtp) == 1


@on_one_machine("a cluster is copied by its files")
@pytest.mark.usefixtures("sent")
def test_a_database_made_from_another(
    database: str, conn: Connection, postgres: Postgres, smtp: SmtpServer
) -> None:
    conn.close()
    reason = "from another database of this server"
    with clone(postgres, database) as url:
        assert_copy(url, smtp, reason)
        plain = flowctl(url, smtp, "apply-schema")
        assert plain.exit_code == 0
        assert reason in plain.stderr
        sample = ["steps", "test", "#1", "--to", "me@example.com"]
        for command in (["dispatch", "--loop"], ["reconcile"], sample):
            ran = flowctl(url, smtp, *command)
            assert (ran.exit_code, ran.stdout) == (3, "")
            assert reason in ran.stderr
        assert flowctl(url, smtp, "reconcile", "-", text="Subject: x\n\nx\n").exit_code == 75
        assert flowctl(url, smtp, "dispatch", "--dry-run").exit_code == 0
        checks = {c["name"]: c for c in flowctl(url, smtp, "doctor", "--json").json()["checks"]}
        assert (checks["copy"]["status"], reason in checks["copy"]["detail"]) == ("fault", True)
        assert len(smtp.mails) == 1
        ran = moved(url, smtp)
        assert "is the one that sends now" in ran.stdout
        assert "flowctl reconcile" in ran.stderr
        assert "nothing is known of emails sent after 20" in ran.stderr
        assert "1 email due" in ran.stderr
        assert dispatch(url, smtp) == 1
        assert dispatch(url, smtp) == 0


@contextmanager
def clone(postgres: Postgres, url: str) -> Iterator[str]:
    """As an operator makes one, who tells the clone nothing."""
    name = sql.Identifier(f"{name_of(url)}_staging")
    with connect(postgres.url("postgres")) as admin:
        admin.execute(
            sql.SQL("create database {} template {}").format(name, sql.Identifier(name_of(url)))
        )
        try:
            yield postgres.url(f"{name_of(url)}_staging")
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(name))


@on_one_machine("a cluster is copied by its files")
@pytest.mark.usefixtures("sent")
def test_a_dump_restored_into_another_database(
    database: str, empty_database: str, tmp_path: Path, smtp: SmtpServer
) -> None:
    restore(dump(database, tmp_path / "dump"), empty_database)
    assert_copy(empty_database, smtp, "from another database")
    assert dispatch(database, smtp) == 1
    moved(empty_database, smtp)
    assert flowctl(empty_database, smtp, "dispatch", "--once").exit_code == 0


@on_one_machine("a cluster is copied by its files")
@pytest.mark.usefixtures("sent")
def test_a_dump_restored_over_its_database(database: str, tmp_path: Path, smtp: SmtpServer) -> None:
    file = dump(database, tmp_path / "dump")
    assert dispatch(database, smtp) == 1
    restore(file, database, "--clean", "--if-exists")
    assert_copy(database, smtp, "its tables were restored")
    moved(database, smtp)
    assert dispatch(database, smtp) == 1


@pytest.mark.usefixtures("sent")
def test_a_dump_of_another_server(database: str, conn: Connection, smtp: SmtpServer) -> None:
    conn.execute("update flowctl.identity set system_identifier = 1, database_oid = 1")
    assert_copy(database, smtp, "its server is another")
    moved(database, smtp)
    assert dispatch(database, smtp) == 1


def test_a_standby_that_is_promoted(cluster: Path, smtp: SmtpServer) -> None:
    with own_server(cluster) as server:
        with server.connect() as conn:
            a_step(conn)
            a_lead(conn)
        server.stop()
        Layout.of(cluster).cluster.joinpath("standby.signal").touch()
        server.start()
        with server.connect() as conn:
            assert conn.execute("select pg_promote()").fetchone() == (True,)
            assert_copy(server.url, smtp, "promoted")
            moved(server.url, smtp)
            assert dispatch(server.url, smtp) == 1


@pytest.mark.parametrize("way", ["custom", "plain", "public", "unscheduled"])
@pytest.mark.usefixtures("sent")
def test_data_of_a_dump_in_a_prepared_database(
    database: str, empty_database: str, tmp_path: Path, smtp: SmtpServer, way: str
) -> None:
    """Nothing that was sent is sent again, whatever of the history came through."""
    assert dispatch(database, smtp) == 1
    with connect(empty_database) as conn:
        assert flowctl(empty_database, smtp, "apply-schema").exit_code == 0
        if way == "plain":
            a_step(conn)
        file = tmp_path / "data"
        if way in {"custom", "unscheduled"}:
            options = ["--disable-triggers"] if way == "unscheduled" else []
            restore(dump(database, file), empty_database, "--data-only", *options, may_fail=True)
        else:
            only = ["--schema=public"] if way == "public" else []
            program("pg_dump", database, "--data-only", f"--file={file}", *only)
            program("psql", empty_database, "-X", "-q", "-f", file)
        assert conn.execute("select count(*) from leads").fetchone() == (2,)
        assert messages(conn, "status") in ([], [("sent",), ("sent",)])
        assert_copy(empty_database, smtp, "data of a dump was restored into it")
        moved(empty_database, smtp)
        assert dispatch(empty_database, smtp) == 0


def test_no_other_role_can_stop_the_sending(conn: Connection) -> None:
    conn.execute("create role web_form login")
    try:
        conn.execute("grant insert on leads to web_form")
        conn.execute("alter table leads disable row level security")
        a_step(conn)
        conn.execute("set session authorization web_form")
        for line in ("check_function_bodies = off", "row_security = off",
                     "client_min_messages = warning"):  # fmt: skip
            conn.execute(f"set {line}".encode())
        conn.execute("insert into leads (email) values ('ada@example.com')")
        conn.execute("reset session authorization")
        assert messages(conn, "status") == [("pending",)]
        assert conn.execute("select flowctl.why_copy()").fetchone() == (None,)
    finally:
        conn.execute("reset session authorization")
        conn.execute("drop owned by web_form")
        conn.execute("drop role web_form")


def test_a_schema_of_before_gets_its_identity(database: str, conn: Connection) -> None:
    conn.execute("drop table flowctl.identity")
    conn.execute(
        "delete from flowctl.migrations where version >= "
        "(select version from flowctl.migrations where name like '%identity')"
    )
    conn.execute("delete from flowctl.routines where name = 'take_over'")
    assert run_flowctl("apply-schema", env={"DATABASE_URL": database}).exit_code == 0
    assert conn.execute("select flowctl.why_copy()").fetchone() == (None,)


@pytest.mark.usefixtures("sent")
def test_the_printed_text_moves_it_too(database: str, conn: Connection, smtp: SmtpServer) -> None:
    conn.execute("update flowctl.identity set table_oid = 1")
    for options, reason in (([], "table"), (["--moved"], None)):
        printed = flowctl(database, smtp, "apply-schema", "--dry-run", *options)
        conn.execute(printed.stdout.encode())
        assert conn.execute("select flowctl.why_copy()").fetchone() == (reason,)
    assert flowctl(database, smtp, "apply-schema", "--check", "--moved").exit_code == 2


def test_a_dispatcher_that_runs_claims_nothing_more(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("insert into flowctl.identity (is_restore) values (true)")
    with pytest.raises(InputError, match="does not send"):
        dispatch_once(database)
