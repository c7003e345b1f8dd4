"""Which lead is meant: an id, an email address or a phone number, in any notation."""

from collections.abc import Sequence
from contextlib import suppress

from flowctl.address import AddressError, comparable, to_e164
from flowctl.database import Connection
from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.settings import Settings
from flowctl.store import leads as store
from flowctl.store.leads import LeadRow

SHOWN = 20
"""Leads that are listed where several are meant."""

_HINT = "a lead is named by its id (public.leads, column id), its email or its phone"


def find_lead(connection: Connection, settings: Settings, written: str) -> LeadRow:
    """The one lead that is meant. Raises InputError where there is none, or more than one."""
    return _only(written, find_leads(connection, settings, written))


def find_each(connection: Connection, settings: Settings, written: Sequence[str]) -> list[LeadRow]:
    """The leads that are meant, each once. Raises InputError, naming all that do not exist."""
    found = {one: find_leads(connection, settings, one) for one in written}
    missing = tuple(one for one, leads in found.items() if not leads)
    if len(missing) > 1:
        raise InputError(f"{len(missing)} of these leads do not exist", hint=_HINT, details=missing)
    meant = [_only(one, leads) for one, leads in found.items()]
    return list({lead.id: lead for lead in meant}.values())


def find_leads(connection: Connection, settings: Settings, written: str) -> list[LeadRow]:
    """The leads with that id, or else with that email address or phone number, by id."""
    by_id = store.lead_by_id(connection, written)
    if by_id is not None:
        return [by_id]
    return leads_with_address(connection, settings, written, store.AT_MOST)


def leads_with_address(
    connection: Connection, settings: Settings, written: str, limit: int | None = None
) -> list[LeadRow]:
    """The leads with that email address or phone number, by id; about ``limit`` where there is one.

    Indexes of built-in functions find them, where the leads table could be given these; one that
    could not is walked through.
    """
    if "@" in written:
        address = comparable(Channel.EMAIL, written)
        return [] if address is None else store.leads_by_email(connection, address, limit)
    number = _compared(written, settings)
    if number is None:
        return []
    return [
        lead
        for lead in store.leads_by_phone(connection, number, limit)
        if _compared(str(lead.row.get("phone")), settings) == number
    ]


def _only(written: str, found: Sequence[LeadRow]) -> LeadRow:
    if not found:
        raise InputError(f"no lead has the {_kind(written)} {written!r}", hint=_HINT)
    if len(found) > 1:
        raise InputError(
            f"{len(found)} leads have the {_kind(written)} {written!r}",
            hint="name the one that is meant by its id",
            details=tuple(map(_shown, found[:SHOWN])),
        )
    return found[0]


def _compared(phone: str, settings: Settings) -> str | None:
    """A phone number as numbers are compared; a national one is read as the settings say."""
    with suppress(AddressError):
        phone = to_e164(phone, settings.default_region, None)
    return comparable(Channel.TEXT, phone)


def _kind(written: str) -> str:
    if "@" in written:
        return "email"
    return "phone" if written.lstrip().startswith(("+", "(")) else "id"


def _shown(lead: LeadRow) -> str:
    """A lead as a line: its id and its name."""
    names = (lead.row.get(column) for column in ("first_name", "last_name"))
    return " ".join([lead.id, *(str(name) for name in names if name)])
