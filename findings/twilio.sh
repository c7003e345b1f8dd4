#!/bin/sh
# twilio 9.13.0: Client(environment={}) does not keep the process's environment out: an empty
# mapping counts as none given, and TWILIO_EDGE decides about the host again. Any entry is enough.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'twilio==9.13.0'
TWILIO_EDGE=dublin "$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

from twilio.rest import Client

print("twilio", version("twilio"), "with TWILIO_EDGE=dublin in the environment")
cases = [
    ({}, "https://api.dublin.us1.twilio.com"),
    ({"UNUSED": "x"}, "https://api.twilio.com"),
]
changed = 0
for environment, seen in cases:
    client = Client("AC0", "token", environment=environment)
    host = client.get_hostname("https://api.twilio.com")
    print(f"Client(environment={environment})  ->  {host}")
    changed += host != seen
raise SystemExit(1 if changed else 0)
PYTHON
