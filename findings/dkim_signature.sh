#!/bin/sh
# dkimpy 1.1.8: dkim.sign signs List-Unsubscribe and leaves List-Unsubscribe-Post out, unless its
# headers are named. RFC 8058, section 4, wants both under the signature, so that mailboxes which
# check that show no button for unsubscribing with one click.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'dkimpy==1.1.8' 'cryptography==45.0.7'
"$folder/venv/bin/python" - <<'PYTHON'
import re
from importlib.metadata import version

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

print("dkimpy", version("dkimpy"))
key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
mail = b"\r\n".join([
    b"From: news@example.com",
    b"To: ada@example.org",
    b"Subject: Hello",
    b"List-Unsubscribe: <https://example.com/unsubscribe/1>",
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    b"",
    b"Hello",
    b"",
])
signature = re.sub(r"\s+", "", dkim.sign(mail, b"key", b"example.com", key).decode())
signed = re.search(r"h=([^;]+);", signature)[1].split(":")
print("h =", ", ".join(signed))
changed = ("list-unsubscribe" not in signed) + ("list-unsubscribe-post" in signed)
raise SystemExit(1 if changed else 0)
PYTHON
