"""``flowctl report``: one page, whole in itself."""

import re
import shutil
import subprocess
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.hostile import HOSTILE
from tests.support.postgres import Connection

VOID = {"meta", "rect", "br"}
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """The tags and the text of a page, which must be well formed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += f" {data}"


def a_history(conn: Connection) -> None:
    """A flow of two steps: 3 emails sent (1 delivered, 1 bounced and gone), a text that failed."""
    a_flow(conn, "nurture")
    a_step(conn, flow="nurture", key="welcome", subject=f"Hello {HOSTILE}"[:80])
    a_step(conn, flow="nurture", key="remind", type="text", content="Hi", day=2, time="9:00 AM")
    leads = [a_lead(conn) for _ in range(3)]
    conn.execute(
        "update message_logs set status = 'sent', sent_at = now() where message_type = 'email'"
    )
    for lead, came in zip(leads, ("delivered", "bounced"), strict=False):
        conn.execute(
            "update message_logs set delivery_status = %s "
            "where message_type = 'email' and lead_id = %s",
            (came, lead),
        )
    conn.execute(
        "insert into suppressions (channel, address, source, message_id) "
        "select 'email', 'ada@example.com', 'complaint', id from message_logs "
        "where delivery_status = 'bounced'"
    )
    conn.execute(
        "update message_logs set status = 'failed', scheduled_for = now(), "
        "error_message = %s where message_type = 'text'",
        (HOSTILE,),
    )


def test_the_page_shows_each_step_with_its_funnel(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_history(conn)
    a_step(conn, key="another")
    file = tmp_path / "report.html"
    ran = flowctl("report", file, "--flow", "nurture")
    assert (ran.exit_code, ran.stdout) == (0, "")
    text = " ".join(Page(file.read_text("utf-8")).text.split())
    assert "Flow nurture welcome email, day 0, immediately" in text
    funnel = "sent 3 delivered 1 bounced 1 failed 0 cancelled 0 opted out 1 waiting 0"
    assert funnel in text
    assert "remind text, day 2, 9:00 AM Hi sent 0 delivered 0 not delivered 0 failed 3" in text
    assert "another" not in text
    assert "ada@example.com" not in text


def test_the_page_says_only_what_is_known(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    """Of an email that did not come back nobody knows that it was delivered."""
    a_history(conn)
    conn.execute(
        "update message_logs set delivery_status = null where delivery_status <> 'bounced'"
    )
    file = tmp_path / "report.html"
    assert flowctl("report", file, "--since", "1d").exit_code == 0
    text = " ".join(Page(file.read_text("utf-8")).text.split())
    assert "sent 3 delivered — bounced 1" in text
    sums = "3 sent 0 texts delivered 1 33.3 % not delivered 3 50.0 % failed 1 33.3 % opted out"
    assert sums in text
    ((sent_at,),) = conn.execute("select max(sent_at) from message_logs").fetchall()
    assert f"{sent_at.astimezone(UTC):%a %-d} 3 " in text


def test_the_page_loads_and_runs_nothing(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path
) -> None:
    a_history(conn)
    file = tmp_path / "report.html"
    assert flowctl("report", file).exit_code == 0
    text = file.read_text("utf-8")
    page = Page(text)
    assert {"script", "link", "iframe", "img", "a"}.isdisjoint(tag for tag, _ in page.tags)
    assert not any(name.startswith(("on", "src", "href")) for _, a in page.tags for name in a)
    assert "default-src &#x27;none&#x27;" in text
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    bars = [a for tag, a in page.tags if tag == "rect" and a["class"] == "email"]
    assert sum(float(a["height"] or 0) > 0 for a in bars) == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["{tmp}/no/such/page.html"], 3),
        (["{tmp}/p.html", "--flow", "nope"], 3),
        (["{tmp}/p.html", "--since", "soon"], 2),
        ([], 2),
    ],
)
def test_what_it_cannot_do(
    flowctl: RunFlowctl, tmp_path: Path, arguments: list[str], status: int
) -> None:
    ran = flowctl("report", *(one.format(tmp=tmp_path) for one in arguments))
    assert ran.exit_code == status
    assert not (tmp_path / "p.html").exists()


def test_an_empty_database_has_a_page_too(flowctl: RunFlowctl, tmp_path: Path) -> None:
    assert flowctl("report", tmp_path / "p.html").exit_code == 0
    assert "Nothing." in Page((tmp_path / "p.html").read_text("utf-8")).text


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_it_without_overflow(
    conn: Connection, flowctl: RunFlowctl, tmp_path: Path, width: int
) -> None:
    """A frame of that width around the page says how wide the page is."""
    a_history(conn)
    file = tmp_path / "report.html"
    assert flowctl("report", file).exit_code == 0
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id=f src="report.html" width={width} height=800></iframe><script>'
        "onload = () => document.title = "
        "document.getElementById('f').contentDocument.documentElement.scrollWidth</script>"
    )
    assert BROWSER is not None
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", frame.as_uri()],
        capture_output=True, encoding="utf-8", timeout=100, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(\d+)</title>", done.stdout)
    assert found is not None, done.stderr
    assert int(found[1]) <= width
