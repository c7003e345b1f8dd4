"""What a crash leaves, what makes it pass, and what must be true afterwards."""

from uuid import UUID

from tests.support.factories import a_step
from tests.support.postgres import Connection
from tests.support.providers import Providers


def steps_of_both_channels(conn: Connection) -> None:
    """An email and a text at once, whose bodies name their lead."""
    a_step(conn, content="mail for {{ id }}")
    a_step(conn, type="text", content="text for {{ id }}")


def add_leads(conn: Connection, count: int) -> None:
    """That many leads, no two with the same address."""
    conn.execute(
        """
        insert into leads (first_name, email, phone, timezone)
        select 'Ada', format('lead-%%s@example.com', n), format('+1415%%s', 2000000 + n), 'UTC'
        from (select count(*) as present from leads) as already
        cross join lateral generate_series(present + 1, present + %(count)s) as n
        """,
        {"count": count},
    )


def begun(conn: Connection) -> int:
    """How many messages were begun and have no outcome: what is unknown if nobody is alive."""
    row = conn.execute("select count(*) from flowctl.sends").fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def let_leases_pass(conn: Connection) -> None:
    """Let every lease end, and the time pass after which a list at Twilio is complete."""
    conn.execute(
        "update message_logs set lease_until = now() - interval '1 second' "
        "where lease_until is not null"
    )
    conn.execute(
        "update flowctl.sends set lease_until = now() - interval '1 second', "
        "begun_at = now() - interval '6 minutes'"
    )


def let_retries_come(conn: Connection) -> None:
    """Let the time of every message come that waits for another attempt."""
    conn.execute("update message_logs set retry_at = now() where retry_at > now()")


def let_claims_pass(conn: Connection) -> None:
    """Let the lease of every claim end whose message was not begun, though its holder may live."""
    conn.execute(
        "update message_logs m set lease_until = now() - interval '1 second' "
        "where lease_until is not null "
        "and not exists (select from flowctl.sends s "
        "where s.lead_id = m.lead_id and s.message_id = m.id)"
    )


def assert_intended(conn: Connection, providers: Providers) -> None:
    """Whatever a provider has accepted is sent, or was begun: the intent came before the act."""
    emails, texts = providers.emails(), providers.texts()
    rows = conn.execute(
        "select m.id, m.lead_id, m.message_type from message_logs m where m.status <> 'sent' "
        "and not exists (select from flowctl.sends s "
        "where s.lead_id = m.lead_id and s.message_id = m.id) "
        "and not m.is_unknown"
    ).fetchall()
    for message_id, lead_id, channel in rows:
        count = texts[f"text for {lead_id}"] if channel == "text" else emails[message_id]
        assert count == 0, (message_id, channel)


def assert_once(conn: Connection, providers: Providers) -> int:
    """By count at the providers: nothing twice, nothing lost; the number of unknown emails.

    Every text is sent, exactly once, under the id it has at Twilio. Every email is sent exactly
    once, or its outcome is unknown and it was sent at most once.
    """
    emails, texts, text_ids = providers.emails(), providers.texts(), providers.text_ids()
    rows = conn.execute(
        "select id, lead_id, message_type, status, is_unknown, provider_id from message_logs"
    ).fetchall()
    unknown = 0
    for row in rows:
        message_id, lead_id, channel, status, is_unknown, provider_id = row
        assert isinstance(message_id, UUID)
        if channel == "text":
            body = f"text for {lead_id}"
            assert (status, texts[body]) == ("sent", 1), row
            assert text_ids[provider_id] == body
        elif status == "failed":
            assert is_unknown, row
            assert emails[message_id] <= 1, row
            unknown += 1
        else:
            assert (status, emails[message_id]) == ("sent", 1), row
    assert begun(conn) == 0
    return unknown


def name_runs(conn: Connection) -> None:
    """From now on the database notes which run belongs to which application name."""
    conn.execute(
        """
        create schema observed;
        create table observed.runs (run uuid primary key, dispatcher text not null);
        create function observed.note_run() returns trigger language plpgsql as $$
        begin
          insert into observed.runs values (new.claimed_by, current_setting('application_name'))
          on conflict do nothing;
          return null;
        end;
        $$;
        create trigger note_run after update on public.message_logs
        for each row when (
          new.claimed_by is not null and new.claimed_by is distinct from old.claimed_by
        ) execute function observed.note_run();
        create trigger note_run after update on flowctl.sends
        for each row when (new.claimed_by is distinct from old.claimed_by)
        execute function observed.note_run();
        """
    )


def let_leases_of_the_dead_pass(conn: Connection, dispatcher: str) -> int:
    """As ``let_leases_pass``, for the runs of one name; returns how many sends it had begun.

    Those of others that it was about to look up are not counted.
    """
    conn.execute(
        "update message_logs set lease_until = now() - interval '1 second' "
        "where lease_until is not null and claimed_by in "
        "(select run from observed.runs where dispatcher = %s)",
        (dispatcher,),
    )
    cursor = conn.execute(
        "update flowctl.sends as send set lease_until = now() - interval '1 second', "
        "begun_at = begun_at - interval '6 minutes' from message_logs as message "
        "where message.id = send.message_id "
        "and send.claimed_by in (select run from observed.runs where dispatcher = %s) "
        "returning send.claimed_by = message.claimed_by",
        (dispatcher,),
    )
    return sum(is_own is True for (is_own,) in cursor.fetchall())


def pending(conn: Connection) -> int:
    """How many messages have no outcome yet."""
    row = conn.execute("select count(*) from message_logs where status = 'pending'").fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]
