"""The embedded server's life: it is made, started, shared, left and stopped."""

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from flowctl.embedded import EmbeddedServer
from flowctl.embedded.layout import Layout
from flowctl.errors import InputError
from tests.support.embedded import Client
from tests.support.postgres import is_server_down, postmaster_of

UNSHARE = shutil.which("unshare")


def test_the_first_client_makes_the_database_and_the_last_one_leaves_nothing_running(
    data_dir: Path,
) -> None:
    with Client(data_dir, create=True) as client:
        client.conninfo()
        assert client.sql("select current_database(), current_user") == [["flowctl", "flowctl"]]
        assert client.leave() == 0
    assert is_server_down(data_dir)
    assert not Layout.of(data_dir).pid_file.exists()


def test_what_was_written_is_there_at_the_next_start(cluster: Path) -> None:
    for number in (1, 2):
        with Client(cluster) as client:
            client.conninfo()
            client.sql("insert into kept values (1)")
            assert client.sql("select count(*) from kept") == [[number]]


def test_the_server_is_as_durable_and_as_closed_as_it_should_be(cluster: Path) -> None:
    asked = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }
    with Client(cluster) as client:
        client.conninfo()
        for name, value in asked.items():
            assert client.sql(f"show {name}") == [[value]], name
    layout = Layout.of(cluster)
    assert layout.cluster.stat().st_mode & 0o777 == 0o700
    assert (cluster / "run").stat().st_mode & 0o777 == 0o700
    assert layout.log.stat().st_mode & 0o777 == 0o600


def test_clients_share_the_server_until_the_last_one_leaves(cluster: Path) -> None:
    with Client(cluster) as first, Client(cluster) as second:
        assert first.conninfo() == second.conninfo()
        pid = postmaster_of(cluster).process()
        assert first.leave() == 0
        second.sql("select 1")
        assert postmaster_of(cluster).process() == pid
        assert second.leave() == 0
    assert is_server_down(cluster)


def test_four_clients_that_find_nothing_make_one_cluster(data_dir: Path) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(data_dir, create=True)) for _ in range(4)]
        assert len({client.conninfo() for client in clients}) == 1
        systems = [
            client.sql("select system_identifier from pg_control_system()") for client in clients
        ]
        assert len({str(system) for system in systems}) == 1
        assert [client.leave() for client in clients] == [0, 0, 0, 0]
    assert is_server_down(data_dir)
    assert not list(data_dir.glob(".init-*"))


def test_many_clients_that_come_and_go_lose_nothing(cluster: Path) -> None:
    workers, rounds = 3, 5
    with ExitStack() as stack:
        running = [stack.enter_context(Client(cluster)) for _ in range(workers)]
        for _ in range(rounds * workers):
            client = running.pop(0)
            client.conninfo()
            client.sql("insert into kept values (1)")
            assert client.process.stdin
            client.process.stdin.close()  # it leaves while the next one comes
            running.append(stack.enter_context(Client(cluster)))
        last = running.pop()
        last.conninfo()
        assert last.sql("select count(*) from kept") == [[rounds * workers]]
    assert is_server_down(cluster)


def has_namespaces() -> bool:
    """Whether this machine lets us make process namespaces, as containers do."""
    return (
        UNSHARE is not None
        and not subprocess.run(
            [UNSHARE, "--pid", "--fork", "true"], capture_output=True, check=False
        ).returncode
    )


@pytest.mark.skipif(not has_namespaces(), reason="needs the right to make a process namespace")
def test_containers_with_one_data_folder_share_one_server(cluster: Path) -> None:
    elsewhere = [str(UNSHARE), "--pid", "--fork", "--mount-proc"]
    with Client(cluster) as here, Client(cluster, through=elsewhere) as there:
        assert here.conninfo() == there.conninfo()
        pid = postmaster_of(cluster).process()
        assert here.leave() == 0
        there.sql("insert into kept values (1)")
        assert there.leave() == 0
    # from there the server's process could not be seen, let alone stopped
    assert postmaster_of(cluster).process() == pid
    with Client(cluster) as client:
        client.conninfo()
        assert client.sql("select count(*) from kept") == [[1]]
    assert is_server_down(cluster)


def test_without_leave_to_create_nothing_is_created(data_dir: Path) -> None:
    with Client(data_dir) as client:
        said = client.answer()
        assert client.leave() == 3
    assert said["error"] == "InputError"
    assert "no database is configured" in said["message"]
    assert "DATABASE_URL" in said["hint"]
    assert "flowctl demo" in said["hint"]
    assert "apply-schema" in said["hint"]
    assert not data_dir.exists()


def test_exists_only_looks(data_dir: Path, cluster: Path) -> None:
    assert EmbeddedServer(cluster, environ={}).exists()
    assert not EmbeddedServer(data_dir / "other", environ={}).exists()
    assert not (data_dir / "other").exists()
    assert is_server_down(cluster)


def test_somebody_in_psql_is_not_cut_off_and_the_next_to_leave_stops(cluster: Path) -> None:
    with Client(cluster) as client:
        conninfo = client.conninfo()
        with psycopg.connect(conninfo, application_name="psql", autocommit=True) as person:
            assert client.leave() == 0
            assert person.execute("select 1").fetchone() == (1,)
    assert postmaster_of(cluster).accepts()
    with Client(cluster) as client:
        client.conninfo()
    assert is_server_down(cluster)


def test_connections_of_flowctl_itself_do_not_keep_the_server_up(cluster: Path) -> None:
    with Client(cluster) as client:
        conninfo = client.conninfo()
        with psycopg.connect(conninfo, application_name="flowctl", autocommit=True):
            assert client.leave() == 0
            assert is_server_down(cluster)


def test_ensure_running_belongs_into_attach(cluster: Path) -> None:
    with pytest.raises(RuntimeError, match="outside of attach"):
        EmbeddedServer(cluster, environ={}).ensure_running()


def test_one_process_may_attach_twice(cluster: Path) -> None:
    server = EmbeddedServer(cluster, environ=os.environ)
    with server.attach(create=False) as outer:
        with server.attach(create=False) as inner:
            assert inner == outer
        with psycopg.connect(outer) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert is_server_down(cluster)


def test_an_error_inside_the_block_leaves_in_order(cluster: Path) -> None:
    server = EmbeddedServer(cluster, environ=os.environ)
    with pytest.raises(InputError, match="mine"), server.attach(create=False):
        raise InputError("mine")
    assert is_server_down(cluster)
