"""The columns of the leads table, as an import must know them."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column's values are, as far as a file may write them in another way."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    INSTANT = "instant"
    OTHER = "other"


_KINDS = {
    "text": Kind.TEXT,
    "character varying": Kind.TEXT,
    "character": Kind.TEXT,
    "citext": Kind.TEXT,
    "boolean": Kind.BOOLEAN,
    "smallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "numeric": Kind.NUMBER,
    "real": Kind.NUMBER,
    "double precision": Kind.NUMBER,
    "date": Kind.DATE,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.INSTANT,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the leads table: its type, that of its domain if it has one, both as SQL.

    ``is_computed``: the database fills it, and nobody else. ``default`` is an SQL expression.
    """

    name: str
    type: str
    base_type: str
    is_computed: bool
    is_required: bool
    default: str | None

    @property
    def kind(self) -> Kind:
        """What its values are; the number in ``varchar(20)`` does not matter here."""
        bare = self.base_type
        if "(" in bare:
            bare = bare[: bare.index("(")] + bare[bare.index(")") + 1 :]
        return _KINDS.get(bare, Kind.OTHER)
