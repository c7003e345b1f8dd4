"""``flowctl suppressions``."""

import pytest

from flowctl.model import Outcome, OutcomeKind
from tests.support.cli import RunFlowctl
from tests.support.dispatching import dispatch_once
from tests.support.factories import a_lead, a_step, messages
from tests.support.hostile import FORBIDDEN, HOSTILE
from tests.support.postgres import Connection
from tests.support.roles import reader


def stored(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "select channel, address, reason, source from suppressions order by 1, 2"
    ).fetchall()


def test_an_address_is_suppressed_on_its_channel(flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    a_step(conn, day=1)
    a_step(conn, type="text")
    a_lead(conn, email=" ADA@example.com", phone="(415) 555-0123")
    a_lead(conn, email="nada@example.com", phone="+1 415 555 0123")
    a_lead(conn, email=None, phone="+1 212 555 0123")
    email = flowctl("suppressions", "add", "Ada@Example.com", "--reason", "asked to")
    assert (email.exit_code, email.stdout) == (0, "ada@example.com (email) is suppressed\n")
    assert email.stderr == "2 pending messages will not go out\n"
    region = {"FLOWCTL_DEFAULT_REGION": "US", "FLOWCTL_TEXT_COUNTRIES": "CA"}
    text = flowctl("suppressions", "add", "(415) 555-0123", env=region)
    assert (text.exit_code, text.stdout) == (0, "+14155550123 (text) is suppressed\n")
    assert text.stderr == "2 pending messages will not go out\n"
    assert stored(conn) == [
        ("email", "ada@example.com", "asked to", "manual"),
        ("text", "+14155550123", None, "manual"),
    ]


def test_what_a_reply_suppressed_can_be_kept_by_hand(flowctl: RunFlowctl, conn: Connection) -> None:
    conn.execute("insert into suppressions values ('text', '+14155550123', 'STOP', now(), 'reply')")
    ran = flowctl("suppressions", "add", "+14155550123")
    assert (ran.exit_code, ran.stdout) == (0, "+14155550123 (text) was suppressed already\n")
    assert stored(conn) == [("text", "+14155550123", "STOP", "manual")]


@pytest.mark.parametrize("source", ["complaint", "unsubscribe"])
def test_the_recipients_own_wish_is_not_forgotten_and_not_lifted_unasked(
    flowctl: RunFlowctl, conn: Connection, source: str
) -> None:
    conn.execute(
        "insert into suppressions values ('email', 'ada@example.com', 'asked', now(), %s)",
        (source,),
    )
    assert flowctl("suppressions", "add", "ada@example.com", "--json").json() == {
        "added": 0, "already": 1, "stopped": 0, "addresses": ["ada@example.com"],
    }  # fmt: skip
    assert stored(conn) == [("email", "ada@example.com", "asked", source)]
    unasked = flowctl("suppressions", "remove", "ada@example.com")
    assert unasked.exit_code == 1
    assert f"ada@example.com ({source})" in unasked.stderr
    assert "hint: pass --yes" in unasked.stderr
    assert len(stored(conn)) == 1
    ran = flowctl("suppressions", "remove", "ada@example.com", "--yes", "--json")
    assert (ran.exit_code, ran.json()) == (0, {"removed": 1, "addresses": ["ada@example.com"]})
    assert stored(conn) == []


def test_the_list_names_the_message_that_it_came_from(
    flowctl: RunFlowctl, conn: Connection, database: str
) -> None:
    a_step(conn)
    a_lead(conn)
    gone = Outcome(OutcomeKind.SUPPRESSED, "550", "5.1.1 no such user")
    dispatch_once(database, answer=lambda _: gone)
    ((message_id,),) = messages(conn, "id")
    (row,) = flowctl("suppressions", "list", "--json").json()
    assert (row["source"], row["message_id"]) == ("provider", str(message_id))
    assert str(message_id)[:8] in flowctl("suppressions", "list").stdout


def test_a_suppression_is_lifted(flowctl: RunFlowctl, conn: Connection) -> None:
    flowctl("suppressions", "add", "ada@example.com")
    ran = flowctl("suppressions", "remove", "ADA@example.com")
    assert (ran.exit_code, ran.stdout) == (0, "ada@example.com may be written to again\n")
    assert stored(conn) == []
    missing = flowctl("suppressions", "remove", "ada@example.com")
    assert missing.exit_code == 3
    assert missing.stderr.startswith("error: ada@example.com is not suppressed\nhint: ")


def test_the_list(flowctl: RunFlowctl) -> None:
    assert flowctl("suppressions", "list", "--json").json() == []
    flowctl("suppressions", "add", "ada@example.com", "--reason", HOSTILE)
    (row,) = flowctl("suppressions", "list", "--json").json()
    assert list(row)[:4] == ["channel", "address", "reason", "created_at"]
    assert (row["channel"], row["address"], row["reason"]) == ("email", "ada@example.com", HOSTILE)
    assert (row["source"], row["message_id"]) == ("manual", None)
    table = flowctl("suppressions", "list")
    assert "[bold]Ada[/bold] [/x]" in table.stdout
    assert not any(character in table.stdout for character in FORBIDDEN)


@pytest.mark.parametrize("command", ["add", "remove"])
@pytest.mark.parametrize(
    "address", ["ada", "ada@", "a@b.co, c@d.co", "12", "(415) 555-0123", HOSTILE]
)
def test_what_is_no_address(command: str, address: str, flowctl: RunFlowctl) -> None:
    ran = flowctl("suppressions", command, address)
    # what cannot be sent to may be suppressed all the same, by an import, and removed
    is_missing = command == "remove" and "is not suppressed" in ran.stderr
    assert (ran.exit_code, ran.stdout) == (3 if is_missing else 2, "")
    error, hint = ran.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert not any(character in error for character in FORBIDDEN)


def test_a_reader_can_only_look(flowctl: RunFlowctl, conn: Connection, database: str) -> None:
    flowctl("suppressions", "add", "ada@example.com")
    with reader(conn, database) as url:
        env = {"DATABASE_URL": url}
        assert len(flowctl("suppressions", "list", "--json", env=env).json()) == 1
        assert flowctl("suppressions", "add", "bob@example.com", env=env).exit_code == 4
