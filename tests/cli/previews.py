"""What is read of a preview."""

from typing import Any

from psycopg import sql

from tests.support.cli import Ran
from tests.support.postgres import Connection


def times(ran: Ran) -> list[str]:
    assert ran.exit_code == 0, ran.stderr
    return [message["scheduled_for"] for message in ran.json()["messages"]]


def only(ran: Ran) -> Any:
    """The one message of a preview."""
    assert ran.exit_code == 0, ran.stderr
    (message,) = ran.json()["messages"]
    return message


def explanation(ran: Ran) -> str:
    return "\n".join(only(ran)["explanation"])


def set_message(conn: Connection, **columns: object) -> None:
    """Change every message."""
    for column, value in columns.items():
        conn.execute(
            sql.SQL("update message_logs set {} = %s").format(sql.Identifier(column)), (value,)
        )
