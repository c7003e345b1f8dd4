"""Whether anybody may do more than the product lets them."""

from collections.abc import Sequence

from flowctl.database import Connection
from flowctl.doctor.check import Check, cures, fault, note, ok, shown
from flowctl.settings import Settings
from flowctl.store import doctor as doctor_store
from flowctl.store.doctor import Finding


def grants(connection: Connection, _: Settings) -> Sequence[Check]:
    """Rights of PUBLIC and of an API's roles on our tables and on schema ``flowctl``."""
    wide = doctor_store.findings(connection, "wide_grants")
    return [_faulty("grants", wide) if wide else ok("grants", "are no wider than they have to be")]


def function_rights(connection: Connection, _: Settings) -> Sequence[Check]:
    """Who may call our functions, and with which search_path they run."""
    wide = doctor_store.findings(connection, "wide_functions")
    if wide:
        return [_faulty("function rights", wide)]
    return [ok("function rights", "no function can be called by everybody")]


def policies(connection: Connection, _: Settings) -> Sequence[Check]:
    """Row-level security on our tables, and policies that are not ours."""
    wide = doctor_store.findings(connection, "wide_policies")
    if wide:
        return [_faulty("policies", wide)]
    return [ok("policies", "row-level security is on, and lets in nobody else")]


def leads_rights(connection: Connection, _: Settings) -> Sequence[Check]:
    """What an API lets everybody do with leads: their owner's affair, so only a note."""
    wide = doctor_store.findings(connection, "open_leads")
    if wide:
        detail = shown([found.what for found in wide])
        return [note("leads rights", detail, cures([found.cure for found in wide]))]
    return [ok("leads rights", "public.leads is not open to everybody")]


def _faulty(name: str, wide: Sequence[Finding]) -> Check:
    return fault(name, shown([found.what for found in wide]), cures([f.cure for f in wide]))
