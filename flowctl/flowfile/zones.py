"""IANA time zones as the steps file names them."""

from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


@cache
def _zones() -> dict[str, str]:
    """Every zone by its name in lower case."""
    return {zone.lower(): zone for zone in available_timezones() - _NO_PLACES}


def zone_name(written: str) -> str:
    """The zone of that name, in any case, spelled right.

    Raises ``ValueError`` with what is expected for an unknown one. The database knows zones of its
    own and has the last word.
    """
    zone = _zones().get(written.strip().lower())
    if zone is not None:
        return zone
    close = get_close_matches(written.strip().lower(), _zones(), n=1)
    raise ValueError(
        f"'{_zones()[close[0]]}'" if close else "an IANA zone such as America/New_York"
    )
