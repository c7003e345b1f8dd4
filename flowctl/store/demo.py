"""The sample leads of the demo and their messages (``demo.sql``)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Json

from flowctl.database import Connection, query


@dataclass(frozen=True, slots=True)
class Sample:
    """A lead of the demo, as it is to be inserted."""

    first_name: str
    email: str
    phone: str
    timezone: str


@dataclass(frozen=True, slots=True)
class SampleLead:
    """A sample lead in the database; ``created_local`` is on the clock of its zone."""

    id: str
    first_name: str
    timezone: str
    created_local: datetime


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A pending message of a sample lead; ``due_local`` is ``due_at`` on the clock of its zone."""

    id: UUID
    first_name: str
    timezone: str
    due_at: datetime
    due_local: datetime


def lock_demo(connection: Connection) -> None:
    """Wait for any other demo, and keep others waiting until the connection is closed."""
    connection.execute(query("lock_demo"))


def lock_leads(connection: Connection) -> None:
    """Keep leads from being added or removed by others until the transaction ends."""
    connection.execute(query("lock_leads"))


def count_other_leads(connection: Connection) -> int:
    """How many leads are not samples."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        count: int = cursor.execute(query("count_other_leads")).fetchone() or 0
        return count


def replace_sample_leads(connection: Connection, samples: Sequence[Sample]) -> list[SampleLead]:
    """Remove the sample leads with all that is theirs, and insert these, created next Monday at
    3:00 PM of their zones."""
    connection.execute(query("remove_sample_leads"))
    connection.execute(query("remove_sample_digests"))
    with connection.cursor(row_factory=class_row(SampleLead)) as cursor:
        leads = Json([asdict(sample) for sample in samples])
        return cursor.execute(query("insert_sample_leads"), {"leads": leads}).fetchall()


def select_sample_messages(connection: Connection, flows: Sequence[str]) -> list[SampleMessage]:
    """The pending messages of the sample leads up to the last one of these flows, by time."""
    with connection.cursor(row_factory=class_row(SampleMessage)) as cursor:
        return cursor.execute(query("sample_messages"), {"flows": list(flows)}).fetchall()
