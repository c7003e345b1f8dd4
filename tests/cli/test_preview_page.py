"""``flowctl preview --html``: a page to look at."""

from html.parser import HTMLParser
from pathlib import Path

from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step
from tests.support.hostile import HOSTILE
from tests.support.postgres import Connection


class _Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.frames: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "iframe":
            self.frames.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_shows_the_inbox_line_the_frame_and_the_bubble(
    flowctl: RunFlowctl, conn: Connection, tmp_path: Path
) -> None:
    a_flow(conn, "other", sender={"email_from": "Bo <bo@example.com>"})
    long = "".join(f"<p>{'word ' * 40}</p>" for _ in range(20))
    a_step(conn, subject="Hi", content=f"<p>Dear {{{{ first_name }}}}</p>{long}", key="a")
    a_step(conn, subject="Hi", content="<p>Short</p>", flow="other", key="b")
    a_step(conn, type="text", content="é" * 161, key="c")
    lead = a_lead(conn)
    path = tmp_path / "page.html"
    flowctl("preview", str(lead), "--html", path, env={"EMAIL_FROM": "Acme <us@example.com>"})
    found = _Page(path.read_text("utf-8"))
    for words in (
        "Messages for Ada",
        "Acme <us@example.com>",
        "Dear Ada word",
        "Bo <bo@example.com>",
        "2 segments",
    ):
        assert words in found.words
    assert [frame["style"] for frame in found.frames] == ["height:120rem", "height:22rem"]
    assert all("sandbox" in frame and not frame["sandbox"] for frame in found.frames)


def test_the_page_runs_and_loads_nothing(
    flowctl: RunFlowctl, conn: Connection, tmp_path: Path
) -> None:
    a_step(conn, content="{{ source }}", subject="{{ source }}", key="plain")
    a_step(conn, content='<p>{{ source }} <img src="https://example.com/x"></p>', day=1)
    lead = a_lead(conn, source=HOSTILE)
    path = tmp_path / "page.html"
    ran = flowctl("preview", str(lead), "--html", path, "--explain")
    assert ran.exit_code == 0
    assert f"{path}: written" in ran.stderr
    page = path.read_text("utf-8")
    found = _Page(page)
    assert not found.tags & {"script", "img", "link", "a", "form"}
    assert "<script>alert(1)</script>" in found.words
    (frame,) = found.frames
    assert "sandbox" in frame
    assert "&lt;script&gt;" in (frame["srcdoc"] or "")
    assert "default-src &#x27;none&#x27;" in page
