"""The whole way in seconds: sample leads, their schedules, and dispatch into an outbox.

Nothing is staged: the schema, the steps file, the trigger, the claims and the files are those of
every day. Only the clock is pretended, and the leads. Each message is dispatched three times: a
minute before its time, at its time, and at once again.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import shorten
from uuid import UUID

from flowctl import address, database, flowfile, migrate
from flowctl.database import Connection
from flowctl.dispatch import run as dispatch_run
from flowctl.dispatch.events import Event, EventKind
from flowctl.dispatch.options import Options
from flowctl.dispatch.request import Request
from flowctl.errors import InputError
from flowctl.settings import EmailSettings, Settings
from flowctl.steps import sync
from flowctl.store import demo as demo_store
from flowctl.store.demo import Sample, SampleLead, SampleMessage

EXAMPLE = "flows.example.toml"

SAMPLES = (
    # Numbers that the authorities of these countries keep free for stories; example.* is nobody's.
    Sample("Grace", "grace@example.com", "+1 212 555 0142", "America/New_York"),
    Sample("Lena", "lena@example.org", "+49 171 3920042", "Europe/Berlin"),
    Sample("Matilda", "matilda@example.net", "+61 491 570 156", "Australia/Sydney"),
)

SENDER = address.Mailbox("hello@example.com", "flowctl demo")

EARLY = timedelta(minutes=1)
"""How long before a message's time the dispatcher is run to see that it sends nothing."""

WIDTH = 50
"""Characters of what a message says."""

_ENDS = (EventKind.SENT, EventKind.FAILED, EventKind.CANCELLED, EventKind.DEFERRED)


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """What became of one message: how often it was sent before its time, at its time, and after.

    ``due_local`` is its time in the lead's ``zone``; ``text`` the channel and the first words, or
    what kept it from being sent.
    """

    lead: str
    zone: str
    due_local: datetime
    early: int
    on_time: int
    again: int
    text: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What was played; ``passes`` is how often a dispatcher ran."""

    leads: tuple[SampleLead, ...]
    messages: tuple[DemoMessage, ...]
    passes: int


@dataclass(frozen=True, slots=True)
class _Pass:
    """One run of the dispatcher at a pretended time, and what it reported of messages."""

    now: datetime
    events: tuple[Event, ...]

    def sent(self, message_id: UUID) -> int:
        """How often it sent this message."""
        return sum(
            event.kind is EventKind.SENT and event.message_id == message_id for event in self.events
        )


def example_file() -> Path:
    """The example of a steps file: the packaged one, else the one beside the package."""
    package = Path(__file__).resolve().parent
    packaged = package / EXAMPLE
    return packaged if packaged.is_file() else package.parent / EXAMPLE


def play(conninfo: str, outbox: Path) -> Demo:
    """Play the demo on the embedded database of ``conninfo``; it may be played again and again.

    Applies the schema, makes the flow of the example so, and replaces the sample leads. ``outbox``
    belongs to the demo: what lies in it is removed first. Raises InputError where the database has
    leads of anybody else, since a pretended future would mark their messages sent; SchemaMismatch;
    DatabaseUnavailable.
    """
    flows = flowfile.read(example_file())
    with database.connect(conninfo) as connection:
        demo_store.lock_demo(connection)
        with connection.transaction():
            migrate.apply(connection)
            _keep_leads_to_ourselves(connection)
            sync(connection, flows)
            leads = demo_store.replace_sample_leads(connection, SAMPLES)
        if outbox.exists():
            shutil.rmtree(outbox)
        with connection.transaction():
            _keep_leads_to_ourselves(connection)
            messages = demo_store.select_sample_messages(connection, [f.flow.name for f in flows])
            passes = [
                _dispatch(conninfo, outbox, now)
                for due_at in sorted({message.due_at for message in messages})
                for now in (due_at - EARLY, due_at, due_at)
            ]
    shown = tuple(_shown(message, passes) for message in messages)
    return Demo(tuple(leads), shown, len(passes))


def _keep_leads_to_ourselves(connection: Connection) -> None:
    demo_store.lock_leads(connection)
    count = demo_store.count_other_leads(connection)
    if count:
        raise InputError(
            f"the embedded database has leads that are not the demo's: {count}",
            hint="the demo pretends that days go by, and their messages would count as sent; "
            "give it a database of its own: FLOWCTL_DATA_DIR=/tmp/flowctl-demo flowctl demo",
        )


def _dispatch(conninfo: str, outbox: Path, now: datetime) -> _Pass:
    """``dispatch --once --outbox OUTBOX --now NOW``, with settings of its own."""
    events: list[Event] = []
    settings = Settings(database_url=None, email=EmailSettings(sender=SENDER))
    request = Request(settings, Options(now=now), outbox=outbox)
    with dispatch_run.prepare(conninfo, request, events.append) as run:
        run.run()
    return _Pass(now, tuple(event for event in events if event.kind in _ENDS))


def _shown(message: SampleMessage, passes: Iterable[_Pass]) -> DemoMessage:
    events = [event for one in passes for event in one.events if event.message_id == message.id]
    at_its_time, *later = (one for one in passes if one.now >= message.due_at)
    return DemoMessage(
        lead=message.first_name,
        zone=message.timezone,
        due_local=message.due_local,
        early=sum(one.sent(message.id) for one in passes if one.now < message.due_at),
        on_time=at_its_time.sent(message.id),
        again=sum(one.sent(message.id) for one in later),
        text=_text(events[-1]) if events else "",
    )


def _text(event: Event) -> str:
    if event.kind is not EventKind.SENT or event.message is None:
        return f"{event.kind}: {event.detail}"
    text = event.message.subject or event.message.text
    return f"{event.message.channel}: {shorten(text, WIDTH, placeholder=' ...')}"
