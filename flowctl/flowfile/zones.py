"""IANA time zones as the steps file names them."""

from difflib import get_close_matches

from flowctl import zones


def zone_name(written: str) -> str:
    """The zone of that name, in any case, spelled right.

    Raises ``ValueError`` with what is expected for an unknown one. The database has the last word.
    """
    known = zones.names()
    zone = known.get(written.strip().lower())
    if zone is not None:
        return zone
    close = get_close_matches(written.strip().lower(), known, n=1)
    raise ValueError(f"'{known[close[0]]}'" if close else "an IANA zone such as America/New_York")
