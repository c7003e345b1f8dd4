"""How a run behaves, and the paces that nobody needs to set."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flowctl.model import Slot

CLAIM_AHEAD = 25
"""Messages claimed for each sender at a time: a claim is a round trip, whatever its size."""

LARGEST_CLAIM = 500

BUSY_PAUSE = timedelta(minutes=1)
"""How long a message rests that waits for one which another dispatcher is sending."""

LIMIT_REST = 30.0
"""Seconds between two tries under ``--loop`` while a limit keeps due messages waiting."""

PROBE = 1.0
"""Seconds between two looks for due messages under ``--loop``."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a run behaves.

    ``concurrency``: messages in flight at most, over all channels; ``lease``: how long a claim
    outlives its dispatcher, which renews it; ``limit``: sends after which it
    ends; ``now``: a pretended time; ``interval``: seconds between two looks at unknown outcomes
    under ``--loop``; ``is_immediate``: sending waits for nobody, and needs no threads;
    ``claims_ahead``: the next messages are claimed over a second connection meanwhile;
    ``allows_copy``: nobody is written to, so a copy of the database may do it as well; ``slot``:
    only leads of this share.
    """

    concurrency: int = 10
    lease: timedelta = timedelta(minutes=2)
    limit: int | None = None
    now: datetime | None = None
    interval: float = 10.0
    is_immediate: bool = False
    claims_ahead: bool = True
    allows_copy: bool = False
    slot: Slot | None = None
