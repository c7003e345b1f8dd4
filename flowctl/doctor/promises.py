"""What flowctl promises about messages, looked up in the table itself."""

from collections.abc import Sequence
from datetime import timedelta

from flowctl import address
from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.times import rough_duration

STALE_AFTER = timedelta(hours=1)
"""How long an ended claim or send may wait for the next dispatcher."""

LATELY = timedelta(days=7)
"""How far back leads without messages are looked for."""

AT_MOST = 1000
"""Leads without messages that are looked at."""

_DISPATCH = "flowctl dispatch --once"
_UNIQUE = (
    "alter table public.message_logs add constraint message_logs_lead_step "
    "unique (lead_id, flow_step_id);"
)


def pairs(connection: Connection, _: Settings) -> Sequence[Check]:
    """One message for each lead and step."""
    if doctor_store.is_pair_unique(connection):
        return [ok("pairs", "no lead can have two messages of one step: an index keeps it so")]
    twice = doctor_store.count(connection, "pairs_twice")
    if twice:
        return [
            fault(
                "pairs",
                f"the constraint that keeps messages apart is missing, and {twice} of leads and "
                "steps have several",
                "delete the further messages of each, then: " + _UNIQUE,
            )
        ]
    return [fault("pairs", "nothing keeps a lead from getting a step twice", _UNIQUE)]


def suppressed(connection: Connection, settings: Settings) -> Sequence[Check]:
    """Pending messages that will be cancelled for their address."""
    region = settings.default_region
    code = None if region is None else address.calling_code(region)
    waiting = doctor_store.count(connection, "pending_suppressed", calling_code=code)
    if waiting:
        detail = f"{counted(waiting, 'pending message')} to suppressed addresses: none will be sent"
        return [note("suppressed", detail, "flowctl suppressions list; dispatch cancels them")]
    return [ok("suppressed", "nothing is pending for a suppressed address")]


def claims(connection: Connection, _: Settings) -> Sequence[Check]:
    """Claims that a dispatcher left behind."""
    found = doctor_store.stale_claims(connection, STALE_AFTER)
    if found.number:
        detail = (
            f"{counted(found.number, 'claim')} left behind, the oldest ended "
            f"{rough_duration(found.seconds or 0)} ago: no dispatcher has run since"
        )
        return [fault("claims", detail, _DISPATCH)]
    return [ok("claims", "none is left behind")]


def sends(connection: Connection, _: Settings) -> Sequence[Check]:
    """Sends that were begun and never recorded."""
    found = doctor_store.doubtful_sends(connection)
    if not found.number:
        return [ok("sends", "every one that was begun is recorded or under way")]
    detail = (
        f"{counted(found.number, 'send')} begun without a recorded outcome, the oldest for "
        f"{rough_duration(found.seconds or 0)}"
    )
    hint = f"{_DISPATCH}; flowctl reconcile"
    if (found.seconds or 0) > STALE_AFTER.total_seconds():
        return [fault("sends", f"{detail}: nobody has resolved it", hint)]
    return [note("sends", detail, hint)]


def unknown_outcomes(connection: Connection, _: Settings) -> Sequence[Check]:
    """Messages that may have gone out, for a person to decide about."""
    waiting = doctor_store.count(connection, "unknown_outcomes")
    if waiting:
        detail = f"{counted(waiting, 'message')} may or may not have gone out"
        hint = (
            "flowctl messages list --error 'unknown outcome'; look them up at the provider, "
            "then: flowctl messages retry ID"
        )
        return [note("unknown outcomes", detail, hint)]
    return [ok("unknown outcomes", "none waits for a person")]


def sent_messages(connection: Connection, _: Settings) -> Sequence[Check]:
    """Sent messages that say when, and to whom."""
    unproven = doctor_store.count(connection, "unproven_sends")
    if unproven:
        detail = f"{counted(unproven, 'sent message')} without the time or the address"
        hint = "flowctl messages list --status sent; find out who writes status without sent_at"
        return [fault("sent messages", detail, hint)]
    return [ok("sent messages", "all say when, and to whom")]


def schedules(connection: Connection, _: Settings) -> Sequence[Check]:
    """Leads that slipped past the trigger (imported with triggers off, say)."""
    found = doctor_store.unscheduled_leads(connection, LATELY, batch_size=AT_MOST)
    total = found.in_time + found.too_late
    which = f"of the last {LATELY.days} days"
    if found.in_time:
        number = counted(total, "lead") + (" or more" if total >= AT_MOST else "")
        return [
            fault(
                "schedules",
                f"{number} {which} without messages, although a flow wanted them",
                f"flowctl leads enroll --flow {found.flow} {found.lead_id}",
            )
        ]
    if found.too_late:
        detail = f"{counted(total, 'lead')} {which} never got messages, and it is too late now"
        return [note("schedules", detail, "they may have been imported; nothing is to be done")]
    return [ok("schedules", f"every lead {which} has the messages that its flows wanted")]
