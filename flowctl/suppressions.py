"""Addresses that must not be written to, added and lifted by hand."""

from dataclasses import dataclass

from flowctl.address import AddressError, channel_of, comparable, spellings, to_e164, to_email
from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import suppressions as store
from flowctl.store.suppressions import Suppression

_ENDING = 6
"""Digits by which numbers are looked for before they are compared: no number is shorter."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address that was suppressed, as it is stored. ``pending`` messages will not go out."""

    channel: Channel
    address: str
    is_new: bool
    pending: int


def list_suppressions(connection: Connection) -> list[Suppression]:
    """All suppressed addresses, the oldest first."""
    return store.select_suppressions(connection)


def suppress(
    connection: Connection, settings: Settings, written: str, reason: str | None
) -> Suppressed:
    """Suppress an address by hand: no reply of its owner's lifts that.

    Raises InputError for what is no address.
    """
    channel, (address, *_) = _spellings(written, settings)
    is_new = store.add_suppression(connection, channel, address, reason)
    return Suppressed(channel, address, is_new, _pending(connection, settings, channel, address))


def lift(connection: Connection, settings: Settings, written: str) -> str:
    """Let an address be written to again; returns it as it was stored.

    Raises InputError for what is no address or is not suppressed.
    """
    channel, addresses = _spellings(written, settings)
    if not store.remove_suppression(connection, channel, addresses):
        raise InputError(
            f"{addresses[0]} is not suppressed",
            hint="flowctl suppressions list shows those that are",
        )
    return addresses[0]


def _spellings(written: str, settings: Settings) -> tuple[Channel, tuple[str, ...]]:
    """The channel, and the address in every form that suppressions may have."""
    try:
        channel = channel_of(written)
        recipient = _recipient(channel, written, settings)
        return channel, spellings(channel, recipient, settings.default_region)
    except AddressError as error:
        raise InputError(
            str(error), hint="give an email address, or a phone number such as +14155550123"
        ) from error


def _recipient(channel: Channel, written: str, settings: Settings) -> str:
    if channel is Channel.EMAIL:
        return to_email(written)
    return to_e164(written, settings.default_region, None)


def _pending(connection: Connection, settings: Settings, channel: Channel, address: str) -> int:
    """How many pending messages are for the address, in whatever form leads have it."""
    if channel is Channel.EMAIL:
        found = store.pending_emails(connection, address.partition("@")[0] + "@")
    else:
        found = store.pending_texts(connection, address[-_ENDING:])
    return sum(number for raw, number in found if _is(channel, raw, address, settings))


def _is(channel: Channel, raw: str, address: str, settings: Settings) -> bool:
    try:
        return comparable(channel, _recipient(channel, raw, settings)) == address
    except AddressError:
        return False
