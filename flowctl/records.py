"""Records that are made by the thousand: frozen for the type checker, and for nobody else.

A frozen dataclass sets each field through ``object.__setattr__``, which takes several times as
long, and a message has a hundred fields on its way.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

_Record = TypeVar("_Record")


@dataclass_transform(frozen_default=True)
def record(cls: type[_Record]) -> type[_Record]:
    """A dataclass with slots whose fields nobody may set."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
