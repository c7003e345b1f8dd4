#!/bin/sh
# python-dateutil 2.9.0.post0 reads the zone files of the tzdata package (2026.6, release 2026f) as
# UTC, without an error: 9:00 in New York is 9:00 UTC. The files are TZif version 2 in its slim form
# (zic -b slim): the first block, the only one that dateutil reads, is empty (RFC 9636, section 4
# allows that). The copy of 2024a that dateutil brings is in the fat form; there summer time is lost
# from 2038 on. zoneinfo reads the same files right.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'python-dateutil==2.9.0.post0' 'tzdata==2026.6'
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime
from importlib.metadata import version
from importlib.resources import as_file, files
from zoneinfo import ZoneInfo

from dateutil import tz, zoneinfo

print("python-dateutil", version("python-dateutil"), "tzdata", version("tzdata"))
changed = 0
with as_file(files("tzdata") / "zoneinfo" / "America" / "New_York") as path, path.open("rb") as file:
    from_file = tz.tzfile(str(path))
    right = ZoneInfo.from_file(file)
bundled = zoneinfo.get_zonefile_instance().get("America/New_York")
cases = [
    ("tz.tzfile of the package's file", from_file, 2026, 0),
    ("dateutil's own copy", bundled, 2037, -4),
    ("dateutil's own copy", bundled, 2038, -5),
    ("zoneinfo, the package's file", right, 2026, -4),
    ("zoneinfo, the package's file", right, 2038, -4),
]
for what, zone, year, seen in cases:
    hours = datetime(year, 7, 1, 9, tzinfo=zone).utcoffset().total_seconds() / 3600
    print(f"{what}: New York in July {year} is at {hours:+.0f} hours")
    changed += hours != seen
raise SystemExit(1 if changed else 0)
PYTHON
