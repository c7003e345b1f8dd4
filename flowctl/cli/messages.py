"""``flowctl messages``: look at them, try them again, cancel them, redact what they said."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import DryRun, FlowName, Json, LeadId, Yes, command_group
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration, when, zone
from flowctl.errors import UsageError
from flowctl.model import Channel, Status
from flowctl.text import plural
from flowctl.times import When

if TYPE_CHECKING:
    from flowctl.messages import Change, Criteria, ListedMessage, Listing, Plan
    from flowctl.prune import PruneResult
    from flowctl.store.messages import Message

TABLE_LIMIT = 100
"""Rows of the table where no limit is given."""

SHORT_ID = 8
"""Characters of an id in a table: enough to name a message."""

_group = command_group("Look at messages, try them again, cancel them, redact them.")

_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Messages.", show_default=False)
]
_Status = Annotated[
    list[Status] | None,
    typer.Option("--status", help="Only of this status; may be repeated.", show_default=False),
]
_To = Annotated[
    str | None,
    typer.Option("--to", metavar="ADDRESS", help="Only to this address.", show_default=False),
]
_Channel = Annotated[
    Channel | None, typer.Option("--channel", help="Only this channel.", show_default=False)
]
_Since = Annotated[
    When | None,
    typer.Option(
        "--since",
        parser=when,
        metavar="WHEN",
        help="Only from WHEN on: 2026-03-02 15:00, or so long ago: 3d.",
        show_default=False,
    ),
]
_Until = Annotated[
    When | None,
    typer.Option(
        "--until", parser=when, metavar="WHEN", help="Only before WHEN.", show_default=False
    ),
]
_Unknown = Annotated[
    bool, typer.Option("--unknown", help="Those with an unknown outcome: they may have gone out.")
]
_Undelivered = Annotated[
    bool, typer.Option("--undelivered", help="Only those sent that did not arrive.")
]
_Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        parser=zone,
        metavar="ZONE",
        help="The zone of times; else that of --flow, else UTC.",
        show_default=False,
    ),
]
_Step = Annotated[
    str | None,
    typer.Option(
        "--step", metavar="KEY", help="Only this step: KEY, FLOW/KEY.", show_default=False
    ),
]
_Error = Annotated[
    str | None,
    typer.Option(
        "--error", metavar="TEXT", help="Only with TEXT in the error.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the program."""
    app.add_typer(_group, name="messages")


