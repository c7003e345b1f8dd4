#!/bin/sh
# pandas 3.1.1: to_csv leaves a line end unquoted that is not the file's own, and read_csv then takes
# one row for two. A cell with a carriage return, as old spreadsheets break lines, in an ordinary
# file is enough. Python 3.11's csv.writer, which pandas uses, quotes only its own line end.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas==3.1.1'
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import pandas

print("pandas", pandas.__version__, "on Python", sys.version.split()[0])
changed = 0
cases = [("mac\rlines", "\n", 3), ("two\nlines", "\r", 3), ("two\nlines", "\r\n", 2)]
for cell, line_end, seen in cases:
    table = pandas.DataFrame({"email": ["a@example.com", "b@example.com"], "note": [cell, "x"]})
    text = table.to_csv(index=False, lineterminator=line_end)
    rows = len(pandas.read_csv(io.StringIO(text, newline="")))
    print(f"2 rows, one with {cell!r}, line end {line_end!r}  ->  {text!r}, read as {rows} rows")
    changed += rows != seen
raise SystemExit(1 if changed else 0)
PYTHON
