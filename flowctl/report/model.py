"""What a report holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.forecast import Forecast
from flowctl.store.report import DaySent, Reason, StepFunnel


@dataclass(frozen=True, slots=True)
class Report:
    """What was over between ``since`` and ``until``, and what comes then; days of ``timezone``."""

    since: datetime
    until: datetime
    timezone: str
    steps: Sequence[StepFunnel]
    days: Sequence[DaySent]
    failures: Sequence[Reason]
    forecast: Forecast
