"""Files as programs write them, each imported row by row as ``expected.json`` says."""

import csv
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import sql

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

SAMPLES = Path(__file__).parents[1] / "samples" / "leadfiles"
EXPECTED: dict[str, Any] = {
    name: case
    for name, case in json.loads((SAMPLES / "expected.json").read_text("utf-8")).items()
    if not name.startswith("_")
}
LEADS = [name for name, case in EXPECTED.items() if case["perfect"].get("command") is None]
COLUMNS = ("first_name", "last_name", "email", "phone", "timezone", "created_at")

OPTIONS = {
    "h01-libreoffice-ansi.csv": ["--encoding", "cp1252"],
    "h03-meta-lead-ads.csv": [
        "--map", "full_name=first_name+last_name", "--map", "created_time=created_at",
        "--ignore-unknown",
    ],
    "h05-mailchimp-subscribed.csv": [
        "--map", "OPTIN_TIME=created_at", "--timezone", "UTC", "--ignore-unknown",
    ],
    "h07-hubspot-contacts.csv": [
        "--map", "Create Date=created_at", "--opt-out", "Unsubscribed from all email",
        "--ignore-unknown",
    ],
}  # fmt: skip
"""What the user says about a file."""


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the sample, beside which a rejects file may be made."""
    copy: Path = tmp_path / request.param
    copy.write_bytes((SAMPLES / request.param).read_bytes())
    return copy


def command(file: Path, case: dict[str, Any]) -> list[str | Path]:
    region = ["--region", case["region"]] if case["region"] else []
    return ["leads", "import", file, *OPTIONS.get(file.name, []), *region]


def prepare(conn: Connection, case: dict[str, Any]) -> None:
    a_step(conn)
    for name, type_ in case.get("extra_columns", {}).items():
        conn.execute(sql.SQL("alter table leads add {} {}").format(
            sql.Identifier(name), sql.SQL(type_)
        ))  # fmt: skip
    if "before" in case:
        a_lead(conn, email="OLD@example.com", phone=None)
        a_lead(conn, email=None, phone="(212) 555-0122")
    conn.execute("update leads set source = 'before'")


@pytest.mark.parametrize("file", LEADS, indirect=True)
def test_a_sample(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    case = EXPECTED[file.name]
    prepare(conn, case)
    perfect = case["perfect"]
    ran = flowctl(*command(file, case), "--json")
    assert ran.exit_code == perfect.get("exit", 0), ran.stderr
    document = ran.json()
    assert {name: document[name] for name in ("imported", "skipped", "rejected")} == {
        "imported": len(perfect["taken"]),
        "skipped": len(perfect["skipped"]),
        "rejected": len(perfect["rejected"]),
    }, ran.stderr
    assert taken(conn) == [wanted(lead) for lead in perfect["taken"]]
    check_extra(conn, perfect["taken"])
    check_created(conn, perfect["taken"])
    for word in ("skipped", "rejected"):
        lines = re.findall(rf"^line (\d+) {word}: ", ran.stderr, re.MULTILINE)
        assert [int(line) for line in lines] == [row["line"] for row in perfect[word]]
    suppressed = conn.execute("select channel, address, source from suppressions").fetchall()
    assert suppressed == [(channel, text, "import") for channel, text, _ in perfect["suppress"]]
    assert document["suppressed"] == len(suppressed)
    check_rejects(file, document["rejects_file"], len(perfect["rejected"]))


def taken(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select first_name, last_name, email, phone, timezone from leads "
        "where source is distinct from 'before' order by ctid"
    ).fetchall()


def wanted(lead: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(lead[column] for column in COLUMNS[:5])


def check_extra(conn: Connection, leads: list[dict[str, Any]]) -> None:
    for lead in leads:
        for column, value in lead.get("extra", {}).items():
            found = conn.execute(
                sql.SQL("select {} from leads where email = %s").format(sql.Identifier(column)),
                (lead["email"],),
            ).fetchone()
            assert found == (value,)


def check_created(conn: Connection, leads: list[dict[str, Any]]) -> None:
    """A time without an offset is of the lead's zone, else of the default flow's; without one the
    lead is new."""
    for lead in leads:
        row = conn.execute(
            "select created_at, created_at > now() - interval '1 minute' from leads"
            " where coalesce(email, phone) = %s",
            (lead["email"] or lead["phone"],),
        ).fetchone()
        assert row is not None
        if lead["created_at"] is None:
            assert row[1]
            continue
        expected = datetime.fromisoformat(lead["created_at"])
        if expected.tzinfo is None:
            expected = expected.replace(tzinfo=ZoneInfo(lead["timezone"] or "UTC"))
        assert row[0] == expected


def check_rejects(file: Path, rejects: str | None, count: int) -> None:
    if not count:
        assert rejects is None
        assert list(file.parent.iterdir()) == [file]
        return
    assert rejects is not None
    with Path(rejects).open(encoding="utf-8-sig", newline="") as opened:
        header, *rows = csv.reader(opened, delimiter=";" if "h02" in file.name else ",")
    assert header[-1] == "flowctl_reason"
    assert len(rows) == count
    assert all(row[-1].startswith("line ") for row in rows)


@pytest.mark.parametrize("file", LEADS, indirect=True)
def test_a_second_import_takes_nothing(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    case = EXPECTED[file.name]
    prepare(conn, case)
    flowctl(*command(file, case))
    before = conn.execute("select count(*) from leads").fetchone()
    again = flowctl(*command(file, case), "--json").json()
    assert again["imported"] == 0
    assert again["scheduled"] == 0
    assert conn.execute("select count(*) from leads").fetchone() == before


@pytest.mark.parametrize("file", LEADS, indirect=True)
def test_a_dry_run_changes_nothing(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    case = EXPECTED[file.name]
    prepare(conn, case)
    before = conn.execute("select count(*) from leads").fetchone()
    ran = flowctl(*command(file, case), "--json", "--dry-run")
    assert ran.json()["imported"] == len(case["perfect"]["taken"])
    assert conn.execute("select count(*) from leads").fetchone() == before
    assert conn.execute("select count(*) from suppressions").fetchone() == (0,)
    assert list(file.parent.iterdir()) == [file]


MADE = SAMPLES / "made"


@pytest.mark.parametrize("name", sorted(file.name for file in MADE.glob("*.csv")))
def test_what_programs_made_of_one_sheet(
    name: str, tmp_path: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    """The same three leads, whichever program wrote them (see ``made/README.md``)."""
    conn.execute("alter table leads add vip boolean")
    file = tmp_path / name
    file.write_bytes((MADE / name).read_bytes())
    ran = flowctl("leads", "import", file, "--region", "US", "--ignore-unknown", "--json")
    # a row of nothing has a number where pandas numbers the rows
    assert (ran.exit_code, ran.json()["imported"]) == (int("index" in name), 3), ran.stderr
    found = conn.execute(
        "select first_name, email, phone, vip, replace(source, chr(13), ''), created_at::date::text"
        " from leads order by ctid limit 2"
    ).fetchall()
    assert found == [
        ("Zoë", "zoe@example.com", "+12125550101", True, 'a, "b"; c', "2026-03-02"),
        ("Łucja", "lucja@example.com", None, False, "two\nlines", "2026-12-31"),
    ]
