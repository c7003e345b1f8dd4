#!/bin/sh
# boto3 1.44.8 (sesv2's send_email) and telnyx 4.189.0 (messages.send) ask three times when the
# connection ends before the answer, without a key by which the provider could tell that it is the
# same message: one that it accepted each time goes out three times. Neither call is asked for that.
# Prints the versions, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  'boto3==1.44.8' 'botocore==1.44.8' 'telnyx==4.189.0'
env -u AWS_MAX_ATTEMPTS -u AWS_RETRY_MODE -u AWS_PROFILE AWS_CONFIG_FILE=/dev/null \
  "$folder/venv/bin/python" - <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from threading import Thread

import boto3
import telnyx

requests = []


class Server(BaseHTTPRequestHandler):
    """Reads the request, and ends the connection in place of an answer."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        keys = [name for name in self.headers if "idempotency" in name.lower()]
        requests.append((body, keys))
        self.close_connection = True

    def log_message(self, *_):
        pass


def send_email(url):
    client = boto3.client(
        "sesv2", region_name="us-east-1", endpoint_url=url,
        aws_access_key_id="id", aws_secret_access_key="secret",
    )
    text = {"Data": "Hello"}
    client.send_email(
        FromEmailAddress="news@example.com",
        Destination={"ToAddresses": ["ada@example.org"]},
        Content={"Simple": {"Subject": text, "Body": {"Text": text}}},
    )


def send_text(url):
    client = telnyx.Telnyx(api_key="key", base_url=url)
    client.messages.send(to="+12125550101", from_="+12125550100", text="Hello")


print("boto3", version("boto3"), "telnyx", version("telnyx"))
changed = 0
with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
    Thread(target=server.serve_forever, daemon=True).start()
    for send in (send_email, send_text):
        requests.clear()
        try:
            send(f"http://127.0.0.1:{server.server_port}")
            raised = "nothing"
        except Exception as error:
            raised = type(error).__name__
        bodies = {body for body, _ in requests}
        keys = sum(bool(names) for _, names in requests)
        print(
            f"{send.__name__}: {len(requests)} requests, {len(bodies)} different, "
            f"{keys} with a key, raised {raised}"
        )
        changed += (len(requests), len(bodies), keys) != (3, 1, 0)
    server.shutdown()
raise SystemExit(1 if changed else 0)
PYTHON
