"""Nobody is reached who must not be, everybody is who can be: whatever the address looks like."""

import pytest

from flowctl.dispatch.options import Options
from flowctl.model import Channel, Outcome, OutcomeKind
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step, messages
from tests.support.postgres import Connection

HANDSETS = [
    ("+52 55 1234 5678", "+5215512345678"),
    ("+52 1 55 1234 5678", "+525512345678"),
    ("+54 9 11 2345-6789", "+541123456789"),
    ("+54 11 15 2345-6789", "+5491123456789"),
    ("+54 11 2345-6789", "+54 9 11 2345 6789"),
    ("+55 11 8765-4321", "+5511987654321"),
    ("+55 11 98765-4321", "+551187654321"),
    ("+225 07 12 34 56", "+225 07 07 12 34 56"),
    ("+1 (212) 555-0198", "\u202a+1 212 555 0198\u202c"),
    ("+1 (212) 555-0198", "12125550198"),
    ("+1 (212) 555-0198", "(212) 555-0198"),
    ("+49 171 3920001", "0171/3920001"),
    ("+49 171 3920001", "0049 171 3920001"),
    ("+49 171 3920001", "+49 (0)171 3920001"),
    ("+49 171 3920001", "+49 0171 3920001"),
]


@pytest.mark.parametrize(("phone", "suppressed"), HANDSETS)
def test_a_handset_is_suppressed_in_every_form(
    database: str, conn: Connection, phone: str, suppressed: str
) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone=phone)
    conn.execute("insert into suppressions (channel, address) values ('text', %s)", (suppressed,))
    assert dispatch_once(database).taken == []
    assert messages(conn, "status", "error_message") == [("cancelled", "recipient is suppressed")]


@pytest.mark.parametrize(
    ("phone", "suppressed"),
    [
        ("+55 11 3456-4321", "+5511934564321"),  # a landline, and a mobile
        ("+52 55 1234 5678", "+52 1 55 1234 5679"),
        ("+39 333 1234567", "+39 0333 123456"),
        ("+1 212 555 0198", "+44 212 555 0198"),
    ],
)
def test_another_handset_is_not(
    database: str, conn: Connection, phone: str, suppressed: str
) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone=phone)
    conn.execute("insert into suppressions (channel, address) values ('text', %s)", (suppressed,))
    assert len(dispatch_once(database).taken) == 1


@pytest.mark.parametrize("email", ["ada@exámple.com", "ADA@EXÁMPLE.COM", "ada@xn--exmple-qta.com"])
@pytest.mark.parametrize(
    "suppressed",
    ["ada@exámple.com", "Ada@XN--EXMPLE-QTA.com", "ada@exa\u0301mple.com\n", "<ada@exámple.com>"],
)
def test_a_mailbox_is_suppressed_in_every_spelling(
    database: str, conn: Connection, email: str, suppressed: str
) -> None:
    a_step(conn)
    a_lead(conn, email=email)
    conn.execute("insert into suppressions (channel, address) values ('email', %s)", (suppressed,))
    assert dispatch_once(database).taken == []
    assert conn.execute("select address from suppressions").fetchall() == [("ada@exámple.com",)]


@pytest.mark.parametrize(
    ("column", "written", "recipient"),
    [
        ("email", "ada@example.com\n", "ada@example.com"),
        ("email", "ada@example.com\xa0", "ada@example.com"),
        ("email", "\ufeffada@example.com\u200b", "ada@example.com"),
        ("phone", "\u202a+1 212 555 0198\u202c", "+12125550198"),
        ("phone", "+52 1 55 1234 5678", "+525512345678"),
        ("phone", "\t+1 212 555 0198\r\n", "+12125550198"),
    ],
)
def test_what_is_not_seen_is_no_part_of_an_address(
    database: str, conn: Connection, column: str, written: str, recipient: str
) -> None:
    a_step(conn, type="email" if column == "email" else "text")
    a_lead(conn, **{column: written})
    assert [message.recipient for message in dispatch_once(database).taken] == [recipient]


