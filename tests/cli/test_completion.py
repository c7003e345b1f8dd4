"""Completion as bash and zsh ask for it: names from the database, and never an error."""

from pathlib import Path

import pytest

from tests.support.cli import Environ, Ran, RunFlowctl
from tests.support.factories import a_flow, a_step
from tests.support.postgres import Connection

NOWHERE = "postgresql://127.0.0.1:1/none"


def bash(flowctl: RunFlowctl, line: str, env: Environ | None = None) -> Ran:
    words = line.split(" ")
    asked = {
        "_FLOWCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    return flowctl(env={**asked, **(env or {})})


def zsh(flowctl: RunFlowctl, line: str) -> Ran:
    return flowctl(env={"_FLOWCTL_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line})


@pytest.fixture(autouse=True)
def names(conn: Connection) -> None:
    a_flow(conn, "nurture")
    a_flow(conn, "news")
    a_step(conn, flow="nurture", key="welcome")
    a_step(conn, flow="nurture", key="reminder")
    a_step(conn, flow="news", key="welcome")
    a_step(conn, flow="news")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flowctl flows pause n", ["news", "nurture"]),
        ("flowctl flows resume nur", ["nurture"]),
        ("flowctl flows resume nurture --late s", ["send", "skip", "shift"]),
        ("flowctl messages list --flow ", ["default", "news", "nurture"]),
        ("flowctl messages list --step ", ["reminder", "welcome"]),
        ("flowctl messages retry --step nurture/", ["nurture/reminder", "nurture/welcome"]),
        ("flowctl messages list --status ca", ["cancelled"]),
        ("flowctl leads list --at w", ["welcome"]),
        ("flowctl leads list --state f", ["finished"]),
        ("flowctl leads enroll --flow ne", ["news"]),
        ("flowctl leads move --from news --to nu", ["nurture"]),
        ("flowctl steps test r", ["reminder"]),
        ("flowctl flows pause zz", []),
    ],
)
def test_names_are_offered(flowctl: RunFlowctl, line: str, offered: list[str]) -> None:
    ran = bash(flowctl, line)
    assert (ran.exit_code, ran.stdout.split(), ran.stderr) == (0, offered, "")


def test_zsh_is_offered_the_same(flowctl: RunFlowctl) -> None:
    ran = zsh(flowctl, "flowctl flows pause nur")
    assert (ran.exit_code, '"nurture"' in ran.stdout, ran.stderr) == (0, True, "")


def test_a_file_of_settings_on_the_line_counts(
    flowctl: RunFlowctl, database: str, tmp_path: Path
) -> None:
    file = tmp_path / "env"
    file.write_text(f"DATABASE_URL={database}\n")
    ran = bash(flowctl, f"flowctl --env-file {file} flows pause nur", {"DATABASE_URL": None})
    assert ran.stdout.split() == ["nurture"]


@pytest.mark.parametrize(
    "env",
    [
        {"DATABASE_URL": NOWHERE},
        {"DATABASE_URL": "no address"},
        {"DATABASE_URL": None},
        {"DATABASE_URL": "embedded"},
        {"SMTP_URL": "nonsense"},
    ],
)
def test_what_cannot_be_asked_offers_nothing_and_says_nothing(
    flowctl: RunFlowctl, data_dir: Path, env: Environ
) -> None:
    ran = bash(flowctl, "flowctl flows pause n", env)
    assert (ran.exit_code, ran.stdout.strip(), ran.stderr) == (0, "", "")
    assert not data_dir.exists()


def test_a_database_without_a_schema_offers_nothing(
    flowctl: RunFlowctl, empty_database: str
) -> None:
    ran = bash(flowctl, "flowctl flows pause n", {"DATABASE_URL": empty_database})
    assert (ran.exit_code, ran.stdout.strip(), ran.stderr) == (0, "", "")
