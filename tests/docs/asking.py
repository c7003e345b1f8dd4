"""A database of 2,000 leads with mixed histories, and whoever asks about it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.docs.test_operating import TEXT
from tests.support.cli import RunFlowctl
from tests.support.postgres import Connection

FILE = """
[[flows]]
name = "nurture"

[[flows.steps]]
key = "welcome"
type = "email"
subject = "Welcome, {{ first_name }}"
content = "Hello {{ first_name }}, with other words"

[[flows.steps]]
key = "hint"
type = "text"
day = 1
time = "9:00 AM"
content = "Hi {{ first_name }}"

[[flows.steps]]
key = "last"
type = "email"
day = 4
time = "9:00 AM"
subject = "Still there?"
content = "Bye"
"""

HISTORIES = """
insert into leads (email, phone, first_name, timezone)
select 'lead' || n || '@example.com', '+1415' || 2000000 + n, 'Lead' || n, 'UTC'
from generate_series(1, 2000) as n;

-- they came over a week: some have had nothing but the first email, some everything
update leads set created_at = created_at - abs(hashtext(email)) % 7 * interval '1 day';
update message_logs as message set
  scheduled_for = scheduled_for - abs(hashtext(lead.email)) % 7 * interval '1 day',
  planned_for = scheduled_for - abs(hashtext(lead.email)) % 7 * interval '1 day'
from leads as lead where lead.id = message.lead_id;

-- what dispatch did meanwhile
update message_logs as message set
  status = 'sent', sent_at = scheduled_for, provider_id = message.id::text,
  recipient = case message_type when 'text' then phone else email end,
  content = replace(content, '{{ first_name }}', first_name),
  delivery_status = case when message_type = 'text' and abs(hashtext(phone)) % 7 = 0
    then 'undelivered' end
from leads as lead
where lead.id = message.lead_id and scheduled_for < now() - interval '1 hour'
  and abs(hashtext(message.id::text)) % 10 <> 0;
update message_logs set status = 'failed', error_message =
  case abs(hashtext(id::text)) % 3 when 0 then '550 relay not permitted' else '452 full' end
where status = 'pending' and scheduled_for < now() - interval '1 hour'
  and abs(hashtext(lead_id::text)) % 2 = 0;
update message_logs set is_unknown = true, error_message = 'unknown outcome: no answer'
where id in (select id from message_logs where status = 'failed' order by id limit 3);

insert into suppressions (channel, address, source, reason)
select 'text', phone, 'reply', 'STOP' from leads where abs(hashtext(phone)) % 50 = 0;
update message_logs set
  status = 'cancelled', cause = 'suppressed', error_message = 'recipient is suppressed'
where status = 'pending' and message_type = 'text'
  and lead_id in (select id from leads where abs(hashtext(phone)) % 50 = 0);

insert into flowctl.runs (id, host, is_loop, started_at, ended_at, exit_status, sent)
select gen_random_uuid(), 'host', false, now() - n * interval '8 hours',
  now() - n * interval '8 hours' + interval '1 minute', 0, 100
from generate_series(1, 3) as n
"""
"""2,000 leads and what became of them."""


class Asker:
    """Whoever has only the documents: each command stands in them, but for names and dates."""

    def __init__(self, flowctl: RunFlowctl, conn: Connection, folder: Path) -> None:
        self._flowctl, self._conn, self._folder = flowctl, conn, folder

    def ask(
        self, documented: str, *more: str, put: Mapping[str, str] | None = None, status: int = 0
    ) -> Any:
        """The document that the command answers with: ``put`` in the place of words of it, and with
        ``more`` where it would ask on a terminal."""
        assert f"flowctl {documented}" in TEXT, documented
        values = put or {}
        words = shlex.split(documented)
        assert values.keys() <= set(words), (documented, values)
        words = [values.get(word, word) for word in words]
        ran = self._flowctl(*words, *more, "--json", cwd=self._folder)
        assert ran.exit_code == status, (documented, ran)
        return ran.json()

    def write(self, text: str) -> None:
        """Change the steps file."""
        (self._folder / "flows.toml").write_text(text)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the tables say."""
        return self._conn.execute(statement.encode(), values).fetchall()

    def ids(self, condition: str, *values: object) -> set[str]:
        """The messages of which that is so."""
        found = self.rows(f"select id::text from message_logs where {condition}", *values)  # noqa: S608
        return {row[0] for row in found}

    def one(self, statement: str, *values: object) -> Any:
        """The only value of a query."""
        ((found,),) = self.rows(statement, *values)
        return found
