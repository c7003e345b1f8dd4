"""``flowctl messages``: try them again, cancel them, bring them in line with their steps."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from flowctl.cli import show
from flowctl.cli.criteria import refuse_ids_with_filters, with_criteria
from flowctl.cli.messages import SHORT_ID, group, step_name
from flowctl.cli.options import DryRun, Json, Yes
from flowctl.cli.session import open_database, session_of
from flowctl.errors import UsageError
from flowctl.model import Channel, Status
from flowctl.text import plural

if TYPE_CHECKING:
    from flowctl.message_changes import Change, Plan
    from flowctl.messages import Criteria, ListedMessage

_Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Messages.", show_default=False)
]


@group.command("retry")
@with_criteria(without={"is_due"})
def retry_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    wanted: "Criteria",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make failed and cancelled messages pending again.

    At their planned time where it lies ahead, else due now. A message with an unknown outcome is
    taken only by its id or with --unknown, one of a stopped lead not at all. Example:
    flowctl messages retry --error 'no phone'
    """
    from flowctl.message_changes import Change

    _change(ctx, Change.RETRY, ids, wanted, dry_run=dry_run, yes=yes, as_json=as_json)


@group.command("cancel")
@with_criteria(without={"is_due"})
def cancel_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    wanted: "Criteria",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Cancel pending messages that are not being sent.

    Example: flowctl messages cancel --step nurture/reminder
    """
    from flowctl.message_changes import Change

    _change(ctx, Change.CANCEL, ids, wanted, dry_run=dry_run, yes=yes, as_json=as_json)


@group.command("refresh")
@with_criteria(without={"statuses", "error", "is_due", "is_undelivered", "is_unknown"})
def refresh_messages(
    ctx: typer.Context,
    ids: _Ids = None,
    *,
    wanted: "Criteria",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring pending messages in line with today's steps.

    And with today's flows, leads and rules of the time zones. Without ids or filters: all. Example:
    flowctl messages refresh --dry-run
    """
    from flowctl.cli.refresh import refresh
    from flowctl.message_changes import pending_ids

    refuse_ids_with_filters(ids, wanted)
    with open_database(ctx) as connection:
        chosen = pending_ids(connection, session_of(ctx).settings, ids, wanted)
        refresh(connection, chosen, dry_run=dry_run, yes=yes, as_json=as_json)


def _change(
    ctx: typer.Context,
    change: "Change",
    ids: list[str] | None,
    wanted: "Criteria",
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Plan, ask, do."""
    refuse_ids_with_filters(ids, wanted)
    if not ids and wanted.is_empty:
        raise UsageError(
            f"say which messages to {change.verb}: ids, or filters",
            hint=f"flowctl messages {change.verb} --help",
        )
    from flowctl import message_changes as use_case

    settings = session_of(ctx).settings
    with open_database(ctx) as connection:
        if ids:
            plan = use_case.plan_by_id(connection, change, ids)
        else:
            plan = use_case.plan_by_filter(connection, settings, change, wanted)
        _show_plan(use_case.examples(connection, settings, plan), plan)
        if not dry_run:
            show.confirm(_question(plan), yes=yes)
        done = len(plan.taken) if dry_run else use_case.carry_out(connection, plan)
    if as_json:
        past = {"retry": "retried", "cancel": "cancelled"}[change.verb]
        show.json_document({past: done, "left_out": plan.left})
    elif dry_run:
        show.line(f"would {_question(plan).removesuffix('?')}")
    else:
        past = {"retry": "pending again", "cancel": "cancelled"}[change.verb]
        show.line(f"{plural(done, 'message')} {past}")
    if done < len(plan.taken):
        count = plural(len(plan.taken) - done, "message")
        show.warn(f"{count} changed meanwhile and left alone")


def _show_plan(examples: Sequence["ListedMessage"], plan: "Plan") -> None:
    """Say what a plan leaves out, and a few of the messages that it takes."""
    for why, number in plan.left.items():
        show.say(f"{number} left out: {why}")
    for example in examples:
        show.say(f"  {_example(example)}")
    ahead = sum(chosen.is_ahead for chosen in plan.taken)
    if ahead and plan.change.verb == "retry":
        show.say(f"{ahead} of them only at the planned time")


def _example(listed: "ListedMessage") -> str:
    message = listed.message
    when = show.short_time(message.scheduled_for.astimezone(UTC))
    return f"{str(message.id)[:SHORT_ID]} {when} UTC, {step_name(message)}, {listed.who}"


def _question(plan: "Plan") -> str:
    statuses = Counter(chosen.status for chosen in plan.taken)
    channels = Counter(chosen.channel for chosen in plan.taken)
    unknown = sum(chosen.is_unknown for chosen in plan.taken)
    which = " and ".join(f"{statuses[one]} {one}" for one in Status if statuses[one])
    where = ", ".join(f"{channels[one]} {one}" for one in Channel if channels[one])
    doubt = f"; {unknown} of them may have gone out already" if unknown else ""
    noun = "message" if len(plan.taken) == 1 else "messages"
    return f"{plan.change.verb} {which} {noun} ({where}{doubt})?"
