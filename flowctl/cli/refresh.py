"""``flowctl messages refresh``: pending messages follow what was changed since."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from flowctl.cli import show

if TYPE_CHECKING:
    from flowctl.database import Connection
    from flowctl.refresh import RefreshPlan, RefreshResult


def refresh(
    connection: "Connection", ids: Sequence[UUID], *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Plan, ask, do."""
    from flowctl.refresh import plan_refresh, refresh

    plan = plan_refresh(connection, ids)
    result = plan.result
    if plan.changes:
        _show_plan(plan)
        if not dry_run:
            show.confirm(f"refresh {len(plan.changes)} of {plan.total} messages?", yes=yes)
            result = refresh(connection, plan)
    if as_json:
        show.json_document(result)
    else:
        show.line(("would be " if dry_run else "") + _summary(result))


def _show_plan(plan: "RefreshPlan") -> None:
    """By zone how many messages move, with an example each."""
    from flowctl.preview.wording import timestamp_text

    for zone, number, example in plan.moves_by_zone():
        show.say(
            f"{zone}: {number} move, such as {example.flow}/{example.step}: "
            f"{timestamp_text(example.before_local)} becomes {timestamp_text(example.after_local)}"
        )


def _summary(result: "RefreshResult") -> str:
    return f"moved: {result.moved}, rewritten: {result.rewritten}, unchanged: {result.unchanged}"
