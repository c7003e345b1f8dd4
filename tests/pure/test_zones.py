from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, reset_tzpath

import pytest
import tzdata

from flowctl import zones

WINTER = datetime(2026, 12, 7, 9, 0)  # noqa: DTZ001 - a wall clock


def test_every_name_of_the_package_is_a_zone() -> None:
    assert len(zones.names()) > 590
    for name in zones.names().values():
        assert zones.zone_info(name).key == name


def test_old_names_are_zones() -> None:
    for name in ("Asia/Calcutta", "US/Eastern", "Europe/Kiev", "America/Buenos_Aires"):
        assert zones.names()[name.lower()] == name


@pytest.mark.parametrize(
    "name", ["Factory", "Mars/Olympus", "europe/berlin", "../zones", "", "PST"]
)
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        zones.zone_info(name)


def test_the_packages_rules_hold_whatever_the_system_has(tmp_path: Path) -> None:
    stale = tmp_path / "America" / "Winnipeg"
    stale.parent.mkdir()
    stale.write_bytes(zones.tzif("Europe/Berlin"))
    try:
        reset_tzpath([str(tmp_path)])
        system = ZoneInfo.no_cache("America/Winnipeg")
    finally:
        reset_tzpath()
    own = zones.zone_info("America/Winnipeg")
    assert str(WINTER.replace(tzinfo=system).utcoffset()) == "1:00:00"
    assert own.utcoffset(WINTER) != system.utcoffset(WINTER)


def test_the_release_is_the_packages() -> None:
    assert zones.release() == tzdata.IANA_VERSION