def test_a_step_goes_to_an_address_once_also_when_its_lead_is_deleted(
    database: str, conn: Connection
) -> None:
    a_flow(conn, dedupe_address=True)
    a_step(conn)
    a_step(conn, type="text")
    a_lead(conn, email="Ada@exámple.com", phone="+5215512345678")
    assert dispatch_once(database).totals.sent == 2
    conn.execute("delete from leads")
    a_lead(conn, email="ada@XN--EXMPLE-QTA.com", phone="+525512345678")
    assert dispatch_once(database).taken == []
    assert messages(conn, "status", "cause") == [("cancelled", "duplicate")] * 2
    ((digests,),) = conn.execute("select count(*) from flowctl.sent_addresses").fetchall()
    assert digests == 2


def test_dedupe_that_is_switched_on_later_knows_what_was_sent(
    database: str, conn: Connection
) -> None:
    a_step(conn)
    a_lead(conn)
    assert dispatch_once(database).totals.sent == 1
    assert conn.execute("select from flowctl.sent_addresses").fetchall() == []
    a_flow(conn, dedupe_address=True)
    conn.execute("delete from leads")
    a_lead(conn, email="ADA@example.com")
    assert dispatch_once(database).taken == []


def test_the_same_address_gets_another_step(database: str, conn: Connection) -> None:
    a_flow(conn, dedupe_address=True)
    a_step(conn)
    a_lead(conn)
    dispatch_once(database)
    a_step(conn, subject="Another")
    a_lead(conn)
    assert [message.subject for message in dispatch_once(database).taken] == ["Another"]


@pytest.mark.parametrize(
    ("column", "before", "status"),
    [
        ("phone", None, "cancelled"),
        ("phone", " \u200b", "cancelled"),
        ("phone", "call me", "failed"),
        ("email", None, "cancelled"),
        ("email", "ada@example.com,", "failed"),
    ],
)
def test_a_message_is_tried_again_when_the_leads_address_has_become_good(
    database: str, conn: Connection, column: str, before: str | None, status: str
) -> None:
    a_step(conn, type="email" if column == "email" else "text")
    a_lead(conn, **{column: before})
    totals = dispatch_once(database).totals
    assert (totals.failed, totals.cancelled) == (int(status == "failed"), int(status != "failed"))
    assert totals.no_address == int(status == "cancelled")
    assert messages(conn, "status") == [(status,)]
    conn.execute("update leads set first_name = 'Grace'")
    assert messages(conn, "status") == [(status,)]
    good = "ada@example.com" if column == "email" else "+14155550123"
    conn.execute(f"update leads set {column} = %s", (good,))  # noqa: S608 - a column's name
    assert messages(conn, "status", "error_message", "cause") == [
        ("pending", f"tried again: the lead's {column} has changed", None)
    ]
    assert [message.recipient for message in dispatch_once(database).taken] == [good]
    assert messages(conn, "status", "error_message") == [("sent", None)]


