#!/bin/sh
# clevercsv 0.8.5 finds a delimiter in a file of one column: a list of addresses, as mail providers
# export those that opted out, has two columns to it, cut at the @. The standard library's Sniffer
# says that it does not know.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'clevercsv==0.8.5'
"$folder/venv/bin/python" - <<'PYTHON'
import csv
from importlib.metadata import version

import clevercsv

print("clevercsv", version("clevercsv"))
text = "Email\nanna.bell@example.com\nbob@example.com\ncarol.king@example.org\n"
found = clevercsv.Sniffer().sniff(text).delimiter
print(f"clevercsv: {found!r}, {list(clevercsv.reader(text.splitlines(), delimiter=found))[1]}")
try:
    standard = repr(csv.Sniffer().sniff(text).delimiter)
except csv.Error as error:
    standard = str(error)
print(f"csv.Sniffer: {standard}")
raise SystemExit(0 if found == "@" else 1)
PYTHON
