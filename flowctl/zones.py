"""Time zones as the declared ``tzdata`` package has them.

``zoneinfo.ZoneInfo(name)`` reads the system's files first, which can be years older or lack names;
here the package alone is read, whose rules ``apply-schema`` writes into the database.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzdata import IANA_VERSION

_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


def release() -> str:
    """The release of the tz database that the package holds, like ``2026f``."""
    return str(IANA_VERSION)


@cache
def names() -> Mapping[str, str]:
    """Every zone, old names included, by its name in lower case."""
    listed = files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.lower(): name for name in listed if name not in _NO_PLACES}


def tzif(name: str) -> bytes:
    """The file of the zone of that exact name; raises ZoneInfoNotFoundError for an unknown one."""
    if names().get(name.lower()) != name:
        raise ZoneInfoNotFoundError(f"the tzdata package has no zone {name}")
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@cache
def zone_info(name: str) -> ZoneInfo:
    """The zone of that exact name; raises ZoneInfoNotFoundError for an unknown one."""
    return ZoneInfo.from_file(BytesIO(tzif(name)), key=name)


def present_name(name: str) -> str:
    """The name of today for an old one that is no place of its own: ``US/Eastern`` is
    ``America/New_York``, but ``Europe/Stockholm`` stays, whose rules are those of Berlin."""
    return _present_names().get(name, name)


@cache
def _present_names() -> Mapping[str, str]:
    folder = files("tzdata").joinpath("zoneinfo")
    listed = folder.joinpath("zone.tab").read_text("utf-8").splitlines()
    places = {line.split("\t")[2] for line in listed if not line.startswith("#")}
    rules = folder.joinpath("tzdata.zi").read_text("utf-8").splitlines()
    links = (line.split() for line in rules if line.startswith("L "))
    return {old: name for _, name, old in links if old not in places}
