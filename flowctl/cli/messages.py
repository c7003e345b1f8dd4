"""``flowctl messages``: look at them, redact what they said; changes are a module of their own."""

from dataclasses import asdict, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.criteria import with_criteria
from flowctl.cli.options import DryRun, Json, Yes, command_group
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration, whole_number
from flowctl.model import Channel, Status
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.messages import Criteria, ListedMessage, Listing
    from flowctl.prune import PruneResult
    from flowctl.settings import Settings
    from flowctl.store.messages import Message

TABLE_LIMIT = 100
"""Rows of the table where no limit is given."""

SHORT_ID = 8
"""Characters of an id in a table: enough to name a message."""

group = command_group("Look at messages, try them again, cancel them, redact them.")


def register(app: typer.Typer) -> None:
    """Add the group, with all its commands, to the program."""
    from flowctl.cli import message_changes  # noqa: F401  # it adds its commands to the group

    app.add_typer(group, name="messages")


@group.command("list")
@with_criteria(without=set())
def list_messages(
    ctx: typer.Context,
    *,
    wanted: "Criteria",
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(),
            metavar="N",
            help=f"At most N; a table has {TABLE_LIMIT} unless told otherwise.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List messages: what is to come, then what is over.

    Example: flowctl messages list --status failed --since 7d
    """
    from flowctl import messages

    settings = session_of(ctx).settings
    most = limit if as_json else limit or TABLE_LIMIT
    with open_database(ctx) as connection:
        found = messages.list_messages(connection, settings, wanted, most)
    if as_json:
        show.json_document([_row(listed) for listed in found.messages])
    else:
        _show_list(found, limit=most)
        if wanted.is_due:
            _say_what_is_held(found, settings)


def _row(listed: "ListedMessage") -> dict[str, object]:
    from flowctl.store.messages import MessageSummary

    row = {field.name: getattr(listed.message, field.name) for field in fields(MessageSummary)}
    return {**row, "to": listed.to}


def _show_list(found: "Listing", *, limit: int | None) -> None:
    from flowctl.zones import zone_info

    if found.messages:
        show.say(f"times in {found.timezone}")
    clock = zone_info(found.timezone)
    show.table(
        ("id", "when", "who", "details", "state"),
        [
            (
                str(listed.message.id)[:SHORT_ID],
                show.short_time(listed.at.astimezone(clock)),
                listed.who,
                _details(listed),
                _state(listed),
            )
            for listed in found.messages
        ],
        empty="no messages",
    )
    if found.is_more:
        show.say(f"there are more than these {limit}; --limit N shows more")


def _say_what_is_held(found: "Listing", settings: "Settings") -> None:
    """Why messages that are due do not go out, where the settings are the reason."""
    for channel in sorted({listed.message.message_type for listed in found.messages}):
        if missing := settings.missing.get(channel):
            show.warn(f"{channel} is not configured: set {', '.join(missing)}")


def _details(listed: "ListedMessage") -> str:
    """The step and the address; that there is none only where one is needed yet."""
    message, to = listed.message, listed.to
    if to is None and message.status is Status.PENDING:
        to = f"no {'email' if message.message_type is Channel.EMAIL else 'phone'}"
    return step_name(message) if to in (None, listed.who) else f"{step_name(message)} {to}"


def _state(listed: "ListedMessage") -> str:
    message = listed.message
    state = str(message.status)
    if message.status is Status.SENT and message.delivery_status:
        state = f"sent, {message.delivery_status}"
    return f"{state}: {message.error_message}" if message.error_message else state


@group.command("show")
def show_message(
    ctx: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show one message: all that is known, and its life.

    Planned, moved and why, each attempt, sent, delivered or come back.
    Example: flowctl messages show 5b3e08c1
    """
    from flowctl import messages
    from flowctl.history import history_of

    with open_database(ctx) as connection:
        message = messages.show_message(connection, message_id)
        history = history_of(connection, message)
    document = asdict(message)
    if as_json:
        show.json_document({**document, "history": history})
        return
    show.table(
        ("when", "event", "detail"),
        [(one.at, one.event, one.detail) for one in history],
        empty="nothing happened to it",
    )
    show.line()
    long = {"subject", "content"}
    rows = [(name, value) for name, value in document.items() if name not in long]
    show.table(("field", "value"), [row for row in rows if row[1] is not None], empty="nothing")
    show.line()
    if message.subject is not None:
        show.line(f"  | Subject: {message.subject}")
        show.line("  |")
    for line in message.content.rstrip().replace("\r\n", "\n").split("\n"):
        show.line(f"  | {line}")


@group.command("prune")
def prune_messages(
    ctx: typer.Context,
    older_than: Annotated[
        timedelta,
        typer.Option(
            "--older-than", parser=duration, metavar="AGE", help="Such as 180d.", show_default=False
        ),
    ],
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Redact what old messages said.

    Those sent, failed or cancelled long ago. The rows stay, so that nothing is sent twice. Example:
    flowctl messages prune --older-than 180d
    """
    from flowctl.prune import prune

    with open_database(ctx) as connection:
        pruned = prune(connection, older_than, is_dry_run=True)
        if not dry_run and pruned.total:
            show.confirm(f"{_summary('redact', pruned)}, never to be read or retried?", yes=yes)
            pruned = prune(connection, older_than)
    if as_json:
        show.json_document(pruned)
    else:
        show.line(_summary("would redact" if dry_run else "redacted", pruned))


def _summary(verb: str, pruned: "PruneResult") -> str:
    archived = f" and {pruned.archived} archived" if pruned.archived else ""
    count = plural(pruned.messages, "message")
    return f"{verb} {count}{archived} from before {show.cell(pruned.before)}"


def step_name(message: "Message") -> str:
    """``flow/key``, as far as the step still has them."""
    if message.flow is None:
        return "(deleted)"
    return f"{message.flow}/{message.key}" if message.key else f"{message.flow}/"
