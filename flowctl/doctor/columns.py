"""Whether leads has the columns that messages need, also after one was renamed or dropped."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from flowctl import template
from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok, shown
from flowctl.model import Channel, Step
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.store.steps import StoredStep, lead_columns, select_steps
from flowctl.template.markup import is_html
from flowctl.template.mergefields import nearest_column, unknown_fields

_ADDRESS = {Channel.EMAIL: "email", Channel.TEXT: "phone"}
_HINT = "rename the column back, or write the new name into the steps: flowctl steps sync FILE"
_HINT_ADDRESS = "messages go to leads.email and leads.phone: rename the column back"


def columns(connection: Connection, _: Settings) -> Sequence[Check]:
    """The columns of addresses and merge fields that leads has not, with the steps that need them
    and how many pending messages they have."""
    known = [column.name for column in lead_columns(connection)]
    users: dict[str, list[StoredStep]] = defaultdict(list)
    for stored in select_steps(connection):
        if stored.step.enabled:
            for name in dict.fromkeys(_missing(stored.step, known)):
                users[name].append(stored)
    pending = doctor_store.pending_by_step(connection)
    found = [_check(name, steps, pending, known) for name, steps in users.items()]
    return found or [ok("columns", "leads has those that the steps name")]


def _missing(step: Step, known: Sequence[str]) -> Iterator[str]:
    if _ADDRESS[step.type] not in known:
        yield _ADDRESS[step.type]
    is_page = step.type is Channel.EMAIL and is_html(step.content or "", step.format)
    for text, is_content in ((step.subject, False), (step.content, True)):
        try:
            yield from unknown_fields(template.parse(text or "", is_page and is_content), known)
        except template.TemplateError:
            continue


def _check(
    name: str, steps: Sequence[StoredStep], pending: dict[UUID, int], known: Sequence[str]
) -> Check:
    waiting = sum(pending.get(stored.id, 0) for stored in steps)
    where = shown([f"{s.step.flow}/{s.step.key or f'#{s.step_order}'}" for s in steps], ", ")
    detail = f"leads has no column {name}: {where}; {counted(waiting, 'pending message')}"
    if name in _ADDRESS.values():
        return fault("columns", detail, _HINT_ADDRESS)
    close = nearest_column(name, known)
    hint = _HINT if close is None else f"{_HINT} ({{{{ {close} }}}}?)"
    return fault("columns", detail, hint) if waiting else note("columns", detail, hint)
