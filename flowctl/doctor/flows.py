"""Whether leads, flows and steps can be worked with."""

from collections.abc import Sequence

from flowctl import template
from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok, shown
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.store.steps import select_steps
from flowctl.template.markup import is_html

_FIX_STEPS = "put it right in the steps file, then: flowctl steps sync FILE"

_FIX_MADE_ELSEWHERE = (
    "put it right where the step was made: its subject and content in public.flow_steps"
)


def leads(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether this role sees them: what it does not see it cannot send to."""
    seen = doctor_store.lead_visibility(connection)
    if not seen.may_read:
        grant = f'grant select on public.leads to "{seen.role}";'
        return [fault("leads", f"the role {seen.role} may not read public.leads", grant)]
    hidden = doctor_store.count(connection, "hidden_lead_messages")
    lost = doctor_store.count(connection, "lost_lead_messages") if hidden and seen.may_ask else 0
    hidden -= lost
    if seen.is_hidden or hidden:
        return [
            fault(
                "leads",
                f"row-level security hides leads from the role {seen.role}"
                + (f", those of {counted(hidden, 'pending message')} too" if hidden else ""),
                f'create policy flowctl on public.leads for select to "{seen.role}" using (true);',
            )
        ]
    if lost:
        detail = f"the leads of {counted(lost, 'pending message')} are gone"
        return [note("leads", detail, "the next dispatch cancels them")]
    return [ok("leads", "can be read")]


def flows(connection: Connection, _: Settings) -> Sequence[Check]:
    """Their steps, zones and send windows."""
    checks = []
    if empty := [found.what for found in doctor_store.findings(connection, "empty_flows")]:
        detail = f"no steps in {shown(empty, ', ')}"
        checks.append(
            note("flows", detail, "write some into a file, then: flowctl steps sync FILE")
        )
    if lost := doctor_store.findings(connection, "unknown_zones"):
        detail = shown([f"{found.what}: there is no zone {found.reason}" for found in lost])
        checks.append(fault("flows", detail, _FIX_STEPS))
    if closed := [found.what for found in doctor_store.findings(connection, "closed_windows")]:
        detail = f"the send window never opens in {shown(closed, ', ')}"
        checks.append(fault("flows", detail, _FIX_STEPS))
    return checks or [ok("flows", "have steps, known zones and windows that open")]


def steps(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether each enabled step can be scheduled."""
    broken = doctor_store.findings(connection, "unschedulable_steps")
    if broken:
        detail = shown([f"{found.what}: {found.reason}" for found in broken])
        return [fault("steps", detail, _FIX_STEPS)]
    return [ok("steps", "those that are enabled can be scheduled")]


def templates(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether each enabled step's subject and content can be parsed, whoever wrote them."""
    broken = []
    is_in_file = False
    for stored in select_steps(connection):
        step = stored.step
        if not step.enabled:
            continue
        is_page = step.type is Channel.EMAIL and is_html(step.content or "", step.format)
        for field, text in (("subject", step.subject), ("content", step.content)):
            try:
                template.parse(text or "", is_page and field == "content")
            except template.TemplateError as error:
                name = f"{step.flow}/{step.key or f'#{stored.step_order}'}"
                broken.append(f"{name}: {field}: {error}")
                is_in_file = is_in_file or step.key is not None
    if broken:
        hint = _FIX_STEPS if is_in_file else _FIX_MADE_ELSEWHERE
        return [fault("templates", shown(broken), hint)]
    return [ok("templates", "those of enabled steps can be parsed")]
