"""What the outside is told of runs: their history, a file of figures, a ping."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from flowctl.dispatch.events import Totals
from flowctl.dispatch.options import Options
from flowctl.dispatch.request import Request
from flowctl.dispatch.watching import Watch
from flowctl.settings import Secret, Settings
from tests.support.cli import RunFlowctl, run_flowctl
from tests.support.crashing import Dispatching
from tests.support.factories import a_lead, a_step
from tests.support.ping_server import Pinged, ping_server
from tests.support.postgres import Connection, Postgres
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until


@pytest.fixture
def environ(smtp: SmtpServer) -> dict[str, str]:
    return {"SMTP_URL": smtp.url(), "EMAIL_FROM": "news@acme.example"}


@pytest.fixture
def pinged() -> Iterator[Pinged]:
    with ping_server() as server:
        yield server


def history(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "select sent, failed, exit_status, ended_at is not null from flowctl.runs "
        "order by started_at"
    ).fetchall()


def test_a_run_enters_the_history_and_how_it_ended(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str]
) -> None:
    a_step(conn)
    a_lead(conn)
    a_lead(conn, email="not an address")
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop, started_at) values "
        "(gen_random_uuid(), 'old', false, now() - interval '31 days')"
    )
    assert flowctl("dispatch", "--once", env=environ).exit_code == 0
    assert history(conn) == [(1, 1, 0, True)]
    a_step(conn, type="text", content="Hi")
    a_lead(conn)
    assert flowctl("dispatch", "--once", env=environ).exit_code == 1
    assert history(conn) == [(1, 1, 0, True), (1, 0, 1, True)]


def test_a_provider_that_cannot_be_reached_is_in_it(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str]
) -> None:
    a_step(conn)
    a_lead(conn)
    gone = {**environ, "SMTP_URL": "smtp://127.0.0.1:1"}
    assert flowctl("dispatch", "--once", env=gone).exit_code == 6
    assert history(conn) == [(0, 0, 6, True)]


@pytest.mark.parametrize("way", ["--outbox", "--dry-run"])
def test_what_sends_nothing_is_not_in_it(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path, way: str
) -> None:
    folder = [tmp_path / "out"] if way == "--outbox" else []
    assert flowctl("dispatch", "--once", way, *folder).exit_code == 0
    assert history(conn) == []


def test_a_history_that_cannot_be_written_fails_no_run(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str]
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("alter table flowctl.runs add constraint never check (host = '')")
    ran = flowctl("dispatch", "--once", env=environ)
    assert ran.exit_code == 0
    assert "the history of runs cannot be written" in ran.stderr
    assert conn.execute("select status from message_logs").fetchall() == [("sent",)]


def test_a_loop_is_at_work_until_it_ends(
    conn: Connection, database: str, environ: dict[str, str], tmp_path: Path
) -> None:
    a_step(conn)
    a_lead(conn)
    with Dispatching("--loop", conninfo=database, environ=environ, log=tmp_path / "log") as loop:
        until(lambda: conn.execute("select from message_logs where status = 'sent'").rowcount == 1)
        at_work = run_flowctl("status", "--json", env={"DATABASE_URL": database}).json()
        (dispatcher,) = at_work["dispatchers"]
        assert dispatcher.keys() == {"host", "since"}
        assert at_work["last_run"]["exit"] is None
        loop.signal(signal.SIGTERM)
        assert loop.wait() == 0
    document = run_flowctl("status", "--json", env={"DATABASE_URL": database}).json()
    assert document["dispatchers"] == []
    assert list(document["last_run"]) == [
        "host", "started_at", "ended_at", "sent", "failed", "exit",
    ]  # fmt: skip
    assert (document["last_run"]["sent"], document["last_run"]["exit"]) == (1, 0)
    assert document["last_run"]["ended_at"] > document["last_run"]["started_at"]


def test_a_dispatcher_that_was_not_heard_of_for_long_is_not_at_work(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop, started_at, seen_at) "
        "select gen_random_uuid(), format('m%s', n), true, now() - interval '9 hours', "
        "now() - n * interval '1 minute' from unnest(array[1, 4, 6, 60]) n"
    )
    found = flowctl("status", "--json").json()["dispatchers"]
    assert sorted(one["host"] for one in found) == ["m1", "m4"]


# figures


def figures(path: Path) -> dict[str, int]:
    """The samples of a file, every line of which must be one, or a comment, of the format."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ gauge)", line)
            continue
        sample = re.fullmatch(r'([a-z_]+(?:\{[a-z]+="[^"\\]+"\})?) (\d+)', line)
        assert sample is not None, line
        found[sample[1]] = int(sample[2])
    return found


