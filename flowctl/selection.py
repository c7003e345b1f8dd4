"""What a command means: a flow by its name, an address, a time as it is typed."""

from datetime import datetime
from uuid import UUID

from flowctl.address import AddressError, channel_of, to_e164, to_email
from flowctl.address.comparison import comparable
from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.model import Channel, JsonObject
from flowctl.settings import Settings
from flowctl.store import flows as flow_store
from flowctl.store import messages as message_store
from flowctl.store import selection as store
from flowctl.text import did_you_mean, nearest
from flowctl.times import When
from flowctl.zones import zone_info


def check_flow(connection: Connection, name: str) -> None:
    """Raise InputError, with the nearest name, for a flow that does not exist."""
    names = flow_store.flow_names(connection)
    if name not in names:
        raise InputError(f"there is no flow '{name}'", hint=did_you_mean(name, names))


def steps_named(connection: Connection, name: str) -> list[UUID]:
    """The steps of that key, ``flow/key`` or id. Raises InputError, with the nearest name, where
    there is none."""
    steps = message_store.steps_named(connection, name)
    if not steps:
        close = nearest(name, message_store.step_names(connection))
        hint = f"did you mean '{close}'?" if close else "flowctl steps list shows them"
        raise InputError(f"no step is called '{name}'", hint=hint)
    return steps


def resolve_when(
    connection: Connection, when: When, timezone: str | None, flow: str | None
) -> datetime:
    """The moment that is meant: so long ago by the database's clock; or, where no offset is given,
    on the clock of ``timezone``, else of the flow's zone, else of UTC."""
    return when.resolve(
        store.database_now(connection), zone_info(zone_name(connection, timezone, flow))
    )


def zone_name(connection: Connection, timezone: str | None, flow: str | None) -> str:
    """``timezone``, else the flow's zone, else UTC."""
    return timezone or (flow and store.flow_zone(connection, flow)) or "UTC"


def lead_name(lead: JsonObject) -> str | None:
    """What a lead is called: its name, else its email address, else its phone number."""
    row = {name: str(value).strip() for name, value in lead.items() if value is not None}
    full = " ".join(filter(None, (row.get("first_name"), row.get("last_name"))))
    return full or row.get("full_name") or row.get("name") or row.get("email") or row.get("phone")


def comparable_address(settings: Settings, written: str) -> str:
    """An address that was typed, in its comparable form. Raises InputError for what is none."""
    try:
        found = _comparable(channel_of(written), written, settings)
    except AddressError:
        found = None
    if found is None:
        raise InputError(
            f"{written[:60]!r} is not an address",
            hint="give an email address, or a phone number such as +14155550123",
        )
    return found


def _comparable(channel: Channel, written: str, settings: Settings) -> str | None:
    """The form in which the address is compared; null for what is no address."""
    try:
        if channel is Channel.EMAIL:
            return comparable(channel, to_email(written))
        return comparable(channel, to_e164(written, settings.default_region, None))
    except AddressError:
        return comparable(channel, written)
