"""Writers that meet: leads are inserted while steps are deleted."""

import threading
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg.errors import SerializationFailure

from tests.support.factories import a_flow, a_lead, a_step, count, messages
from tests.support.postgres import Connection, connect
from tests.support.waiting import until


def in_thread(work: threading.Thread, conn: Connection, pid: int) -> None:
    """Start it, and wait until the server says that the connection of that pid waits for a lock."""
    work.start()
    until(
        lambda: (
            conn.execute(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", (pid,)
            ).fetchone()
            == (True,)
        )
    )


def test_a_step_deleted_while_a_lead_is_inserted(conn: Connection, database: str) -> None:
    gone = a_step(conn, subject="gone")
    a_step(conn, subject="stays")
    with connect(database) as crm, connect(database) as form:
        insert = threading.Thread(target=lambda: a_lead(form))
        with crm.transaction():
            crm.execute("delete from flow_steps where id = %s", (gone,))
            in_thread(insert, conn, form.info.backend_pid)
        insert.join()
    assert messages(conn, "subject", "status") == [("stays", "pending")]
    assert count(conn, "leads") == 1


def test_a_lead_inserted_while_a_step_is_deleted(conn: Connection, database: str) -> None:
    gone = a_step(conn, subject="gone")
    with connect(database) as crm, connect(database) as form:
        delete = threading.Thread(
            target=lambda: crm.execute("delete from flow_steps where id = %s", (gone,))
        )
        with form.transaction():
            a_lead(form)
            in_thread(delete, conn, crm.info.backend_pid)
        delete.join()
    assert messages(conn, "status", "error_message", "flow_step_id") == [
        ("cancelled", "step was deleted", None)
    ]


def test_a_deadlock_with_the_deletion_of_steps_refuses_no_lead(
    conn: Connection, database: str
) -> None:
    for source in ("web", "phone"):
        a_flow(conn, source, audience={"source": source})
    web, phone = (a_step(conn, flow=source) for source in ("web", "phone"))
    delete = "delete from flow_steps where id = %s"
    with connect(database) as crm, connect(database) as form:
        # whoever waits last notices the deadlock, and gives in
        crm.execute("set deadlock_timeout = '1min'")
        form.execute("set deadlock_timeout = '10ms'")
        both = threading.Thread(target=lambda: delete_both(crm, delete, phone, web))
        with form.transaction():
            a_lead(form, source="web")
            in_thread(both, conn, crm.info.backend_pid)
            a_lead(form, source="phone")
        both.join()
    assert count(conn, "leads") == 2
    assert messages(conn, "status", "error_message") == [("cancelled", "step was deleted")]


def delete_both(crm: Connection, statement: LiteralString, first: UUID, second: UUID) -> None:
    """Delete two steps in one transaction."""
    with crm.transaction():
        crm.execute(statement, (first,))
        crm.execute(statement, (second,))


def test_a_serialization_failure_is_the_writers_to_retry(conn: Connection, database: str) -> None:
    gone = a_step(conn)
    with connect(database) as form:
        form.execute("begin isolation level repeatable read")
        assert count(form, "flow_steps") == 1
        conn.execute("delete from flow_steps where id = %s", (gone,))
        with pytest.raises(SerializationFailure):
            a_lead(form)
        form.execute("rollback")
    assert count(conn, "leads") == 0
