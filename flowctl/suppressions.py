"""Addresses that must not be written to, added and removed by hand."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flowctl.address import AddressError, channel_of, comparable, spellings, to_e164, to_email
from flowctl.database import Connection
from flowctl.errors import InputError, UsageError
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import suppressions as store
from flowctl.store.suppressions import Suppression

OWN_WISH = frozenset({"complaint", "unsubscribe"})
"""Sources of a suppression that is the recipient's own wish: it is not removed unasked."""


@dataclass(frozen=True, slots=True)
class Given:
    """An address as it was typed, or as a line of standard input."""

    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address that was suppressed, as it is stored. ``pending`` messages will not go out."""

    channel: Channel
    address: str
    is_new: bool
    pending: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Suppressions that are to be removed; some are the ``own_wish`` of their recipients."""

    addresses: tuple[str, ...]
    found: tuple[Suppression, ...]

    @property
    def own_wish(self) -> list[Suppression]:
        """Those that came from a complaint or an unsubscribe."""
        return [one for one in self.found if one.source in OWN_WISH]


def list_suppressions(
    connection: Connection, channel: Channel | None = None, source: str | None = None
) -> list[Suppression]:
    """The suppressed addresses of a channel and a source, or of all, the oldest first."""
    return store.select_suppressions(connection, channel, source)


def suppress(
    connection: Connection, settings: Settings, given: Sequence[Given], reason: str | None
) -> list[Suppressed]:
    """Suppress addresses by hand, all or none: no reply of their owners' lifts that.

    Raises UsageError, or InputError for lines of standard input, for what is no address.
    """
    wanted = dict.fromkeys((channel, own) for channel, (own, *_) in _all_spellings(given, settings))
    with connection.transaction():
        new = {
            (channel, address): store.add_suppression(connection, channel, address, reason)
            for channel, address in wanted
        }
    pending = _pending(connection, settings, frozenset(wanted))
    return [
        Suppressed(channel, address, new[channel, address], pending[channel, address])
        for channel, address in wanted
    ]


def plan_removal(connection: Connection, settings: Settings, given: Sequence[Given]) -> Removal:
    """What letting these addresses be written to again would remove.

    Raises as ``suppress`` does, and InputError for addresses that are not suppressed.
    """
    wanted = _all_spellings(given, settings, is_strict=False)
    found: list[Suppression] = []
    missing = []
    for channel, forms in wanted:
        rows = store.select_suppressions(connection, channel, addresses=forms)
        found += rows
        missing += [] if rows else [forms[0]]
    if missing:
        raise InputError(
            f"{missing[0]} is not suppressed"
            if len(missing) == 1
            else f"{len(missing)} of these addresses are not suppressed",
            details=tuple(missing) if len(missing) > 1 else (),
            hint="flowctl suppressions list shows those that are",
        )
    return Removal(tuple(dict.fromkeys(forms[0] for _, forms in wanted)), tuple(found))


def remove(connection: Connection, removal: Removal) -> None:
    """Let the addresses be written to again, all of them."""
    with connection.transaction():
        for one in removal.found:
            store.remove_suppression(connection, one.channel, one.address)


def _all_spellings(
    given: Sequence[Given], settings: Settings, *, is_strict: bool = True
) -> list[tuple[Channel, tuple[str, ...]]]:
    """Of each address its channel, and every form in which it may be suppressed; unless it
    ``is_strict`` also of what could not be written to."""
    found = []
    problems: dict[Given, str] = {}
    for one in given:
        try:
            found.append(_spellings(one.text, settings, is_strict=is_strict))
        except AddressError as error:
            problems[one] = f"line {one.line}: {error}" if one.line else str(error)
    if problems:
        several = len(problems) > 1
        kind = UsageError if any(one.line is None for one in problems) else InputError
        raise kind(
            f"{len(problems)} of these are no addresses"
            if several
            else next(iter(problems.values())),
            details=tuple(problems.values()) if several else (),
            hint="give an email address, or a phone number such as +14155550123",
        )
    return found


def _spellings(
    text: str, settings: Settings, *, is_strict: bool
) -> tuple[Channel, tuple[str, ...]]:
    channel = channel_of(text)
    try:
        recipient = _recipient(channel, text, settings)
        return channel, spellings(channel, recipient, settings.default_region)
    except AddressError:
        own = None if is_strict else comparable(channel, text)
        if own is None:
            raise
        return channel, (own,)


def _recipient(channel: Channel, written: str, settings: Settings) -> str:
    if channel is Channel.EMAIL:
        return to_email(written)
    return to_e164(written, settings.default_region, None)


def _pending(
    connection: Connection, settings: Settings, wanted: frozenset[tuple[Channel, str]]
) -> Counter[tuple[Channel, str]]:
    """How many pending messages are for each address, in whatever form leads have it."""
    found = Counter[tuple[Channel, str]]()
    for channel, raw, messages in store.pending_addresses(connection):
        try:
            address = comparable(channel, _recipient(channel, raw, settings))
        except AddressError:
            continue
        if address is not None and (channel, address) in wanted:
            found[channel, address] += messages
    return found
