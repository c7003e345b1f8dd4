"""``steps history``: what each sync changed."""

from pathlib import Path

from tests.cli.renames import a_file, sync
from tests.support.cli import RunFlowctl
from tests.support.postgres import Connection


def test_each_sync_is_in_the_history(flowctl: RunFlowctl, conn: Connection, file: Path) -> None:
    sync(flowctl, file, a_file("n", "a", "b"))
    conn.execute("update flowctl.step_changes set synced_at = now() - interval '8 days'")
    sync(flowctl, file, a_file("n", 'c|was = "a"', more="dedupe_address = true"), "--dry-run")
    sync(flowctl, file, a_file("n", 'c|was = "a"', more="dedupe_address = true"))
    sync(flowctl, file, a_file("n", 'c|was = "a"', more="dedupe_address = true"))
    made = flowctl("steps", "history", "--json").json()
    assert made[0].keys() == {"synced_at", "synced_by", "change", "flow", "key", "fields"}
    assert [(one["change"], one["key"], one["fields"]) for one in made] == [
        ("update", None, ["dedupe_address"]),
        ("disable", "b", ["enabled"]),
        ("update", "c", ["key"]),
        ("create", None, []),
        ("create", "a", []),
        ("create", "b", []),
    ]
    lines = flowctl("steps", "history", "--since=7d", "--flow=n").stdout.splitlines()
    assert [line.split()[3:] for line in lines[1:]] == [
        ["update", "flow", "n", "dedupe_address"],
        ["disable", "n/b", "enabled"],
        ["update", "n/c", "key"],
    ]
    assert flowctl("steps", "history", "--flow=m").exit_code == 3
    assert "no sync changed" in flowctl("steps", "history", "--flow=default").stderr
    conn.execute("update flowctl.step_changes set synced_at = now() - interval '2 years'")
    sync(flowctl, file, a_file("n", "c"))
    assert len(flowctl("steps", "history", "--json").json()) == 1