def test_a_message_is_not_tried_again_where_there_still_is_no_address(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("update leads set phone = ' '")
    assert messages(conn, "status") == [("cancelled",)]


def test_a_message_is_not_tried_again_a_day_late(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("update message_logs set planned_for = now() - interval '25 hours'")
    conn.execute("update leads set phone = '+14155550123'")
    assert messages(conn, "status") == [("cancelled",)]


@pytest.mark.parametrize(
    ("expire_after", "status"), [("1 hour", "cancelled"), ("3 days", "pending")]
)
def test_a_flow_may_say_how_late_is_too_late(
    database: str, conn: Connection, expire_after: str, status: str
) -> None:
    a_flow(conn, expire_after=expire_after)
    a_step(conn, type="text")
    a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("update message_logs set planned_for = now() - interval '50 hours'")
    conn.execute("update leads set phone = '+14155550123'")
    assert messages(conn, "status") == [(status,)]


@pytest.mark.parametrize("flow", [None, "default"])
def test_a_stopped_lead_is_not_tried_again(
    database: str, conn: Connection, flow: str | None
) -> None:
    a_step(conn, type="text")
    lead = a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("insert into flowctl.stops (lead_id, flow) values (%s, %s)", (lead, flow))
    conn.execute("update leads set phone = '+14155550123'")
    assert messages(conn, "status", "cause") == [("cancelled", "no_address")]


def test_a_stop_in_another_flow_keeps_nothing_back(database: str, conn: Connection) -> None:
    a_flow(conn, "other")
    a_step(conn, type="text")
    lead = a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("insert into flowctl.stops (lead_id, flow) values (%s, 'other')", (lead,))
    conn.execute("update leads set phone = '+14155550123'")
    assert messages(conn, "status") == [("pending",)]


def test_what_was_cancelled_for_another_reason_stays_so(database: str, conn: Connection) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("insert into suppressions (channel, address) values ('email', 'ada@example.com')")
    dispatch_once(database)
    conn.execute("update leads set email = 'grace@example.com'")
    assert messages(conn, "status", "cause") == [("cancelled", "suppressed")]


def test_an_update_of_a_lead_never_fails_because_of_its_messages(
    database: str, conn: Connection
) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone=None)
    dispatch_once(database)
    conn.execute("alter table message_logs add constraint never check (status <> 'pending')")
    conn.execute("update leads set phone = '+14155550123'")
    assert conn.execute("select phone from leads").fetchall() == [("+14155550123",)]


def test_columns_of_leads_may_go(conn: Connection) -> None:
    a_lead(conn)
    conn.execute("alter table leads alter phone type varchar(40)")
    conn.execute("alter table leads drop column phone")
    conn.execute("update leads set email = 'grace@example.com'")


@pytest.mark.parametrize(
    "refusing",
    [
        ["alter table suppressions add check (address <> 'ada@example.com')"],
        [
            """create function public.refuse() returns trigger language plpgsql as $$
            begin
              if new.address = 'ada@example.com' then raise exception 'not this one'; end if;
              return new;
            end $$""",
            """create trigger refuse before insert on suppressions
            for each row execute function public.refuse()""",
        ],
    ],
)
def test_a_suppression_that_the_database_refuses_ends_no_run(
    database: str, conn: Connection, caplog: pytest.LogCaptureFixture, refusing: list[str]
) -> None:
    for statement in refusing:
        conn.execute(statement.encode())
    a_step(conn)
    for name in ("ada", "bob", "eve"):
        a_lead(conn, email=f"{name}@example.com")
    gone = Outcome(OutcomeKind.SUPPRESSED, code="550 5.1.1", detail="no such user")
    ran = dispatch_once(database, answer=lambda _: gone, channels=[Channel.EMAIL])
    assert ran.totals.failed == 3
    assert {m[0] for m in messages(conn, "status")} == {"failed"}
    assert conn.execute("select address from suppressions order by 1").fetchall() == [
        ("bob@example.com",), ("eve@example.com",),
    ]  # fmt: skip
    assert len([line for line in caplog.messages if "refuses to suppress" in line]) == 1


def test_a_number_that_is_none_is_suppressed_all_the_same(database: str, conn: Connection) -> None:
    a_step(conn, type="text")
    a_lead(conn, phone="+49171392000166")
    a_lead(conn)
    answers = {
        "+49171392000166": Outcome(OutcomeKind.SUPPRESSED, code="21211", detail="not a number")
    }
    accepted = Outcome(OutcomeKind.ACCEPTED, provider_id="SM1")
    ran = dispatch_once(
        database, answer=lambda m: answers.get(m.recipient, accepted), options=Options()
    )
    assert (ran.totals.sent, ran.totals.failed) == (1, 1)
    assert conn.execute("select address from suppressions").fetchall() == [("+49171392000166",)]
