"""What several tests of commands share."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.twilio_server import TwilioServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flows.toml"


@pytest.fixture
def lead(conn: Connection) -> UUID:
    """A lead with one message of each status, keyed by it."""
    for day, status in enumerate(("cancelled", "failed", "pending", "sent")):
        a_step(conn, key=status, day=day, type="text" if status == "failed" else "email")
    lead = a_lead(conn)
    conn.execute(
        "update message_logs as message set status = step.key, attempts = 5, "
        "sent_at = case step.key when 'sent' then now() end, "
        "recipient = case step.key when 'sent' then 'ada@example.com' end, "
        "error_message = case when step.key <> 'sent' then '100%_' || step.key end "
        "from flow_steps as step where step.id = message.flow_step_id"
    )
    return lead


@pytest.fixture
def sent_text(conn: Connection, flowctl: RunFlowctl, twilio: TwilioServer) -> str:
    """The SID of a text that a dispatcher sent."""
    a_step(conn, type="text", content="Hi {{ first_name }}")
    a_lead(conn)
    ran = flowctl("dispatch", "--once", "--json", env=twilio.environ)
    assert ran.json()["sent"] == 1
    ((sid,),) = messages(conn, "provider_id")
    assert isinstance(sid, str)
    return sid
