"""Suppressions from a file (``suppressions_import.sql``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import scalar_row

from flowctl.database import Connection, query
from flowctl.model import Channel


@dataclass(frozen=True, slots=True)
class OptOut:
    """An address as it is compared; ``created_at`` is null where it is not known since when."""

    channel: Channel
    address: str
    reason: str
    created_at: datetime | None


def add(connection: Connection, opt_outs: Sequence[OptOut]) -> list[str]:
    """Suppress these; returns the addresses that were not suppressed before."""
    values = {
        "channels": [one.channel for one in opt_outs],
        "addresses": [one.address for one in opt_outs],
        "reasons": [one.reason for one in opt_outs],
        "times": [one.created_at for one in opt_outs],
    }
    with connection.cursor(row_factory=scalar_row) as cursor:
        return [str(one) for one in cursor.execute(query("import_suppressions"), values)]
