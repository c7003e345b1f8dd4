"""Who may use the embedded server and its folder, and as whom it runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flowctl.embedded.account import Account, server_account
from flowctl.embedded.binaries import PACKAGE, find_binaries, reachable_binaries
from flowctl.embedded.layout import Layout
from tests.support.embedded import Client
from tests.support.postgres import is_server_down, postmaster_of

NOBODY = 65534
NAMELESS = 54321
"""A user id without a passwd entry, as ``docker run --user`` gives."""

BECOME_AND_CONNECT = """
import os, sys, psycopg
uid = int(sys.argv[1])
os.setgroups([]), os.setgid(uid), os.setuid(uid)
psycopg.connect(sys.argv[2])
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
from_package = pytest.mark.skipif(
    "FLOWCTL_PG_BIN" in os.environ, reason="about the binaries of the package"
)


def what_is_refused(data_dir: Path, become: tuple[int, int] | None = None) -> tuple[str, str]:
    """The message and the hint of the InputError that a client gets."""
    with Client(data_dir, create=True, become=become) as client:
        said = client.answer()
    assert said["error"] == "InputError", said
    return said["message"], said["hint"]


def refusal_as(uid: int, conninfo: str) -> str:
    """What another user is told who tries to connect.

    The client becomes that user once it is loaded: the checkout may be closed to him.
    """
    done = subprocess.run(
        [sys.executable, "-c", BECOME_AND_CONNECT, str(uid), conninfo],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stderr


@as_root
def test_another_user_cannot_connect(cluster: Path) -> None:
    with Client(cluster) as client:
        assert "Permission denied" in refusal_as(NAMELESS, client.conninfo())


@as_root
def test_even_the_account_that_runs_the_server_is_no_user_of_it(cluster: Path) -> None:
    account = server_account(Layout.of(cluster).cluster)
    with Client(cluster) as client:
        assert "Peer authentication failed" in refusal_as(account.uid, client.conninfo())


@as_root
def test_the_server_of_root_does_not_run_as_root(cluster: Path) -> None:
    with Client(cluster) as client:
        client.conninfo()
        pid = postmaster_of(cluster).process()
        assert Path(f"/proc/{pid}").stat().st_uid == Layout.of(cluster).cluster.stat().st_uid != 0


@as_root
def test_a_normal_user_runs_a_server_of_his_own(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anybody = Account("nobody", NOBODY, NOBODY, is_other=True)
    public = data_dir.with_suffix(".public")
    public.mkdir()
    binaries = reachable_binaries(find_binaries(os.environ), anybody, public)
    monkeypatch.setenv("FLOWCTL_PG_BIN", str(binaries.folder))
    data_dir.mkdir()
    os.chown(data_dir, NOBODY, NOBODY)
    with Client(data_dir, create=True, become=(NOBODY, NOBODY)) as client:
        conninfo = client.conninfo()
        assert client.sql("select current_user") == [["flowctl"]]
        assert Layout.of(data_dir).cluster.stat().st_uid == NOBODY
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            psycopg.connect(conninfo)  # root passes the folder, and no further
    assert is_server_down(data_dir)


@as_root
def test_a_user_without_a_name_is_told_what_to_do(data_dir: Path) -> None:
    message, hint = what_is_refused(data_dir, become=(NAMELESS, NAMELESS))
    assert str(NAMELESS) in message
    assert "DATABASE_URL" in hint
    assert not data_dir.exists()


@as_root
def test_the_folder_of_another_user_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    os.chown(data_dir, NOBODY, NOBODY)
    message, hint = what_is_refused(data_dir)
    assert "belongs to another user" in message
    assert "FLOWCTL_DATA_DIR" in hint
    assert not list(data_dir.iterdir())


def test_a_folder_that_everybody_may_write_to_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o777)
    message, hint = what_is_refused(data_dir)
    assert str(data_dir) in message
    assert "chmod o-w" in hint
    assert not list(data_dir.iterdir())


@as_root
def test_root_is_told_which_folder_is_in_the_way_and_none_is_opened_up(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    message, hint = what_is_refused(data_dir / "inner")
    assert message.endswith(f"may not pass through {data_dir}")
    assert "/var/lib/flowctl" in hint
    assert data_dir.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def hidden_package(session_folder: Path) -> Iterator[Path]:
    """A folder only its owner may enter, from which the package of the binaries is found."""
    folder = session_folder / "hidden"
    folder.mkdir(mode=0o700)
    package = find_binaries({}).package
    assert package
    libraries = package.with_name(f"{PACKAGE}.libs")
    for source in (package, libraries):
        (folder / source.name).symlink_to(source)
    yield folder
    for link in folder.iterdir():
        link.unlink()
    folder.rmdir()


@as_root
@from_package
def test_binaries_that_the_account_cannot_reach_are_copied_once(
    data_dir: Path, hidden_package: Path
) -> None:
    for _ in range(2):
        with Client(data_dir, create=True, env={"PYTHONPATH": str(hidden_package)}) as client:
            client.conninfo()
            running = postmaster_of(data_dir).process()
            program = Path(f"/proc/{running}/exe").readlink()
            assert program.is_relative_to(data_dir)
    assert len(list(data_dir.glob("binaries-*"))) == 1
    assert hidden_package.stat().st_mode & 0o777 == 0o700
    assert not list(data_dir.glob("**/*.a"))


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_server_sees_no_secret_of_the_environment(cluster: Path) -> None:
    with Client(cluster, env={"TWILIO_AUTH_TOKEN": "hunter2", "PGPASSWORD": "hunter2"}) as client:
        client.conninfo()
        seen = Path(f"/proc/{postmaster_of(cluster).process()}/environ").read_bytes()
    assert b"PATH=" in seen
    assert b"hunter2" not in seen
