"""LEAD: an id, or the email address or phone number of one lead, in any notation."""

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection

US = {"FLOWCTL_DEFAULT_REGION": "US"}


@pytest.mark.parametrize(
    ("column", "stored", "written"),
    [
        ("email", "Ann@Example.com ", "ann@example.com"),
        ("email", "ann@example.com", " ANN@EXAMPLE.COM"),
        ("email", "ann@exámple.com", "ann@xn--exmple-qta.com"),
        ("email", "ann@XN--EXMPLE-QTA.com", "ann@exámple.com"),
        ("email", "ann@ex--mple.com", "ann@ex--mple.com"),
        ("email", "ann@example.com,", "ann@example.com"),
        ("phone", "(415) 555-0199", "+1 415 555 0199"),
        ("phone", "415.555.0199", "4155550199"),
        ("phone", "+14155550199", "1 415 555 0199"),
        ("phone", "\u202a+1 415 555 0199\u202c", "(415) 555-0199"),
        ("phone", "+52 1 55 1234 5678", "+525512345678"),
        ("phone", "+55 11 8765-4321", "+55 11 98765-4321"),
        ("phone", "+5491123456789", "+54 11 2345 6789"),
    ],
)
def test_a_lead_is_found_however_it_is_written(
    flowctl: RunFlowctl, conn: Connection, column: str, stored: str, written: str
) -> None:
    a_step(conn, day=1)
    a_lead(conn, email="bob@example.com", phone="+14155550123")
    lead = str(a_lead(conn, **{"email": "eve@example.com", "phone": "+1415550199", column: stored}))
    assert flowctl("preview", written, "--json", env=US).json()["lead_id"] == lead
    listed = flowctl("messages", "list", "--lead", written, "--json", env=US).json()
    assert [message["lead_id"] for message in listed] == [lead]
    stopped = flowctl("leads", "stop", written, env=US)
    assert (stopped.exit_code, stopped.stdout) == (
        0,
        "Ada is stopped in all flows, 1 message cancelled\n",
    )


@pytest.mark.parametrize("written", ["ann@example.com", "(415) 555-0199"])
def test_several_leads_are_listed(flowctl: RunFlowctl, conn: Connection, written: str) -> None:
    leads = [
        str(a_lead(conn, first_name=name, email=email, phone=phone))
        for name, email, phone in [
            ("Ann", "ann@example.com", "+14155550199"),
            ("Anne", "ANN@example.com", "415-555-0199"),
        ]
    ]
    ran = flowctl("preview", written, env=US)
    assert ran.exit_code == 3
    assert f"2 leads have the {'email' if '@' in written else 'phone'} '{written}'" in ran.stderr
    for lead in leads:
        assert lead in ran.stderr


@pytest.mark.parametrize(
    ("written", "kind"),
    [("nobody@example.com", "email"), ("+14155550100", "phone"), ("4711", "id"), ("@", "email")],
)
def test_one_that_does_not_exist_is_said(
    flowctl: RunFlowctl, conn: Connection, written: str, kind: str
) -> None:
    a_lead(conn)
    ran = flowctl("messages", "list", "--lead", written)
    assert ran.exit_code == 3
    assert ran.stderr.startswith(f"error: no lead has the {kind} '{written}'\nhint: ")


def test_ids_of_numbers_and_tables_without_addresses(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute("alter table leads drop column phone, drop column email")
    lead = str(conn.execute("insert into leads default values returning id").fetchone()[0])  # type: ignore[index]
    assert flowctl("preview", lead).exit_code == 0
    for written in ("ann@example.com", "+14155550199"):
        assert flowctl("preview", written).exit_code == 3


def test_several_leads_enter_a_flow_by_their_addresses(
    flowctl: RunFlowctl, conn: Connection
) -> None:
    a_lead(conn, email="ann@example.com")
    a_lead(conn, email="bob@example.com", phone="+14155550199")
    a_step(conn)
    ran = flowctl(
        "leads",
        "enroll",
        "--flow",
        "default",
        "--yes",
        "ann@example.com",
        "+1 415 555 0199",
        "BOB@example.com",
    )
    assert (ran.exit_code, ran.stdout) == (0, "2 messages of default added\n")
    missing = flowctl("leads", "enroll", "--flow", "default", "a@example.com", "b@example.com")
    assert missing.exit_code == 3
    assert "2 of these leads do not exist" in missing.stderr
