"""Whether messages stand at the local time that they were planned for."""

from collections import Counter
from collections.abc import Sequence

from flowctl import migrate, zones
from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, note, ok, shown
from flowctl.settings import Settings
from flowctl.store.refresh import misplaced_messages
from flowctl.store.status import unread_timezones

MOST = 20_000
"""The soonest pending messages are looked at, so many of them."""

_REASONS = {
    "rules": "the rules of their zone changed",
    "step": "their step changed",
    "lead": "their lead or its flow changed",
}


def zone_rules(connection: Connection, _: Settings) -> Sequence[Check]:
    """Whether the rules in the database are as new as those of the package."""
    taken, package = migrate.zone_release(connection), zones.release()
    if taken < package:
        detail = f"the rules are those of tzdata {taken}; the installed package has {package}"
        return [note("zone rules", detail, "flowctl apply-schema")]
    return [ok("zone rules", f"those of tzdata {taken}")]


def planned_times(connection: Connection, _: Settings) -> Sequence[Check]:
    """Pending messages that no longer stand at their planned local time."""
    found = misplaced_messages(connection, MOST)
    if not found:
        return [ok("planned times", "pending messages are at their planned local time")]
    by_reason = Counter[str]()
    for one in found:
        by_reason[one.reason] += one.messages
    why = "; ".join(f"{number}: {_REASONS[name]}" for name, number in by_reason.most_common())
    total = counted(by_reason.total(), "pending message")
    zone = shown([one.zone for one in found], ", ")
    return [
        note(
            "planned times",
            f"{total} not at the local time planned today ({why}; {zone})",
            "flowctl messages refresh --dry-run",
        )
    ]


def lead_timezones(connection: Connection, _: Settings) -> Sequence[Check]:
    """Leads whose timezone nobody can read."""
    unread = unread_timezones(connection)
    if not unread:
        return [ok("timezones", "those that leads have can be read")]
    leads = counted(sum(one.leads for one in unread), "lead")
    examples = shown([f"'{one.name[:40]}'" for one in unread], ", ")
    return [
        note(
            "timezones",
            f"{leads} with a timezone that is not a zone ({examples})",
            "correct leads.timezone (such as America/New_York), then: flowctl messages refresh",
        )
    ]
