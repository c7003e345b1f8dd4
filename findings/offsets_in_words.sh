#!/bin/sh
# python-dateutil 2.9.0.post0 has two readings of "GMT+3": its parser takes it for three hours west of
# Greenwich, its tz module for three hours east. So the text of a JavaScript Date, which many exports
# of web forms hold, is read six hours late, without a word; Node reads it right.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-dateutil==2.9.0.post0'
text='Mon Mar 02 2026 15:00:00 GMT+0300'
"$folder/venv/bin/python" - "$text" <<'PYTHON'
import sys
from datetime import UTC, datetime
from importlib.metadata import version

from dateutil import parser, tz

print("python-dateutil", version("python-dateutil"))
text = sys.argv[1]
read = parser.parse(text).astimezone(UTC).hour
by_name = datetime(2026, 3, 2, 15, tzinfo=tz.gettz("GMT+3")).astimezone(UTC).hour
print(f"parser.parse({text!r}): {read}:00 UTC")
print(f"15:00 in tz.gettz('GMT+3'): {by_name}:00 UTC")
raise SystemExit(0 if (read, by_name) == (18, 12) else 1)
PYTHON
if command -v node > /dev/null; then
  node -e 'console.log("new Date: " + new Date(process.argv[1]).getUTCHours() + ":00 UTC")' "$text"
fi
