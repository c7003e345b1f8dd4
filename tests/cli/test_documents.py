"""The JSON documents of all commands, key by key and type by type: what a script relies on."""

import json
from pathlib import Path
from typing import Any

import pytest

from flowctl.cli import main
from tests.cli.documents import DOCUMENTS
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.postgres import Connection

FILE = """
[[flows]]
name = "nurture"
[[flows.steps]]
key = "welcome"
type = "text"
content = "Hi {{ nobody }}"
"""


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
