#!/bin/sh
# emails 1.1.3: Message.send hands a mail over a second time when the server has taken it and the
# connection ends before the answer, and reports one success. The recipient has it twice.
# Prints the version, what was run and what came; exits 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'emails==1.1.3'
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import emails

taken = []


class Server(StreamRequestHandler):
    """Takes mail; the first time it ends the connection in place of its last answer."""

    def handle(self):
        self.answer(b"220 ready")
        for line in self.rfile:
            command = line.strip().upper()
            if command == b"DATA":
                self.answer(b"354 go on")
                taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                if len(taken) == 1:
                    return
            self.answer(b"221 bye" if command == b"QUIT" else b"250 ok")
            if command == b"QUIT":
                return

    def answer(self, text):
        self.wfile.write(text + b"\r\n")


print("emails", version("emails"))
ThreadingTCPServer.daemon_threads = True
with ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
    Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.server_address
    mail = emails.Message(subject="Hello", text="Hello", mail_from="news@example.com")
    response = mail.send(to="ada@example.org", smtp={"host": host, "port": port})
    server.shutdown()
print(f"sent once: status {response.status_code}, mails at the server: {len(taken)}")
raise SystemExit(0 if (response.status_code, len(taken)) == (250, 2) else 1)
PYTHON
