"""Messages on their way: begun by a dispatcher that is not there."""

from tests.support.postgres import Connection

_BEGIN = """
insert into flowctl.sends (
  message_id, lead_id, flow_step_id, channel, transport, recipient, content, claimed_by, lease_until
)
select
  id, lead_id, flow_step_id, message_type, 'smtp', 'ada@example.com', content, gen_random_uuid(),
  now() + interval '1 hour'
from message_logs
where status = 'pending'
"""


def begin_sends(conn: Connection) -> None:
    """Every pending message is being sent."""
    conn.execute(_BEGIN)


def waits_for_lock(conn: Connection) -> bool:
    """Whether anybody waits for a row that somebody else has locked."""
    found = conn.execute(
        "select exists (select from pg_stat_activity where datname = current_database() "
        "and wait_event_type = 'Lock')"
    )
    return found.fetchone() == (True,)
