"""The embedded server when clients or the server itself are killed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowctl.embedded import EmbeddedServer
from flowctl.embedded.layout import Layout
from tests.support.embedded import Client, kill_postmaster
from tests.support.postgres import is_server_down, postmaster_of
from tests.support.waiting import until


def test_a_client_leaves_the_server_to_the_next_one_who_stops_it(cluster: Path) -> None:
    with Client(cluster) as victim:
        victim.conninfo()
        victim.sql("insert into kept values (1)")
        pid = postmaster_of(cluster).process()
        victim.kill()
    assert postmaster_of(cluster).process() == pid
    with Client(cluster) as client:
        client.conninfo()
        assert postmaster_of(cluster).process() == pid
        assert client.sql("select count(*) from kept") == [[1]]
    assert is_server_down(cluster)


def test_the_server_is_started_again_by_a_client_that_is_attached(cluster: Path) -> None:
    with Client(cluster) as client:
        client.conninfo()
        client.sql("insert into kept values (1)")
        killed = kill_postmaster(cluster)
        client.tell("ensure_running")
        assert client.sql("select count(*) from kept") == [[1]]
        assert postmaster_of(cluster).process() != killed
    assert is_server_down(cluster)


def test_the_server_is_started_again_by_a_newcomer(cluster: Path) -> None:
    with Client(cluster) as attached, Client(cluster) as newcomer:
        attached.conninfo()
        newcomer.conninfo()
        kill_postmaster(cluster)
        with Client(cluster) as latest:
            latest.conninfo()
            assert attached.sql("select count(*) from kept") == [[0]]
    assert is_server_down(cluster)


def test_both_at_once_lose_nothing_that_was_committed(cluster: Path) -> None:
    with Client(cluster) as victim:
        victim.conninfo()
        victim.sql("insert into kept select generate_series(1, 1000)")
        victim.kill()
        kill_postmaster(cluster)
    with Client(cluster) as client:
        client.conninfo()
        assert client.sql("select count(*) from kept") == [[1000]]
    assert is_server_down(cluster)


def test_a_client_that_is_making_the_cluster_leaves_only_rubbish(data_dir: Path) -> None:
    with Client(data_dir, create=True) as victim:
        until(lambda: any(data_dir.glob(".init-*/PG_VERSION")))
        victim.kill()
    assert not EmbeddedServer(data_dir, environ={}).exists()
    with Client(data_dir, create=True) as client:
        client.conninfo()
        assert client.sql("select current_database()") == [["flowctl"]]
    for _ in range(2):  # an orphaned initdb may have written on for a moment
        with Client(data_dir) as client:
            client.conninfo()
    assert not list(data_dir.glob(".init-*"))


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with the server."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def crashed(cluster: Path) -> Path:
    """The pid file of a server that was killed."""
    with Client(cluster) as client:
        client.conninfo()
        client.kill()
    kill_postmaster(cluster)
    until(lambda: is_server_down(cluster))
    return Layout.of(cluster).pid_file


def test_a_live_process_it_happens_to_name_is_left_alone(
    crashed: Path, cluster: Path, bystander: subprocess.Popen[bytes]
) -> None:
    stale = crashed.read_text().splitlines()
    crashed.write_text("\n".join([str(bystander.pid), *stale[1:]]) + "\n")
    lock = cluster / "run" / ".s.PGSQL.5432.lock"
    lock.write_text("\n".join([str(bystander.pid), *lock.read_text().splitlines()[1:]]) + "\n")
    with Client(cluster) as client:
        client.conninfo()
        assert client.sql("select count(*) from kept") == [[0]]
    assert is_server_down(cluster)
    assert bystander.poll() is None


@pytest.mark.parametrize("content", ["", "nonsense\n"])
def test_an_unreadable_one_does_not_keep_the_server_down(
    crashed: Path, cluster: Path, content: str
) -> None:
    crashed.write_text(content)
    with Client(cluster) as client:
        client.conninfo()
    assert is_server_down(cluster)
