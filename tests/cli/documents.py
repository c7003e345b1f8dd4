"""What the JSON document of each command holds: what a script relies on."""

from types import NoneType
from typing import Any

OPT = (str, NoneType)
COUNT_OR_NONE = (int, NoneType)
STATUSES = {"pending": int, "sent": int, "failed": int, "cancelled": int}
CHANNELS = {"email": int, "text": int}

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