def test_figures_are_written_whole(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str], tmp_path: Path
) -> None:
    a_step(conn)
    a_step(conn, type="text", content="Hi")
    a_lead(conn)
    file = tmp_path / "flowctl.prom"
    assert flowctl("dispatch", "--once", "--metrics", file, env=environ).exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["flowctl.prom"]
    found = figures(file)
    assert found['flowctl_run_messages{outcome="sent"}'] == 1
    assert found['flowctl_run_messages{outcome="held"}'] == 1
    assert found['flowctl_due_messages{channel="text"}'] == 1
    assert found['flowctl_due_messages{channel="email"}'] == 0
    assert found["flowctl_run_exit_status"] == 1


def test_figures_that_cannot_be_written_fail_no_run(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str], tmp_path: Path
) -> None:
    a_step(conn)
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--metrics", tmp_path / "no" / "f.prom", env=environ)
    assert ran.exit_code == 0
    assert "metrics" in ran.stderr
    assert history(conn) == [(1, 0, 0, True)]


# pings


def test_a_run_that_ends_well_pings(
    flowctl: RunFlowctl, environ: dict[str, str], pinged: Pinged
) -> None:
    ran = flowctl("dispatch", "--once", env={**environ, "FLOWCTL_PING_URL": pinged.url})
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "")
    assert flowctl("dispatch", "--once", "--ping", f"{pinged.url}/2", env=environ).exit_code == 0
    assert pinged.paths == ["/QXZJ-secret", "/QXZJ-secret/2"]


def test_a_run_that_does_not_end_well_does_not(
    conn: Connection, flowctl: RunFlowctl, environ: dict[str, str], pinged: Pinged
) -> None:
    a_step(conn, type="text", content="Hi")
    a_lead(conn)
    assert flowctl("dispatch", "--once", "--ping", pinged.url, env=environ).exit_code == 1
    assert flowctl("dispatch", "--dry-run", "--ping", pinged.url, env=environ).exit_code == 0
    assert pinged.paths == []


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/QXZJ"])
def test_a_ping_that_fails_fails_no_run_and_shows_no_address(
    flowctl: RunFlowctl, environ: dict[str, str], pinged: Pinged, url: str
) -> None:
    pinged.status = 500
    env = {**environ, "FLOWCTL_PING_URL": url or pinged.url}
    ran = flowctl("dispatch", "--once", env=env)
    assert ran.exit_code == 0
    assert "warning: ping:" in ran.stderr
    assert "QXZJ" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("url", ["example.com", "file:///etc/passwd", "https://", "http://a b"])
def test_an_address_that_is_none_is_refused(flowctl: RunFlowctl, url: str) -> None:
    assert flowctl("dispatch", "--once", "--ping", url).exit_code == 2
    ran = flowctl("dispatch", "--once", env={"FLOWCTL_PING_URL": url})
    assert ran.exit_code == 3
    assert "FLOWCTL_PING_URL is not a web address" in ran.stderr


def test_a_loop_pings_while_it_gets_on(postgres: Postgres, pinged: Pinged) -> None:
    """A dispatcher that hangs, or whose channel stopped, is silent."""
    said: list[int | None] = [1, 2, 2, None, None, 3]
    with postgres.database() as url:
        request = Request(
            Settings.from_env({}), Options(), is_loop=True, ping_url=Secret(pinged.url)
        )
        watch = Watch(url, request, UUID(int=1), Totals, lambda: said.pop(0))
        seen = []
        for _ in range(6):
            watch.beat()
            seen.append(len(pinged.paths))
    assert seen == [1, 2, 2, 2, 2, 3]
