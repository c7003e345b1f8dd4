"""The embedded server in folders of any name."""

from pathlib import Path

import pytest

from tests.support.embedded import Client
from tests.support.postgres import end_server, is_server_down, postmaster_of


@pytest.mark.parametrize(
    "name",
    ["with a space", "quo'te", 'double "quotes"', "back\\slash", "umläut", "a,b", "x" * 120],
)
def test_a_data_folder_may_have_any_name(cluster: Path, name: str) -> None:
    folder = cluster.with_name(f"{cluster.name} {name}")
    cluster.rename(folder)
    try:
        with Client(folder) as client:
            assert client.conninfo()
            client.sql("insert into kept values (1)")
            client.leave()
        assert is_server_down(folder)
        # where the socket had to go elsewhere, nothing stays there
        socket_dir = postmaster_of(folder).socket_dir
        assert socket_dir.parent == folder or not socket_dir.exists()
    finally:
        end_server(folder)


def test_a_socket_folder_that_somebody_else_made_is_refused(cluster: Path) -> None:
    folder = cluster.with_name(f"{cluster.name}{'x' * 120}")
    cluster.rename(folder)
    planted = postmaster_of(folder).socket_dir
    planted.mkdir(mode=0o755)
    try:
        with Client(folder) as client:
            said = client.answer()
    finally:
        planted.rmdir()
    assert said["error"] == "InputError"
    assert str(planted) in said["message"]


def test_a_link_to_the_folder_is_the_folder(cluster: Path) -> None:
    link = cluster.with_name(f"{cluster.name}-link")
    link.symlink_to(cluster)
    with Client(cluster) as first, Client(link) as second:
        assert first.conninfo() == second.conninfo()
