"""What other people's linters say of the schema: nothing, but for the exceptions listed here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flowctl import migrate
from flowctl.database import sql_root
from tests.docs.readme import block
from tests.supabase.relay import relay
from tests.supabase.tools import needs_pgspot, needs_supabase_cli, pgspot, supabase_cli
from tests.support.supabase import Kind, Project

ADVICE_NOT_TAKEN = {
    # every index serves a query of ours, and this database has never been asked one
    "unused_index": {"public", "flowctl"},
    # these tables are for their owner alone: that there is no policy is the policy
    "rls_enabled_no_policy": {"flowctl"},
    # notes of what was adopted, written once; no row is ever looked up
    "no_primary_key": {"flowctl"},
}
"""What ``db advisors`` may say at its lowest level, INFO, and of which schemas."""

PGSPOT_EXCEPTIONS = {
    # ``create or replace`` and ``if not exists``: before anything is made, the first migration
    # refuses a schema, table or function of these names that belongs to another role
    "PS002": {
        "public.auto_schedule_messages",
        "public.enroll_lead",
        "public.message_schedule",
        "public.schedule_messages_for_lead",
    },
    "PS010": {"flowctl"},
    "PS012": {"public.flows", "public.flow_steps", "public.suppressions"},
    # an index on a table of ours, which only its owner can have made
    "PS014": {
        "message_logs_addressless",
        "message_logs_due",
        "message_logs_over",
        "message_logs_pending_error",
        "message_logs_recipient",
        "message_logs_sent",
        "message_logs_sent_error",
        "message_logs_state_over",
        "message_logs_step_due",
        "message_logs_step_recipient",
        "message_logs_step_state",
        "message_logs_undelivered",
        "message_logs_unknown",
    },
}
"""What pgspot may name, by its rules."""


@needs_supabase_cli
def test_the_advisors_have_nothing_to_warn_of(applied: Project, tmp_path: Path) -> None:
    with applied.connect() as owner:
        owner.execute((sql_root() / "roles.sql").read_bytes())
        owner.execute(block("3. The leads", "sql").encode())
    with relay(applied.url) as url:
        said = supabase_cli("db", "advisors", f"--remote={url}", "--level", "info", folder=tmp_path)
    assert [entry for entry in json.loads(said) if not is_excepted(entry)] == []


def is_excepted(advice: dict[str, Any]) -> bool:
    """Whether it is one of :data:`ADVICE_NOT_TAKEN`."""
    schemas = ADVICE_NOT_TAKEN.get(advice["name"], set())
    return advice["level"] == "INFO" and advice["metadata"]["schema"] in schemas


@needs_supabase_cli
@pytest.mark.parametrize("project", [Kind.NEWER], indirect=True)
@pytest.mark.parametrize("id_type", ["integer", "uuid"])
def test_the_database_linter_finds_nothing(project: Project, id_type: str, tmp_path: Path) -> None:
    with project.connect() as owner:
        if not owner.execute("select from pg_extension where extname = 'plpgsql_check'").rowcount:
            pytest.skip("the server has no plpgsql_check")
        owner.execute(
            f"create table leads (id {id_type} primary key, created_at timestamptz)".encode()
        )
        migrate.apply(owner)
    with relay(project.url) as url:
        said = supabase_cli(
            "db", "lint", f"--remote={url}", "--schema", "public,flowctl", "--level", "warning",
            folder=tmp_path,
        )  # fmt: skip
    assert json.loads(said or "[]") == []


@needs_pgspot
def test_pgspot_finds_nothing_that_somebody_could_have_planted(tmp_path: Path) -> None:
    text = tmp_path / "schema.sql"
    text.write_text(migrate.text_of(migrate.pending(None)), "utf-8")
    said = pgspot(text)
    found = re.findall(r"^(PS\d+): .*?: ([\w.]+)", said, re.MULTILINE)
    excepted = {(rule, name) for rule, names in PGSPOT_EXCEPTIONS.items() for name in names}
    assert set(found) == excepted, said
    errors, warnings, unknown = re.findall(r"(?:Errors|Warnings|Unknown): (\d+)", said)
    assert (int(errors) + int(warnings), int(unknown)) == (len(found), 0), said
