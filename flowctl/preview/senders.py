"""Who the emails of each flow come from, as a preview shows it."""

from flowctl.database import Connection
from flowctl.settings import Settings
from flowctl.store.flows import flow_senders


def senders(connection: Connection, settings: Settings) -> dict[str | None, str]:
    """The sender of each flow that has its own, and, by null, of all others."""
    usual = settings.email.sender
    return {None: "" if usual is None else f"{usual.name} <{usual.address}>".strip()} | {
        flow: str(sender["email_from"])
        for flow, sender in flow_senders(connection).items()
        if "email_from" in sender
    }
