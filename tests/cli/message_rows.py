"""The messages of a test, by the key of their step."""

from tests.support.postgres import Connection


def ids(conn: Connection) -> dict[str, str]:
    """The messages' ids by their step's key."""
    found = conn.execute(
        "select step.key, message.id::text from message_logs as message "
        "join flow_steps as step on step.id = message.flow_step_id"
    )
    return dict(found.fetchall())


def statuses(conn: Connection) -> dict[str, str]:
    """The messages' statuses by their step's key."""
    found = conn.execute(
        "select step.key, message.status from message_logs as message "
        "join flow_steps as step on step.id = message.flow_step_id"
    )
    return dict(found.fetchall())
