"""A mangled mail stops nothing, is taken once, and touches no address but the stored one."""

import re
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowctl.inbound.reading import Addresses, read
from flowctl.reconcile.mail import Fate, MailRecorder
from tests.support.examples import examples
from tests.support.factories import a_lead
from tests.support.mangling import Mangle, mangled
from tests.support.postgres import Connection
from tests.support.returned import EXPECTED, SAMPLES, a_sent_email, stored_with_us

OURS = Addresses((("unsubscribe@example.com", "unsubscribe "),), frozenset({"hello@example.com"}))
NAMES = [one["file"] for one in EXPECTED]
RAWS = {name: (SAMPLES / name).read_bytes() for name in NAMES}
ADDRESS = re.compile(rb"[\w.+-]{1,40}@[\w.-]{1,60}\w")
ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STRANGER = b"11111111-2222-4333-8444-555555555555"

State = list[tuple[object, ...]]


def state(conn: Connection) -> State:
    """All that a mail may change."""
    return [
        *conn.execute("select channel, address, source from suppressions order by 1, 2").fetchall(),
        *conn.execute(
            "select id, status, delivery_status, delivery_code, error_message from message_logs"
            " order by 1"
        ).fetchall(),
    ]


STORED = "stored@example.net"
"""The recipient as we know it; a mail may name him otherwise."""


def prepared(conn: Connection, name: str) -> None:
    """The message that a sample is about, and, as leads that were written to as well, all whom it
    names: they must not be touched."""
    (expected,) = [one for one in EXPECTED if one["file"] == name]
    message_id, _ = stored_with_us(expected)
    if message_id is not None:
        a_sent_email(conn, STORED, id=message_id)
    for address in sorted({found.decode().lower() for found in ADDRESS.findall(RAWS[name])}):
        a_sent_email(conn, address)


several = settings(
    max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(name=st.sampled_from(NAMES), mangle=mangled)
def test_a_mangled_mail_is_taken_once_and_touches_its_own_address(
    conn: Connection, name: str, mangle: Mangle
) -> None:
    mail = read(mangle(RAWS[name]), OURS)
    with conn.transaction(force_rollback=True):
        prepared(conn, name)
        first = MailRecorder(conn).take(mail)
        after = state(conn)
        by_sender = {mail.sender} if first is Fate.UNSUBSCRIBED and not mail.message_ids else set()
        assert {row[1] for row in after if row[0] == "email"} <= (by_sender or {STORED})
        assert MailRecorder(conn).take(mail) is (first if first is Fate.LEFT else Fate.TAKEN)
        assert state(conn) == after


@several
@given(name=st.sampled_from(NAMES), mangle=mangled)
def test_a_forged_mail_does_nothing(conn: Connection, name: str, mangle: Mangle) -> None:
    """Without an id of ours: whoever knows an address of a lead can write such a mail."""
    raw = mangle(ID.sub(STRANGER, RAWS[name]))
    with conn.transaction(force_rollback=True):
        prepared(conn, name)
        before = state(conn)
        # by its From alone a mail may only unsubscribe whoever sent it
        mail = replace(read(raw, OURS), sender="")
        assert MailRecorder(conn).take(mail) is Fate.LEFT
        assert state(conn) == before


@several
@given(raw=st.binary(max_size=300), place=st.sampled_from(["before", "after", "as id"]))
def test_noise_about_a_message_of_ours_stops_nothing(
    conn: Connection, raw: bytes, place: str
) -> None:
    with conn.transaction(force_rollback=True):
        message_id = a_sent_email(conn, "ada@example.net")
        a_lead(conn, email="bob@example.net")
        sample = RAWS["postfix-unknown.eml"]
        ours = ID.sub(str(message_id).encode(), sample)
        whole = {"before": raw + ours, "after": ours + raw, "as id": ID.sub(b"", sample) + raw}
        MailRecorder(conn).take(read(whole[place], OURS))
        assert {row[1] for row in state(conn) if row[0] == "email"} <= {"ada@example.net"}
