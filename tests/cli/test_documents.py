"""The JSON documents of all commands, key by key and type by type: what a script relies on."""

import json
from pathlib import Path
from types import NoneType
from typing import Any

import pytest

from flowctl.cli import main
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection

OPT = (str, NoneType)
COUNT_OR_NONE = (int, NoneType)
STATUSES = {"pending": int, "sent": int, "failed": int, "cancelled": int}
CHANNELS = {"email": int, "text": int}

FILE = """
[[flows]]
name = "nurture"
[[flows.steps]]
key = "welcome"
type = "text"
content = "Hi {{ nobody }}"
"""

MESSAGE = {
    "id": str,
    "lead_id": str,
    "flow": OPT,
    "key": OPT,
    "message_type": str,
    "to": OPT,
    "subject": OPT,
    "content": str,
    "status": str,
    "scheduled_for": str,
    "sent_at": OPT,
    "attempts": int,
    "provider_id": OPT,
    "delivery_status": OPT,
    "error_message": OPT,
}
PREVIEW = {
    "lead_id": OPT,
    "timezone": str,
    "messages": [
        {
            "flow": str,
            "key": OPT,
            "step_order": int,
            "type": str,
            "scheduled_for": str,
            "status": OPT,
            "sent_at": OPT,
            "to": OPT,
            "subject": OPT,
            "content": str,
            "reason": OPT,
        }
    ],
}
DOCUMENTS: list[tuple[str, Any]] = [
    ("apply-schema --check", {"pending": list, "newer": OPT}),
    ("apply-schema --dry-run", {"pending": list, "sql": str}),
    (
        "apply-schema",
        {"applied": list, "adopted": list, "zones": list, "newer": OPT, "copy": OPT, "moved": bool},
    ),
    (
        "steps sync FILE --dry-run",
        {
            "created": list,
            "updated": list,
            "disabled": list,
            "unchanged": list,
            "pending_kept": int,
            "pending_updated": int,
            "warnings": [{"flow": str, "key": OPT, "field": str, "text": str}],
        },
    ),
    (
        "steps list",
        [
            {
                "id": str,
                "flow": str,
                "key": OPT,
                "step_order": int,
                "type": str,
                "subject": OPT,
                "content": OPT,
                "day": int,
                "time": OPT,
                "time_type": str,
                "enabled": bool,
            }
        ],
    ),
    ("steps export", {"file": NoneType, "flows": int, "steps": int, "content": str}),
    ("steps export NEW.toml", {"file": str, "flows": int, "steps": int, "content": NoneType}),
    (
        "flows list",
        [
            {
                "name": str,
                "enabled": bool,
                "paused_at": OPT,
                "timezone": str,
                "steps": int,
                "leads": int,
                "pending": int,
                "next_due": OPT,
            }
        ],
    ),
    ("preview ada@example.com", PREVIEW),
    ("preview --created-at 2026-03-02T10:00Z", PREVIEW),
    (
        "dispatch --dry-run",
        dict.fromkeys(
            ("sent", "failed", "retrying", "cancelled", "deferred", "held", "unknown"), int
        ),
    ),
    (
        "status",
        {
            "counts": STATUSES,
            "due": int,
            "oldest_due_seconds": COUNT_OR_NONE,
            "next_due": OPT,
            "held": CHANNELS,
            "failures": [{"reason": str, "count": int}],
            "sent": {"hour": int, "today": int, "since": int},
            "undelivered": [{"code": str, "count": int}],
            "flows_paused": list,
            "paused": int,
            "no_address": int,
            "unread_timezones": {"count": int, "examples": list},
            "dispatchers": [{"host": str, "since": str}],
            "last_run": {
                "host": str,
                "started_at": str,
                "ended_at": OPT,
                "sent": int,
                "failed": int,
                "exit": COUNT_OR_NONE,
            },
        },
    ),
    ("messages list", [MESSAGE]),
    ("messages show ID", {**MESSAGE, "history": [{"at": str, "event": str, "detail": OPT}]}),
    (
        "forecast",
        {
            "timezone": str,
            "days": [{"date": str, "email": int, "text": int, "segments": int, "countries": dict}],
            "cannot": {"no_address": int, "suppressed": int, "paused": int},
        },
    ),
    (
        "report NEW.html",
        {
            "file": str,
            "since": str,
            "until": str,
            "timezone": str,
            "steps": [
                {
                    "flow": str,
                    "key": OPT,
                    "step_order": int,
                    "type": str,
                    **dict.fromkeys(
                        ("sent", "delivered", "failed", "cancelled", "bounced", "opted_out"), int
                    ),
                }
            ],
            "days": [{"date": str, "email": int, "text": int}],
            "failures": [{"reason": str, "count": int}],
            "forecast": {"days": list},
        },
    ),
    (
        "doctor",
        {"ok": bool, "checks": [{"name": str, "status": str, "detail": str, "hint": OPT}]},
    ),
    (
        "leads import CSV",
        {
            "imported": int,
            "skipped": int,
            "rejected": int,
            "suppressed": int,
            "scheduled": int,
            "unread_timezones": int,
            "rejects_file": OPT,
        },
    ),
    ("leads add --email new@example.com", {"id": str, "scheduled": int}),
    (
        "leads list",
        [
            {
                "id": str,
                "email": OPT,
                "phone": OPT,
                "flow": str,
                "state": str,
                "step": OPT,
                "next_due": OPT,
            }
        ],
    ),
    (
        "leads show ada@example.com",
        {
            "id": str,
            "email": OPT,
            "phone": OPT,
            "timezone": str,
            "flows": [{"flow": str, "state": str, "next_due": OPT, "step": OPT}],
            "messages": STATUSES,
            "suppressed": list,
        },
    ),
    (
        "leads move bob@example.com --from default --to extra",
        {"cancelled": int, "scheduled": int},
    ),
    (
        "leads enroll --flow extra --all --yes",
        {"leads": int, "scheduled": int, "left_out": dict},
    ),
    ("leads stop ada@example.com", {"cancelled": int}),
    ("leads resume ada@example.com", {"restored": int, "left": list}),
    (
        "flows pause default",
        {"name": str, "paused_at": str, "was_paused": bool},
    ),
    (
        "flows resume default --late send",
        {
            "name": str,
            "was_paused": bool,
            "late": {"messages": int, "leads": int, "oldest": OPT},
            "changed": int,
        },
    ),
    ("messages refresh --yes", {"moved": int, "rewritten": int, "unchanged": int}),
    ("messages cancel --lead bob@example.com --yes", {"cancelled": int, "left_out": dict}),
    (
        "messages retry --status failed --yes",
        {"retried": int, "left_out": dict},
    ),
    (
        "messages prune --older-than 30d --yes",
        {"before": str, "messages": int, "archived": int},
    ),
    (
        "suppressions add x@example.com",
        {"added": int, "already": int, "stopped": int, "addresses": list},
    ),
    (
        "suppressions list",
        [
            {
                "channel": str,
                "address": str,
                "reason": OPT,
                "created_at": str,
                "source": str,
                "message_id": OPT,
            }
        ],
    ),
    ("suppressions export", {"file": NoneType, "rows": int, "content": str}),
    ("suppressions export NEW.csv", {"file": str, "rows": int, "content": NoneType}),
    ("suppressions remove x@example.com", {"removed": int, "addresses": list}),
    (
        "suppressions import CSV",
        {"added": int, "already": int, "rejected": int, "stopped": int},
    ),
    (
        "reconcile --maildir MAILDIR",
        dict.fromkeys(
            (
                "bounced",
                "refused",
                "delayed",
                "complained",
                "unsubscribed",
                "delivered_emails",
                "replied",
                "not_understood",
            ),
            int,
        ),
    ),
    ("leads forget ada@example.com --yes", {"id": str, "messages": int}),
]
"""Commands in an order in which they can be run, and the document of each: an object has these keys
and may have others, a list has elements such as this one."""


