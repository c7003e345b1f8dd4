#!/bin/sh
# python-liquid 2.3.6: its arithmetic filters take a decimal.Decimal, which psycopg gives for
# numeric columns, for 0, without a word; and nil is not blank to it, as it is in Liquid.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-liquid==2.3.6'
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal
from importlib.metadata import version

from liquid import Environment

print("python-liquid", version("python-liquid"))
environment = Environment()
cases = [
    ("{{ price | plus: 1 }}", {"price": Decimal("10.50")}, "1"),
    ("{{ price | round }}", {"price": Decimal("10.50")}, "0"),
    ("{{ price | times: 2 }}", {"price": 10.50}, "21.0"),
    ("{% if x == blank %}blank{% else %}not blank{% endif %}", {"x": None}, "not blank"),
    ("{% if x == blank %}blank{% else %}not blank{% endif %}", {"x": ""}, "blank"),
]
changed = 0
for source, values, seen in cases:
    text = environment.from_string(source).render(**values)
    print(f"{source}  {values}  ->  {text!r}")
    changed += text != seen
raise SystemExit(1 if changed else 0)
PYTHON
