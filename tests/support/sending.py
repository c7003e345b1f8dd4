"""Messages on their way: begun by a dispatcher that is not there."""

from uuid import UUID

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


def hold_pending(conn: Connection, lead: UUID) -> None:
    """Keep a lead's pending messages as a dispatcher does that is about to begin them."""
    conn.execute(
        "select from message_logs where lead_id = %s and status = 'pending' for no key update",
        (lead,),
    )