@pytest.fixture
def places(database: str, conn: Connection, tmp_path: Path) -> dict[str, str]:
    """A database with something of everything, and what the words in capitals stand for."""
    a_flow(conn, "extra")
    a_step(conn, key="first")
    a_step(conn, key="reminder", type="text", day=3)
    a_lead(conn)
    a_lead(conn, email="bob@example.com", phone=None)
    a_lead(conn, email="broken@", timezone="Mars/Base")
    dispatch_once(database)
    a_lead(conn, email="eve@example.com")
    a_step(conn, key="hello", flow="extra", day=1)
    conn.execute(
        "insert into flowctl.runs (id, host, is_loop) values (gen_random_uuid(), 'h', true)"
    )
    conn.execute("update message_logs set delivery_status = 'bounced' where status = 'sent'")
    (tmp_path / "steps.toml").write_text(FILE)
    (tmp_path / "leads.csv").write_text("email\nnobody@example.net\n")
    for name in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    row = conn.execute("select id::text from message_logs where status = 'failed'").fetchone()
    assert row is not None
    return {
        "FILE": str(tmp_path / "steps.toml"),
        **{name: str(tmp_path / name) for name in ("NEW.toml", "NEW.html", "NEW.csv")},
        "CSV": str(tmp_path / "leads.csv"),
        "MAILDIR": str(tmp_path / "Maildir"),
        "ID": row[0],
    }


def test_every_document_is_as_promised(
    database: str,
    places: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    wrong = []
    for command, promised in DOCUMENTS:
        words = [places.get(word, word) for word in command.split()]
        status = main([*words, "--json"])
        stdout, stderr = capsys.readouterr()
        if status not in {0, 1} or not stdout:
            wrong.append(f"{command}: exit {status}: {stderr}")
        else:
            wrong += differences(command, json.loads(stdout), promised)
    assert not wrong, "\n".join(wrong)


def differences(where: str, found: object, promised: Any) -> list[str]:
    """Where a document is not what was promised."""
    if isinstance(promised, dict):
        if not isinstance(found, dict):
            return [f"{where} is {found!r}"]
        missing = [f"{where}.{name} is missing" for name in promised if name not in found]
        return missing + [
            line
            for name, kind in promised.items()
            if name in found
            for line in differences(f"{where}.{name}", found[name], kind)
        ]
    if isinstance(promised, list):
        if not isinstance(found, list) or not found:
            return [f"{where} is {found!r}, so nothing can be seen"]
        return [line for one in found for line in differences(f"{where}[]", one, promised[0])]
    is_number_for_a_word = isinstance(found, bool) and promised is not bool
    return (
        []
        if isinstance(found, promised) and not is_number_for_a_word
        else [f"{where} is {found!r}"]
    )
