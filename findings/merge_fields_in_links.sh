#!/bin/sh
# premailer 3.10.0, which writes a mail's styles into its tags, escapes the blanks of a merge field in a
# link: {{ unsubscribe_url }} becomes {{%20unsubscribe_url%20}}, which Liquid cannot read. Inlining has
# to come after merging; css-inline 0.24.0 leaves the field as it is.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'premailer==3.10.0' 'css-inline==0.24.0' 'python-liquid==2.3.6'
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import css_inline
import liquid
import premailer

for name in ("premailer", "css-inline", "python-liquid"):
    print(name, version(name))
mail = '<html><body><a href="{{ unsubscribe_url }}">No more</a></body></html>'
cases = [
    ("premailer", premailer.transform(mail), False),
    ("css-inline", css_inline.inline(mail), True),
]
changed = 0
for name, inlined, seen in cases:
    try:
        merged = liquid.parse(inlined).render(unsubscribe_url="https://example.com/unsubscribe")
    except liquid.exceptions.LiquidError as error:
        merged = type(error).__name__
    link = inlined.split('"')[1]
    print(f"{name}: {link}  ->  {merged}")
    changed += ("https://example.com/unsubscribe" in merged) != seen
raise SystemExit(1 if changed else 0)
PYTHON
