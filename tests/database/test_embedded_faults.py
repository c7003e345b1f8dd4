"""What the embedded server says when it cannot run, and the small print of its folder."""

import os
import subprocess
from pathlib import Path

import pytest

from flowctl.embedded import EmbeddedServer, default_data_dir
from flowctl.embedded.binaries import find_binaries, reachable_binaries
from flowctl.embedded.layout import Layout
from flowctl.embedded.postmaster import LARGEST_LOG
from flowctl.errors import DatabaseUnavailable, InputError
from tests.support.postgres import is_server_down, postmaster_of
from tests.support.waiting import until


def failure_of(data_dir: Path) -> DatabaseUnavailable:
    """Attach, which must fail."""
    server = EmbeddedServer(data_dir, environ=os.environ)
    with pytest.raises(DatabaseUnavailable) as caught, server.attach(create=False):
        pytest.fail("it started")
    assert is_server_down(data_dir)
    return caught.value


def test_a_cluster_of_another_major_version_is_named_as_such(cluster: Path) -> None:
    made_by = Layout.of(cluster).cluster / "PG_VERSION"
    made_by.write_text("12\n")
    error = failure_of(cluster)
    assert "made by PostgreSQL 12" in error.message
    assert "FLOWCTL_PG_BIN" in error.hint
    assert "dump" in error.hint


def test_a_server_that_does_not_start_shows_its_last_words(cluster: Path) -> None:
    (Layout.of(cluster).cluster / "postgresql.conf").write_text("no_such_setting = 1\n")
    error = failure_of(cluster)
    assert str(cluster) in error.message
    assert any("no_such_setting" in line for line in error.details)
    assert "pg.log" in error.hint


def test_a_folder_that_cannot_be_made_is_named(data_dir: Path) -> None:
    data_dir.write_text("a file")
    server = EmbeddedServer(data_dir / "inner", environ=os.environ)
    with pytest.raises(DatabaseUnavailable, match=str(data_dir)), server.attach(create=True):
        pytest.fail("it started")


def test_a_server_started_by_hand_is_not_fought_with(cluster: Path, tmp_path: Path) -> None:
    layout = Layout.of(cluster)
    postmaster = postmaster_of(cluster)
    elsewhere = cluster / "elsewhere"
    elsewhere.mkdir()
    postmaster.account.own(elsewhere)
    with (tmp_path / "log").open("wb") as log:
        by_hand = postmaster.account.spawn(
            [
                reachable_binaries(
                    find_binaries(os.environ), postmaster.account, layout.root
                ).postgres,
                "-D", layout.cluster, "-k", elsewhere, "-c", "listen_addresses=",
            ],
            environ=os.environ, stdin=subprocess.DEVNULL, output=log.fileno(),
        )  # fmt: skip
    with by_hand:
        until(lambda: (found := postmaster.pid_file()) is not None and found.status == "ready")
        error = failure_of(cluster)
        assert by_hand.poll() is None
        by_hand.terminate()
    assert "did not start" in error.message
    assert str(by_hand.pid) in error.hint


def test_a_long_log_is_set_aside_at_the_next_start(cluster: Path) -> None:
    log = Layout.of(cluster).log
    log.write_bytes(b"x" * (LARGEST_LOG + 1))
    with EmbeddedServer(cluster, environ=os.environ).attach(create=False):
        pass
    assert (cluster / "pg.log.1").stat().st_size == LARGEST_LOG + 1
    assert log.stat().st_size < LARGEST_LOG


def test_binaries_are_taken_from_the_named_folder_or_the_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no program postgres"):
        find_binaries({"FLOWCTL_PG_BIN": str(tmp_path)})
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    assert find_binaries({"FLOWCTL_PG_BIN": str(tmp_path)}).postgres == tmp_path / "postgres"
    assert find_binaries({}).major() == "18"


def test_without_the_package_it_says_how_to_get_it() -> None:
    with pytest.raises(InputError, match="not installed") as caught:
        find_binaries({}, package="no_such_package")
    assert "flowctl[embedded]" in caught.value.hint


def test_the_data_folder_does_not_depend_on_how_one_logged_in() -> None:
    home = {"HOME": "/home/ann"}
    assert default_data_dir({**home, "XDG_DATA_HOME": "/elsewhere"}) == default_data_dir(home)
    assert default_data_dir({**home, "FLOWCTL_DATA_DIR": "/srv/flowctl"}) == Path("/srv/flowctl")
    assert default_data_dir({**home, "FLOWCTL_DATA_DIR": ""}) == default_data_dir(home)
    if os.geteuid() == 0:
        assert default_data_dir(home) == Path("/var/lib/flowctl")
    else:
        assert default_data_dir(home).is_relative_to("/home/ann")
