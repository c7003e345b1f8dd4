"""Steps files, and what a sync of them leaves."""

from pathlib import Path
from typing import Any

from tests.support.cli import RunFlowctl
from tests.support.postgres import Connection

ONE = """
[[flows]]
name = "n"
timezone = "America/New_York"
[[flows.steps]]
key = "a"
type = "text"
content = "eins"
day = 1
time = "9:00 AM"
"""
TWO = """
[[flows.steps]]
key = "b"
type = "email"
subject = "two"
content = "two"
day = 2
"""


def synced(flowctl: RunFlowctl, file: Path, content: str, *options: str) -> dict[str, Any]:
    """What a sync of this content does; of its lists only those that say something."""
    file.write_text(content)
    ran = flowctl("steps", "sync", file, "--json", *options)
    assert ran.exit_code == 0, ran.stderr
    document: dict[str, Any] = ran.json()
    quiet = {"warnings", "changes", "keeping"}
    return {name: said for name, said in document.items() if said and name not in quiet}


def add_lead(conn: Connection, created_at: str = "now()", email: str = "ann@a.example") -> None:
    conn.execute(
        f"insert into leads (email, phone, created_at) values (%s, '+12025550100', {created_at})",  # noqa: S608
        (email,),
    )


def messages(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select step.key, message.message_type, message.content, message.status,"
        " message.error_message from message_logs as message"
        " left join flow_steps as step on step.id = message.flow_step_id"
        " order by step.key, message.lead_id"
    ).fetchall()


def steps(conn: Connection) -> dict[str | None, tuple[Any, ...]]:
    rows = conn.execute("select key, step_order, enabled, content from flow_steps").fetchall()
    return {row[0]: row[1:] for row in rows}
