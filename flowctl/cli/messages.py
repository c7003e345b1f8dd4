"""``flowctl messages``: look at them, try them again, cancel them, redact what they said."""

from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.options import DryRun, Json, LeadId, Yes, command_group
from flowctl.cli.session import open_database, session_of
from flowctl.cli.values import duration
from flowctl.errors import UsageError
from flowctl.model import Channel, Status

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.messages import Change, Criteria, Plan
    from flowctl.prune import PruneResult
    from flowctl.store.messages import Message

TABLE_LIMIT = 100
"""Rows of the table where no limit is given."""

_group = command_group("Look at messages, try them again, cancel them, redact them.")

_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Messages.", show_default=False)
]
_Status = Annotated[
    Status | None, typer.Option("--status", help="Only of this status.", show_default=False)
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
    step: _Step = None,
    error: _Error = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Only those sent that did not arrive.")
    ] = False,
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
    """List messages by their time.

    Example: flowctl messages list --status failed --error 'no phone'
    """
    from flowctl import messages

    wanted = messages.Criteria(status, lead, step, error, is_undelivered=undelivered)
    most = limit if as_json else limit or TABLE_LIMIT
    with open_database(ctx) as connection:
        found = messages.list_messages(connection, _with_id(ctx, connection, wanted), most)
    if as_json:
        show.json_document(found.messages)
        return
    show.table(
        ("id", "scheduled for", "status", "step", "type", "lead", "to", "error"),
        [
            (
                message.id,
                message.scheduled_for,
                message.status,
                _step(message),
                message.message_type,
                message.lead_id,
                message.to,
                message.error_message,
            )
            for message in found.messages
        ],
        empty="no messages",
    )
    if found.total > len(found.messages):
        show.say(f"the first {len(found.messages)} of {found.total}; --limit N shows more")


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
    step: _Step = None,
    error: _Error = None,
    unknown: Annotated[
        bool,
        typer.Option("--unknown", help="Those with an unknown outcome: they may have gone out."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Make failed and cancelled messages due now.

    A message with an unknown outcome is taken only by its id or with --unknown.
    Example: flowctl messages retry --error 'no phone'
    """
    from flowctl.messages import Change, Criteria

    _change(ctx, Change.RETRY, ids, Criteria(status, lead, step, error, unknown), yes=yes)


@_group.command("cancel")
def cancel_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    status: _Status = None,
    lead: LeadId = None,
    step: _Step = None,
    error: _Error = None,
    yes: Yes = False,
) -> None:
    """Cancel pending messages that are not being sent.

    Example: flowctl messages cancel --step nurture/reminder
    """
    from flowctl.messages import Change, Criteria

    _change(ctx, Change.CANCEL, ids, Criteria(status, lead, step, error), yes=yes)


@_group.command("refresh")
def refresh_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    lead: LeadId = None,
    step: _Step = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring pending messages in line with today's steps, leads and time zones.

    Without ids or filters: all. Example: flowctl messages refresh --dry-run
    """
    from flowctl import messages
    from flowctl.cli.refresh import refresh

    wanted = messages.Criteria(lead_id=lead, step=step)
    _refuse_both(ids, wanted)
    with open_database(ctx) as connection:
        chosen = messages.pending_ids(connection, ids, _with_id(ctx, connection, wanted))
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
    return f"{verb} {_count(pruned.messages)}{archived} from before {show.cell(pruned.before)}"


def _change(
    ctx: typer.Context, change: "Change", ids: list[str] | None, wanted: "Criteria", *, yes: bool
) -> None:
    """Plan, ask, do."""
    _refuse_both(ids, wanted)
    if not ids and wanted.is_empty:
        raise UsageError(
            f"say which messages to {change.verb}: ids, or filters",
            hint=f"flowctl messages {change.verb} --help",
        )
    from flowctl import messages

    with open_database(ctx) as connection:
        if ids:
            plan = messages.plan_by_id(connection, change, ids)
        else:
            plan = messages.plan_by_filter(connection, change, _with_id(ctx, connection, wanted))
        for why, number in plan.left.items():
            show.say(f"{number} left out: {why}")
        ahead = sum(chosen.is_ahead for chosen in plan.taken)
        if ahead and change is messages.Change.RETRY:
            show.say(f"{ahead} of them only at the planned time")
        show.confirm(_question(plan), yes=yes)
        done = messages.carry_out(connection, plan)
    past = {"retry": "due again", "cancel": "cancelled"}[change.verb]
    show.line(f"{_count(done)} {past}")
    if done < len(plan.taken):
        show.warn(f"{_count(len(plan.taken) - done)} changed meanwhile and left alone")


def _refuse_both(ids: list[str] | None, wanted: "Criteria") -> None:
    if ids and not wanted.is_empty:
        raise UsageError("ids and filters contradict each other", hint="give one of them")


def _with_id(ctx: typer.Context, connection: "Connection", wanted: "Criteria") -> "Criteria":
    """The criteria with the id of the lead that is meant."""
    if wanted.lead_id is None:
        return wanted
    from flowctl.leadlookup import find_lead

    lead = find_lead(connection, session_of(ctx).settings, wanted.lead_id)
    return replace(wanted, lead_id=lead.id)


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


def _count(number: int) -> str:
    return f"{number} message" if number == 1 else f"{number} messages"
