"""Redacting what old messages said, and never that they were sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.database import Connection
from flowctl.errors import DatabaseUnavailable
from flowctl.store import prune as store
from flowctl.store.prune import Chunk, Range

CHUNK_PAGES = 500
"""Pages (8 kB each) gone through in one transaction: some thousand messages."""

_SCANS_BY_PAGE = 14_00_00
"""The version of PostgreSQL from which a range of pages is read without the rest of the table."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    """How many messages were redacted, or would be: those that ended before ``before``."""

    before: datetime
    messages: int
    archived: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.messages + self.archived


def prune(
    connection: Connection, older_than: timedelta, *, is_dry_run: bool = False
) -> PruneResult:
    """Redact messages sent, failed or cancelled longer than ``older_than`` ago.

    Each chunk of the tables is a short transaction of its own; what is interrupted is continued
    by the next run, and what is redacted is not counted again. A message that failed or was
    cancelled counts from the time it was scheduled for. Raises
    DatabaseUnavailable for a role that does not own the tables.
    """
    bounds = store.prune_range(connection, older_than)
    if not bounds.is_owner:
        raise DatabaseUnavailable(
            "the database refused: only the owner of public.message_logs may redact what was sent",
            hint="use the role that applied the schema",
        )
    pages = store.count_pages(connection)
    return PruneResult(
        bounds.before,
        messages=_all(connection, store.prune_messages, bounds, pages.messages, is_dry_run),
        archived=_all(connection, store.prune_archive, bounds, pages.archived, is_dry_run),
    )


def _all(
    connection: Connection,
    prune_chunk: Callable[[Connection, Chunk], int],
    bounds: Range,
    pages: int,
    is_dry_run: bool,  # noqa: FBT001 - passed on
) -> int:
    by_page = connection.info.server_version >= _SCANS_BY_PAGE
    step = CHUNK_PAGES if by_page else max(pages, 1)
    return sum(
        prune_chunk(connection, Chunk(first, step, bounds.before, is_dry_run))
        for first in range(0, pages, step)
    )
