"""Addresses that a provider will not write to again (``refusals.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import errors

from flowctl.database import Connection
from flowctl.model import Channel
from flowctl.store.fetching import fetch_ids


@dataclass(frozen=True, slots=True)
class Refused:
    """An address that the provider will not write to again, and the message that showed it."""

    message_id: UUID
    channel: Channel
    address: str
    reason: str


def suppress_recipients(connection: Connection, refused: Sequence[Refused]) -> list[Refused]:
    """Suppress addresses that the provider refused for good, and cancel those leads' further
    messages on the channel; returns those that the table of suppressions does not take.
    """
    try:
        with connection.transaction():
            fetch_ids(
                connection,
                "suppress_recipients",
                ids=[one.message_id for one in refused],
                channels=[one.channel for one in refused],
                addresses=[one.address for one in refused],
                reasons=[one.reason for one in refused],
            )
    except (errors.IntegrityError, errors.DataError, errors.RaiseException):
        if len(refused) == 1:
            return list(refused)
        return [left for one in refused for left in suppress_recipients(connection, [one])]
    return []
