"""What waits, for how long, and whether the table keeps up."""

from collections.abc import Sequence
from datetime import timedelta

from flowctl.database import Connection
from flowctl.doctor.check import Check, counted, fault, note, ok
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.store import runs, status
from flowctl.store.due import due_by_channel
from flowctl.times import rough_duration

LATE = timedelta(minutes=15)
"""How long a due message may wait for a dispatcher."""

SLOW = timedelta(minutes=5)
"""From here on the wait is worth a word."""

LONG_TRANSACTION = timedelta(hours=1)

PAUSED = 10_000
"""Up to this many in paused flows are counted."""

MANY_DEAD = 10_000
DEAD_SHARE = 0.2
"""Dead rows worth a word: that many at least, and that share of the table."""

LARGE_INDEX = 64 * 1024 * 1024
ENTRY_BYTES = 400
"""Bytes of the due index worth a word, in all and for each entry; a full one has about 60."""

_DUE_INDEX = (
    "create index message_logs_due on public.message_logs (message_type, due_at, id) "
    "where status = 'pending';"
)


def channels(connection: Connection, settings: Settings) -> Sequence[Check]:
    """Messages and steps of channels that this set-up cannot send on."""
    checks = []
    for channel, demand in doctor_store.channel_demand(connection).items():
        missing = settings.missing.get(channel, ())
        if (settings.smtp if channel is Channel.EMAIL else settings.twilio) is not None:
            continue
        hint = f"set {', '.join(missing)}" if missing else "see settings"
        if demand.due:
            detail = f"{counted(demand.due, 'due message')} held: {channel} is not configured"
            checks.append(fault("channels", detail, hint))
        elif demand.pending or demand.steps:
            detail = (
                f"{channel} is not configured here; {counted(demand.steps, 'step')} and "
                f"{counted(demand.pending, 'pending message')} need it"
            )
            checks.append(note("channels", detail, hint))
    return checks or [ok("channels", "whatever is to be sent has a configured channel")]


def phones(connection: Connection, settings: Settings) -> Sequence[Check]:
    """Numbers that cannot be read without a region."""
    if settings.default_region is not None:
        return [ok("phones", f"national numbers count as {settings.default_region}")]
    national = doctor_store.count(connection, "national_phones")
    if national:
        detail = f"{counted(national, 'pending text')} to numbers without a country: each will fail"
        return [note("phones", detail, "set FLOWCTL_DEFAULT_REGION, such as US")]
    return [ok("phones", "those of pending texts have a country")]


def lag(connection: Connection, settings: Settings) -> Sequence[Check]:
    """How long the oldest due message has waited; what is held or paused is counted apart."""
    is_configured = {
        Channel.EMAIL: settings.smtp is not None,
        Channel.TEXT: settings.twilio is not None,
    }
    found = due_by_channel(connection)
    due = [one for one in found if is_configured[one.channel]]
    held = sum(one.messages for one in found if not is_configured[one.channel])
    paused = status.count_paused(connection, PAUSED)
    apart = [f"{held} held"] if held else []
    if paused.number:
        least = "at least " if paused.is_estimated else ""
        apart.append(f"{least}{paused.number} in paused flows")
    beside = f" ({', '.join(apart)})" if apart else ""
    if not due:
        return [ok("lag", f"nothing is due{beside}")]
    oldest = max(one.oldest_seconds for one in due)
    waiting = counted(sum(one.messages for one in due), "message")
    detail = f"{waiting} due, the oldest for {rough_duration(oldest)}{beside}"
    hint = "flowctl dispatch --once, and see that cron or a service runs it"
    if oldest > LATE.total_seconds():
        return [fault("lag", f"{detail}: no dispatcher seems to run", hint)]
    if oldest > SLOW.total_seconds():
        return [note("lag", f"{detail}: dispatch is late", hint)]
    return [ok("lag", detail)]


def last_run(connection: Connection, _: Settings) -> Sequence[Check]:
    """When dispatch ran last, and how that ended."""
    run = runs.last_run(connection)
    if run is None:
        return [ok("last run", "none in 30 days")]
    ago = f"{rough_duration(run.seconds_ago)} ago"
    if run.is_at_work:
        return [ok("last run", f"at work on {run.host}")]
    if run.exit_status is None:
        detail = f"on {run.host}: not heard of since {ago}; it did not end in order"
        return [note("last run", detail, "see what its log says last")]
    detail = f"{ago} on {run.host}: exit {run.exit_status}, sent {run.sent}, failed {run.failed}"
    if run.exit_status:
        return [note("last run", detail, "flowctl dispatch --once says why")]
    return [ok("last run", detail)]


def vacuum(connection: Connection, _: Settings) -> Sequence[Check]:
    """Dead rows, and the index that dispatchers walk."""
    table = doctor_store.table_health(connection)
    if not table.has_due_index:
        return [fault("vacuum", "the index message_logs_due is missing", _DUE_INDEX)]
    when = "never" if table.vacuumed_at is None else f"{table.vacuumed_at:%Y-%m-%d %H:%M%z}"
    detail = (
        f"{table.dead} dead of {table.live + table.dead} rows, last vacuum {when}, "
        f"due index {table.index_bytes / 1024 / 1024:.1f} MB"
    )
    if table.dead > max(MANY_DEAD, DEAD_SHARE * table.live):
        return [note("vacuum", detail, "vacuum (analyze) public.message_logs;")]
    if table.index_bytes > max(LARGE_INDEX, ENTRY_BYTES * table.index_rows):
        return [note("vacuum", detail, "reindex index concurrently public.message_logs_due;")]
    return [ok("vacuum", detail)]


def old_transactions(connection: Connection, _: Settings) -> Sequence[Check]:
    """Transactions so old that vacuum cleans nothing up, and claims slow down."""
    oldest = doctor_store.oldest_horizon(connection)
    if oldest is not None and oldest.seconds > LONG_TRANSACTION.total_seconds():
        detail = f"{oldest.what} has been in a transaction for {rough_duration(oldest.seconds)}"
        return [note("old transactions", f"{detail}: vacuum waits for it", oldest.cure)]
    return [ok("old transactions", "none keeps vacuum waiting")]
