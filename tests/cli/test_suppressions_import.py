"""``flowctl suppressions import`` and ``export``: opt-outs in, as other systems write them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

SAMPLES = Path(__file__).parents[1] / "samples" / "leadfiles"

BREVO = """EMAIL;LASTNAME;FIRSTNAME;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;ADDED_TIME
ada@example.com;L;Ada;+12125550101;Yes;No;02-03-2026
bo@example.com;R;Bo;+12125550102;No;Yes;03-03-2026
cy@example.com;T;Cy;+12125550103;yes;Yes;13-03-2026
"""
LISTMONK = """uuid,email,name,attributes,status,created_at,updated_at
1,ada@example.com,Ada,{},enabled,2026-03-02T15:04:05Z,2026-03-02T15:04:05Z
2,bo@example.com,Bo,{},blocklisted,2026-03-02T15:04:05Z,2026-03-02T15:04:05Z
"""
HUBSPOT = """"Record ID","Email","Phone Number","Unsubscribed from all email"
"1","ada@example.com","",""
"2","bo@example.com","+12125550102","true"
"""
SENDGRID = "email,created\nada@example.com,1772463845\n"
TWILIO = "contact_id,sender_id,status,date_of_consent\n+12125550101,MG1,opt-out,2026-03-02\n"
CLEANED = (
    '"Email Address","First Name",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID\n'
    'ada@example.com,Ada,"2026-01-05 08:00:00",News,c1,1\n'
)


def stored(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select address, reason, created_at from suppressions"
        " where source = 'import' order by channel, address"
    ).fetchall()


def addresses(conn: Connection) -> list[str]:
    return [row[0] for row in stored(conn)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def test_mailchimps_list(flowctl: RunFlowctl, conn: Connection) -> None:
    """Only emails: the file says nothing of texts. Its times are of UTC."""
    a_step(conn)
    a_step(conn, day=1)
    a_lead(conn, email=" CY.old@example.com", phone="+12125550109")
    path = SAMPLES / "h06-mailchimp-unsubscribed.csv"
    dry = flowctl("suppressions", "import", path, "--dry-run", "--json")
    assert (dry.exit_code, dry.json()["added"]) == (0, 2)
    assert stored(conn) == []
    ran = flowctl("suppressions", "import", path, "--json")
    assert ran.exit_code == 0
    document = ran.json()
    assert {name: document[name] for name in ("added", "already", "rejected", "stopped")} == {
        "added": 2, "already": 0, "rejected": 0, "stopped": 2,
    }  # fmt: skip
    assert stored(conn) == [
        ("cy.old@example.com", "No longer interested", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("di@example.com", path.name, datetime(2026, 1, 6, 8, tzinfo=UTC)),
    ]
    assert flowctl("suppressions", "import", path, "--json").json()["already"] == 2


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (BREVO, ["--where", "EMAIL_BLACKLISTED=Yes"], ["ada@example.com", "cy@example.com"]),
        (BREVO, ["--where", "SMS_BLACKLISTED=Yes", "--channel", "text"],
         ["+12125550102", "+12125550103"]),
        (BREVO, ["--where", "sms_blacklisted=yes", "--where", "email_blacklisted=YES"],
         ["cy@example.com"]),
        (LISTMONK, ["--where", "status=blocklisted"], ["bo@example.com"]),
        (LISTMONK, ["--where", "status=blocklisted", "--where", "status=enabled"],
         ["ada@example.com", "bo@example.com"]),
        (HUBSPOT, ["--where", "Unsubscribed from all email=true"], ["bo@example.com"]),
        (SENDGRID, [], ["ada@example.com"]),
        (TWILIO, ["--where", "status=opt-out"], ["+12125550101"]),
        (CLEANED, [], ["ada@example.com"]),
        ("address\nAda@Example.com\n+1 212 555 0101\n", [], ["ada@example.com", "+12125550101"]),
        ("ada@example.com\nbo@example.com\n", [], ["ada@example.com", "bo@example.com"]),
        ("Who\nmailto:ada@example.com\n", ["--map", "Who=address"], ["ada@example.com"]),
        ("email\nada@localhost\na..b@example.com\n", [], ["a..b@example.com", "ada@localhost"]),
    ],
)  # fmt: skip
def test_lists_as_they_come(
    text: str, options: list[str], expected: list[str], *, file: Path,
    flowctl: RunFlowctl, conn: Connection,
) -> None:  # fmt: skip
    file.write_text(text, "utf-8")
    ran = flowctl("suppressions", "import", file, *options)
    assert ran.exit_code == 0, ran.stderr
    assert addresses(conn) == expected


def test_what_is_refused(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    for text, words in {
        BREVO: "--where EMAIL_BLACKLISTED=VALUE",
        LISTMONK: "--where status=VALUE",
        HUBSPOT: "--where 'Unsubscribed from all email=VALUE'",
        "name\nada\n": "no header is an address: --map 'HEADER=address' names it",
        "email,created_at\nada@example.com,02/03/2026\n": "--dates dmy",
        "email\n": "list.csv has a header and no rows",
        "": "list.csv is empty",
    }.items():
        file.write_text(text, "utf-8")
        ran = flowctl("suppressions", "import", file)
        assert (ran.exit_code, ran.stdout) == (3, ""), ran.stderr
        assert words in ran.stderr
    assert flowctl("suppressions", "import", file, "--where", "x").exit_code == 2
    assert stored(conn) == []


def test_rows_without_an_address_are_named(
    file: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    file.write_text("email,phone\n,+12125550101\nnan,\nada@example.com,\n", "utf-8")
    ran = flowctl("suppressions", "import", file)
    assert ran.exit_code == 1
    assert "line 2 rejected: no email\n" in ran.stderr
    assert "line 3 rejected: 'nan' is not an address\n" in ran.stderr
    assert addresses(conn) == ["ada@example.com"]


def test_what_is_exported_can_be_imported(
    tmp_path: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    flowctl("suppressions", "add", "ada@example.com", "+12125550101", "--reason", "=1+1, said")
    file = tmp_path / "out.csv"
    before = conn.execute(
        "select channel, address, reason, created_at from suppressions"
    ).fetchall()
    assert flowctl("suppressions", "export", file).exit_code == 0
    assert flowctl("suppressions", "export").stdout == file.read_text("utf-8")
    assert '"\'=1+1, said"' in file.read_text("utf-8")
    assert flowctl("suppressions", "export", file).exit_code == 3
    again = flowctl("suppressions", "export", file, "--force")
    assert (again.exit_code, again.stderr) == (0, f"{file}: written, 2 rows\n")
    conn.execute("delete from suppressions")
    assert flowctl("suppressions", "import", file, "--json").json()["added"] == 2
    after = conn.execute("select channel, address, reason, created_at from suppressions").fetchall()
    assert sorted(after) == sorted(before)


def test_many_by_hand(flowctl: RunFlowctl, conn: Connection) -> None:
    lines = "bo@example.com\n\n+1 212 555 0101\n"
    ran = flowctl("suppressions", "add", "ada@example.com", "-", input=lines)
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        "ada@example.com (email) is suppressed",
        "bo@example.com (email) is suppressed",
        "+12125550101 (text) is suppressed",
    ]
    refused = flowctl("suppressions", "add", "-", input="cy@example.com\nno\nnope@\n")
    assert refused.exit_code == 3
    assert "line 2: neither an email address nor a phone number: no" in refused.stderr
    assert "line 3: " in refused.stderr
    conn.execute("update suppressions set source = 'complaint' where address = 'bo@example.com'")
    listed = flowctl("suppressions", "list", "--source", "complaint", "--json").json()
    assert [row["address"] for row in listed] == ["bo@example.com"]
    assert len(flowctl("suppressions", "list", "--channel", "text", "--json").json()) == 1
    asked = flowctl("suppressions", "remove", "ada@example.com", "bo@example.com")
    assert asked.exit_code == 1
    assert "bo@example.com (complaint): write to it again?" in asked.stderr
    assert conn.execute("select count(*) from suppressions").fetchone() == (3,)
    removed = flowctl(
        "suppressions", "remove", "-", "--yes", input="ada@example.com\nBO@example.com"
    )
    assert removed.exit_code == 0
    assert conn.execute("select address from suppressions").fetchall() == [("+12125550101",)]
