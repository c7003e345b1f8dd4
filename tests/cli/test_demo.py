"""``flowctl demo``: the whole way on the embedded database."""

import re
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest

from flowctl.cli.demo import OUTBOX
from tests.support.cli import Ran, RunFlowctl, child_environ, run_flowctl
from tests.support.postgres import Connection
from tests.support.waiting import until

ZONES = ("America/New_York", "Australia/Sydney", "Europe/Berlin")
TIMES = ("Mon 3:00 PM", "Tue 9:00 AM", "Wed 2:00 PM")


def played(**env: str) -> Ran:
    ran = run_flowctl("demo", env=env)
    assert ran.exit_code == 0, ran.stderr
    return ran


def rows(ran: Ran) -> list[list[str]]:
    """The cells of the timeline, without its head."""
    return [re.split(r"\s{2,}", line) for line in ran.stdout.splitlines()[1:]]


def outbox_of(data_dir: Path) -> Path:
    return data_dir / OUTBOX


def test_each_message_goes_once_at_its_time(data_dir: Path) -> None:
    ran = played()
    seen = set()
    for instant, zone, _, early, on_time, again, said in rows(ran):
        assert (early, on_time, again) == ("0", "1", "0")
        assert said.startswith(("email: ", "text: "))
        weekday, clock = re.sub(r" \d.*,", "", instant).split(" ", 1)
        seen.add((zone, f"{weekday} {clock}"))
    assert seen == {(zone, time) for zone in ZONES for time in TIMES}
    assert "sent: 9, early: 0, twice: 0" in ran.stderr
    assert str(outbox_of(data_dir)) in ran.stderr


def test_its_document_has_the_counts(data_dir: Path) -> None:
    ran = run_flowctl("demo", "--json")
    assert ran.exit_code == 0, ran.stderr
    document = ran.json()
    assert len(document.pop("leads")) == 3
    assert document == {
        "passes": 27,
        "messages": 9,
        "sent": 9,
        "early": 0,
        "twice": 0,
        "outbox": str(outbox_of(data_dir)),
    }


def test_the_messages_are_files(data_dir: Path) -> None:
    played()
    files = list(outbox_of(data_dir).iterdir())
    assert sorted(file.suffix for file in files) == [".eml"] * 6 + [".txt"] * 3
    emails = [message_from_bytes(file.read_bytes()) for file in files if file.suffix == ".eml"]
    assert {email["To"] for email in emails} == {
        "grace@example.com",
        "lena@example.org",
        "matilda@example.net",
    }
    texts = [file.read_text("utf-8") for file in files if file.suffix == ".txt"]
    assert sorted(re.findall(r"^To: (\+\d+)", text)[0] for text in texts) == [
        "+12125550142",
        "+491713920042",
        "+61491570156",
    ]


def test_what_it_says_to_type_next_works(data_dir: Path, tmp_path: Path) -> None:
    ran = played(FLOWCTL_DATA_DIR=str(data_dir))
    typed = re.findall(r"^  (?:flowctl|cp) .*", ran.stderr, re.MULTILINE)
    assert len(typed) == 5
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for line in typed:
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=tmp_path,
            env=child_environ({"PATH": path, "FLOWCTL_DATA_DIR": str(data_dir)}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_it_starts_over(data_dir: Path) -> None:
    first = played()
    files = set(outbox_of(data_dir).iterdir())
    again = played()
    assert [row[-4:] for row in rows(again)] == [row[-4:] for row in rows(first)]
    assert len(set(outbox_of(data_dir).iterdir()) - files) == 9
    assert files.isdisjoint(outbox_of(data_dir).iterdir())


def test_it_may_be_killed_half_way(data_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "flowctl", "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as half:
        until(lambda: any(outbox_of(data_dir).glob("*.*")))
        half.kill()
    assert "sent: 9, early: 0, twice: 0" in played().stderr


def test_leads_of_others_are_safe(data_dir: Path) -> None:
    assert run_flowctl("leads", "add", "--email", "ada@example.com").exit_code == 0
    before = run_flowctl("messages", "list", "--json").json()
    ran = run_flowctl("demo")
    assert ran.exit_code == 3
    assert "leads that are not the demo's: 1" in ran.stderr
    assert "FLOWCTL_DATA_DIR" in ran.stderr
    assert run_flowctl("messages", "list", "--json").json() == before
    assert not outbox_of(data_dir).exists()


def test_a_configured_database_is_left_alone(
    flowctl: RunFlowctl, conn: Connection, data_dir: Path
) -> None:
    ran = flowctl("demo")
    assert ran.exit_code == 0, ran.stderr
    assert "the database of DATABASE_URL is left alone" in ran.stderr
    assert "unset DATABASE_URL" in ran.stderr
    assert f"the embedded database in {data_dir}" in ran.stderr
    assert conn.execute("select count(*) from leads").fetchone() == (0,)


@pytest.mark.parametrize(
    "env",
    [
        {"FLOWCTL_TEXT_COUNTRIES": "CA", "FLOWCTL_MAX_PER_HOUR": "1"},
        {"SMTP_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "us@example.com"},
    ],
)
def test_settings_for_real_sends_do_not_matter(env: dict[str, str]) -> None:
    assert "sent: 9, early: 0, twice: 0" in played(**env).stderr
