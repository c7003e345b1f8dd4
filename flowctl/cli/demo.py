"""``flowctl demo``: the whole way in seconds."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flowctl.cli import show
from flowctl.cli.options import Json
from flowctl.cli.session import NAMES_A_SERVER, session_of

if TYPE_CHECKING:
    from flowctl.demo import Demo

OUTBOX = "demo-outbox"
"""The folder of the demo's files, in the data folder of the embedded database."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(ctx: typer.Context, as_json: Json = False) -> None:
    """Play the whole way with sample leads, in seconds.

    With a pretended clock and an outbox, on the embedded database, whatever DATABASE_URL says;
    nothing is sent to anybody.
    """
    from flowctl import demo as use_case
    from flowctl.embedded import EmbeddedServer, default_data_dir

    session = session_of(ctx)
    data_dir = session.settings.data_dir or default_data_dir(session.environ)
    outbox = data_dir / OUTBOX
    server = EmbeddedServer(data_dir, environ=session.environ)
    known = "using" if server.exists() else "making"
    show.say(f"{known} the embedded database in {data_dir}")
    configured = [name for name in ("DATABASE_URL", *NAMES_A_SERVER) if session.environ.get(name)]
    if configured:
        show.say(f"the database of {', '.join(configured)} is left alone")
    with server.attach(create=True) as conninfo:
        played = use_case.play(conninfo, outbox)
    if as_json:
        show.json_document(_document(played, outbox))
        return
    _show(played, outbox)
    show.say("")
    for line in _next_steps(played, use_case.example_file(), configured):
        show.say(line)


def _show(played: "Demo", outbox: Path) -> None:
    from flowctl.preview import timestamp_text

    created = timestamp_text(played.leads[0].created_local)
    show.say(
        f"{len(played.leads)} sample leads, each created on {created} of its own zone, "
        f"and {played.passes} dispatch passes: for each message a minute early, on time, and again"
    )
    show.say("")
    show.table(
        ("lead's time", "zone", "lead", "early", "on time", "again", "message"),
        [
            (
                timestamp_text(message.due_local),
                message.zone,
                message.lead,
                message.early,
                message.on_time,
                message.again,
                message.text,
            )
            for message in played.messages
        ],
        empty="nothing was scheduled",
    )
    show.say("")
    counts = _counts(played)
    show.say(", ".join(f"{name}: {count}" for name, count in counts.items()))
    show.say(f"nothing was sent: the messages are files in {outbox}")


def _counts(played: "Demo") -> dict[str, int]:
    sent = [message.early + message.on_time + message.again for message in played.messages]
    return {
        "messages": len(sent),
        "sent": sum(sent),
        "early": sum(message.early for message in played.messages),
        "twice": sum(count > 1 for count in sent),
    }


def _document(played: "Demo", outbox: Path) -> dict[str, object]:
    leads = [lead.id for lead in played.leads]
    return {"leads": leads, "passes": played.passes, **_counts(played), "outbox": outbox}


def _next_steps(played: "Demo", example: Path, configured: Sequence[str]) -> Iterator[str]:
    """What to type next; ``configured`` names the variables of another database."""
    yield "look around, it is all still there:"
    if shutil.which("flowctl") is None:
        yield f"  export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"
    if configured:
        yield f"  unset {' '.join(configured)}"
    yield f"  flowctl preview {played.leads[0].id} --explain"
    yield "  flowctl status"
    yield "  flowctl messages list"
    yield "then make it yours:"
    yield f"  cp {shlex.quote(str(example))} flows.toml"
    yield "  flowctl steps sync flows.toml --dry-run"
    yield "  export DATABASE_URL=postgresql://...    and then: flowctl apply-schema"
