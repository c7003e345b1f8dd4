"""What is tried on each table, and who may do it."""

from tests.support.supabase import Caller

REFUSED = "refused"
HIDDEN = "no row"
DONE = "done"

ACTIONS = {
    "leads": {
        "select": "select from leads",
        "insert": "insert into leads (email) values ('new@example.com')",
        "update": "update leads set first_name = 'Eve'",
        "delete": "delete from leads",
        "upsert": "insert into leads (id) values ('{lead}') "
        "on conflict (id) do update set email = 'new@example.com'",
        "truncate": "truncate leads cascade",
    },
    "flows": {
        "select": "select from flows",
        "insert": "insert into flows (name) values ('new')",
        "update": "update flows set timezone = 'Europe/Rome'",
        "delete": "delete from flows where name = 'spare'",
        "upsert": "insert into flows (name) values ('spare') "
        "on conflict (name) do update set enabled = false",
        "truncate": "truncate flows cascade",
    },
    "flow_steps": {
        "select": "select from flow_steps",
        "insert": "insert into flow_steps (type, content) values ('text', 'Hi')",
        "update": "update flow_steps set day = 3",
        "delete": "delete from flow_steps",
        "upsert": "insert into flow_steps (id, type, content) values ('{step}', 'text', 'Hi') "
        "on conflict (id) do update set content = excluded.content",
        "truncate": "truncate flow_steps cascade",
    },
    "message_logs": {
        "select": "select from message_logs",
        "insert": "insert into message_logs (lead_id, message_type, content, scheduled_for) "
        "values ('{lead}', 'text', 'Hi', now())",
        "update": "update message_logs set content = 'Hi' where status = 'pending'",
        "delete": "delete from message_logs where status = 'pending'",
        "upsert": "insert into message_logs "
        "(lead_id, flow_step_id, message_type, content, scheduled_for) "
        "values ('{lead}', '{waiting}', 'email', 'Hi', now()) "
        "on conflict (lead_id, flow_step_id) do update set content = excluded.content",
        "truncate": "truncate message_logs",
    },
    "suppressions": {
        "select": "select from suppressions",
        "insert": "insert into suppressions (channel, address) values ('email', 'b@example.com')",
        "update": "update suppressions set reason = 'asked for it'",
        "delete": "delete from suppressions",
        "upsert": "insert into suppressions (channel, address) values ('email', 'a@example.com') "
        "on conflict (channel, address) do update set reason = 'again'",
        "truncate": "truncate suppressions",
    },
}

ALL_BUT_TRUNCATE = ("select", "insert", "update", "delete", "upsert")

MAY: dict[tuple[Caller, str], tuple[str, ...]] = {
    (Caller.STAFF, "flows"): ALL_BUT_TRUNCATE,
    (Caller.STAFF, "flow_steps"): ALL_BUT_TRUNCATE,
    (Caller.STAFF, "message_logs"): ("select",),
    (Caller.STAFF, "suppressions"): ("select",),
    **{(Caller.SERVICE, table): ALL_BUT_TRUNCATE for table in ACTIONS},
}
"""What is allowed; nothing else is."""

SEES_NO_ROW = {
    (table, action)
    for table in ("flows", "flow_steps", "message_logs", "suppressions")
    for action in ("select", *(("update", "delete") if table.startswith("flow") else ()))
}
"""Where another signed-in user has the staff's grants, and no policy."""


def expected(caller: Caller, table: str, action: str) -> str:
    """What becomes of the request."""
    if action in MAY.get((caller, table), ()):
        return DONE
    if caller is Caller.VISITOR and (table, action) in SEES_NO_ROW:
        return HIDDEN
    return REFUSED