@_group.command("list")
def list_messages(
    ctx: typer.Context,
    *,
    status: _Status = None,
    lead: LeadId = None,
    to: _To = None,
    flow: FlowName = None,
    step: _Step = None,
    channel: _Channel = None,
    error: _Error = None,
    since: _Since = None,
    until: _Until = None,
    due: Annotated[bool, typer.Option("--due", help="Only those that are due now.")] = False,
    undelivered: _Undelivered = False,
    unknown: _Unknown = False,
    timezone: _Timezone = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
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

    wanted = messages.Criteria(
        tuple(status or ()), lead, to, flow, step, channel, error, since, until,
        is_due=due, is_undelivered=undelivered, is_unknown=unknown, timezone=timezone,
    )  # fmt: skip
    most = limit if as_json else limit or TABLE_LIMIT
    with open_database(ctx) as connection:
        found = messages.list_messages(connection, session_of(ctx).settings, wanted, most)
    if as_json:
        show.json_document([_row(listed) for listed in found.messages])
    else:
        _show_list(found, limit=most)


_COLUMNS = (
    "id", "lead_id", "flow", "key", "message_type", "to", "subject", "content", "status",
    "scheduled_for", "sent_at", "attempts", "provider_id", "delivery_status", "error_message",
)  # fmt: skip


def _row(listed: "ListedMessage") -> dict[str, object]:
    row = {name: getattr(listed.message, name) for name in _COLUMNS}
    return {**row, "to": listed.to}


def _show_list(found: "Listing", *, limit: int | None) -> None:
    from flowctl.zones import zone_info

    if found.messages:
        show.say(f"times of {found.timezone}")
    clock = zone_info(found.timezone)
    show.table(
        ("id", "when", "who", "what", "state"),
        [
            (
                str(listed.message.id)[:SHORT_ID],
                show.short_time(listed.at.astimezone(clock)),
                listed.who,
                _what(listed),
                _state(listed),
            )
            for listed in found.messages
        ],
        empty="no messages",
    )
    if found.is_more:
        show.say(f"there are more than these {limit}; --limit N shows more")


def _what(listed: "ListedMessage") -> str:
    to = listed.to or f"no {'email' if listed.message.message_type is Channel.EMAIL else 'phone'}"
    return f"{_step(listed.message)} {to}" if to != listed.who else _step(listed.message)


def _state(listed: "ListedMessage") -> str:
    message = listed.message
    state = str(message.status)
    if message.status is Status.SENT and message.delivery_status:
        state = f"sent, {message.delivery_status}"
    return f"{state}: {message.error_message}" if message.error_message else state


@_group.command("show")
def show_message(
    ctx: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show all that is known of one message.

    Example: flowctl messages show 5b3e08c1-...
    """
    from flowctl import messages

    with open_database(ctx) as connection:
        message = messages.show_message(connection, message_id)
    document = asdict(message)
    if as_json:
        show.json_document(document)
        return
    long = {"subject", "content"}
    rows = [(name, value) for name, value in document.items() if name not in long]
    show.table(("what", "value"), [row for row in rows if row[1] is not None], empty="nothing")
    show.line()
    if message.subject is not None:
        show.line(f"  | Subject: {message.subject}")
        show.line("  |")
    for line in message.content.rstrip().replace("\r\n", "\n").split("\n"):
        show.line(f"  | {line}")


@_group.command("retry")
def retry_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    status: _Status = None,
    lead: LeadId = None,
    to: _To = None,
    flow: FlowName = None,
    step: _Step = None,
    channel: _Channel = None,
    error: _Error = None,
    since: _Since = None,
    until: _Until = None,
    unknown: _Unknown = False,
    undelivered: _Undelivered = False,
    timezone: _Timezone = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Make failed and cancelled messages pending again.

    At their planned time where it lies ahead, else due now. A message with an unknown outcome is
    taken only by its id or with --unknown. Example: flowctl messages retry --error 'no phone'
    """
    from flowctl.messages import Change, Criteria

    wanted = Criteria(
        tuple(status or ()), lead, to, flow, step, channel, error, since, until,
        is_undelivered=undelivered, is_unknown=unknown, timezone=timezone,
    )  # fmt: skip
    _change(ctx, Change.RETRY, ids, wanted, dry_run=dry_run, yes=yes)


@_group.command("cancel")
def cancel_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    status: _Status = None,
    lead: LeadId = None,
    to: _To = None,
    flow: FlowName = None,
    step: _Step = None,
    channel: _Channel = None,
    error: _Error = None,
    since: _Since = None,
    until: _Until = None,
    unknown: _Unknown = False,
    undelivered: _Undelivered = False,
    timezone: _Timezone = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Cancel pending messages that are not being sent.

    Example: flowctl messages cancel --step nurture/reminder
    """
    from flowctl.messages import Change, Criteria

    wanted = Criteria(
        tuple(status or ()), lead, to, flow, step, channel, error, since, until,
        is_undelivered=undelivered, is_unknown=unknown, timezone=timezone,
    )  # fmt: skip
    _change(ctx, Change.CANCEL, ids, wanted, dry_run=dry_run, yes=yes)


@_group.command("refresh")
def refresh_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    lead: LeadId = None,
    to: _To = None,
    flow: FlowName = None,
    step: _Step = None,
    channel: _Channel = None,
    since: _Since = None,
    until: _Until = None,
    timezone: _Timezone = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring pending messages in line with today's steps.

    And with today's flows, leads and rules of the time zones. Without ids or filters: all. Example:
    flowctl messages refresh --dry-run
    """
    from flowctl import messages
    from flowctl.cli.refresh import refresh

    wanted = messages.Criteria(
        (), lead, to, flow, step, channel, since=since, until=until, timezone=timezone
    )
    _refuse_both(ids, wanted)
    with open_database(ctx) as connection:
        chosen = messages.pending_ids(connection, session_of(ctx).settings, ids, wanted)
        refresh(connection, chosen, dry_run=dry_run, yes=yes, as_json=as_json)


@_group.command("prune")
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


def _change(
    ctx: typer.Context,
    change: "Change",
    ids: list[str] | None,
    wanted: "Criteria",
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Plan, ask, do."""
    _refuse_both(ids, wanted)
    if not ids and wanted.is_empty:
        raise UsageError(
            f"say which messages to {change.verb}: ids, or filters",
            hint=f"flowctl messages {change.verb} --help",
        )
    from flowctl import messages

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        if ids:
            plan = messages.plan_by_id(connection, change, ids)
        else:
            plan = messages.plan_by_filter(connection, settings, change, wanted)
        for why, number in plan.left.items():
            show.say(f"{number} left out: {why}")
        for example in messages.examples(connection, settings, plan):
            show.say(f"  {_example(example)}")
        ahead = sum(chosen.is_ahead for chosen in plan.taken)
        if ahead and change is messages.Change.RETRY:
            show.say(f"{ahead} of them only at the planned time")
        if dry_run:
            show.line(f"would {_question(plan).removesuffix('?')}")
            return
        show.confirm(_question(plan), yes=yes)
        done = messages.carry_out(connection, plan)
    past = {"retry": "pending again", "cancel": "cancelled"}[change.verb]
    show.line(f"{plural(done, 'message')} {past}")
    if done < len(plan.taken):
        count = plural(len(plan.taken) - done, "message")
        show.warn(f"{count} changed meanwhile and left alone")


def _example(listed: "ListedMessage") -> str:
    message = listed.message
    when = show.short_time(message.scheduled_for.astimezone(UTC))
    return f"{str(message.id)[:SHORT_ID]} {when} UTC, {_step(message)}, {listed.who}"


def _refuse_both(ids: list[str] | None, wanted: "Criteria") -> None:
    if ids and not wanted.is_empty:
        raise UsageError("ids and filters contradict each other", hint="give one of them")


def _question(plan: "Plan") -> str:
    statuses = Counter(chosen.status for chosen in plan.taken)
    channels = Counter(chosen.channel for chosen in plan.taken)
    unknown = sum(chosen.is_unknown for chosen in plan.taken)
    which = " and ".join(f"{statuses[one]} {one}" for one in Status if statuses[one])
    where = ", ".join(f"{channels[one]} {one}" for one in Channel if channels[one])
    doubt = f"; {unknown} of them may have gone out already" if unknown else ""
    noun = "message" if len(plan.taken) == 1 else "messages"
    return f"{plan.change.verb} {which} {noun} ({where}{doubt})?"


def _step(message: "Message") -> str:
    if message.flow is None:
        return "(deleted)"
    return f"{message.flow}/{message.key}" if message.key else f"{message.flow}/"
