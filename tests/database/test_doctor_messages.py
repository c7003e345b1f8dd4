"""What the doctor finds of messages: what is late, in doubt, or will not arrive."""

import pytest

from flowctl.doctor import Grade
from tests.support.doctor import Examine, examined, the
from tests.support.factories import a_lead, a_step
from tests.support.postgres import Connection


def test_a_pending_message_for_a_suppressed_address_is_a_note(
    conn: Connection, database: str
) -> None:
    a_step(conn, day=3)
    a_step(conn, day=3, type="text")
    a_lead(conn, email="Ada@Example.com", phone="(415) 555-0123")
    assert the(examined(database), "suppressed").status is Grade.OK
    conn.execute("insert into suppressions values ('email', 'ada@example.com', 'asked us')")
    conn.execute("insert into suppressions values ('text', '+14155550123', 'asked us')")
    check = the(examined(database), "suppressed")
    assert (check.status, check.detail[:18]) == (Grade.NOTE, "1 pending message ")
    check = the(examined(database, FLOWCTL_DEFAULT_REGION="US"), "suppressed")
    assert check.detail.startswith("2 pending messages ")


def test_a_claim_left_behind_is_a_fault(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    a_lead(conn)
    claim = "update message_logs set claimed_by = gen_random_uuid(), lease_until = now() + %s"
    conn.execute(claim.encode(), ("2 minutes",))
    assert the(doctor(), "claims").status is Grade.OK
    conn.execute(claim.encode(), ("-1 day",))
    check = the(doctor(), "claims")
    assert (check.status, check.hint) == (Grade.FAULT, "flowctl dispatch --once")
    assert check.detail.startswith("1 claim left behind, the oldest ended 1d 0h ago")


@pytest.mark.parametrize(
    ("ended", "grade"), [("-2 minutes", Grade.NOTE), ("-1 day", Grade.FAULT), ("1 m", Grade.OK)]
)
def test_a_send_in_doubt_is_named(
    conn: Connection, doctor: Examine, ended: str, grade: Grade
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(
        """insert into flowctl.sends
        (message_id, lead_id, channel, transport, recipient, content, claimed_by, lease_until)
        select id, lead_id, 'email', 'smtp', 'x@example.com', 'x', gen_random_uuid(),
          now() + %s::interval
        from message_logs""",
        (ended,),
    )
    assert the(doctor(), "sends").status is grade


def test_an_unknown_outcome_waits_for_a_person(conn: Connection, doctor: Examine) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute("update message_logs set status = 'failed', is_unknown = true")
    check = the(doctor(), "unknown outcomes")
    assert (check.status, check.detail[:10]) == (Grade.NOTE, "1 message ")


@pytest.mark.parametrize(
    ("sent", "grade"),
    [
        ("sent_at = now(), recipient = 'a@example.com', attempts = 1", Grade.OK),
        ("sent_at = now(), attempts = 1", Grade.FAULT),
        ("sent_at = now()", Grade.OK),  # adopted from an earlier script
        ("recipient = 'a@example.com'", Grade.FAULT),
    ],
)
def test_a_sent_message_says_when_and_to_whom(
    conn: Connection, doctor: Examine, sent: str, grade: Grade
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(f"update message_logs set status = 'sent', {sent}".encode())  # noqa: S608
    assert the(doctor(), "sent messages").status is grade


def test_due_messages_of_a_channel_that_is_not_configured_are_a_fault(
    conn: Connection, doctor: Examine
) -> None:
    a_step(conn)
    a_step(conn, type="text", day=2)
    a_lead(conn)
    email, text = doctor()["channels"]
    assert (email.status, text.status) == (Grade.FAULT, Grade.NOTE)
    assert email.detail == "1 due message held: email is not configured"
    assert email.hint == "set SMTP_URL, EMAIL_FROM"


def test_national_numbers_without_a_region_are_a_note(conn: Connection, database: str) -> None:
    a_step(conn, type="text", day=2)
    a_lead(conn, phone="(415) 555-0123")
    a_lead(conn, phone="+14155550124")
    assert the(examined(database), "phones").detail.startswith("1 pending text ")
    assert the(examined(database, FLOWCTL_DEFAULT_REGION="US"), "phones").status is Grade.OK


NOBODY_LISTENS = {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "crm@example.com"}


@pytest.mark.parametrize(
    ("minutes", "grade"), [(0, Grade.OK), (4, Grade.OK), (6, Grade.NOTE), (16, Grade.FAULT)]
)
def test_messages_that_wait_for_long_are_late(
    conn: Connection, database: str, minutes: int, grade: Grade
) -> None:
    a_step(conn)
    a_lead(conn)
    conn.execute(
        "update message_logs set scheduled_for = now() - make_interval(mins => %s)", (minutes,)
    )
    check = the(examined(database, **NOBODY_LISTENS), "lag")
    assert check.status is grade
    assert check.detail.startswith(
        f"1 message due, the oldest for {f'{minutes}m ' * (minutes > 0)}"
    )


def test_what_is_held_or_paused_waits_for_something_else(conn: Connection, doctor: Examine) -> None:
    conn.execute("insert into flows (name, paused_at) values ('other', now())")
    a_step(conn)
    a_step(conn, flow="other")
    a_lead(conn)
    conn.execute("update message_logs set scheduled_for = now() - interval '3 hours'")
    check = the(doctor(), "lag")
    assert check.status is Grade.OK
    assert check.detail == "nothing is due (1 held, 1 in paused flows)"
