"""A server that speaks the part of Twilio's REST API that flowctl uses, on loopback only.

It does what it is told: each request for a text takes the next answer of its script, and what it
accepts it keeps, in memory and, if asked to, line by line in a file that survives being killed.
Also a program: ``python -m tests.support.twilio_server --port 0`` prints its URL and is then told
what to do by requests to ``/_script``, ``/_receive``, ``/_deliver`` and ``/_accepted``.
"""

import argparse
import json
import os
import secrets
import ssl
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import requests

from tests.support.twilio_answers import (
    ACCEPT,
    ACCOUNT_SID,
    AUTH_TOKEN,
    FROM_NUMBER,
    Answer,
    Text,
    as_json,
)
from tests.support.twilio_http import HttpServer


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a provider has a clock of its own


def twilio_environ(url: str) -> dict[str, str]:
    """The variables that point flowctl at a server."""
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": FROM_NUMBER,
        "TWILIO_API_URL": url,
    }


class TwilioServer:
    """The server, running from the moment it is made; a context manager that stops it.

    ``lag`` is how many list requests a new text is missing from. ``journal`` is the file that
    accepted texts are appended to before they are answered. ``clock`` dates what it takes. With
    ``tls`` it is spoken to over TLS.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        journal: Path | None = None,
        lag: int = 0,
        clock: Callable[[], datetime] = _now,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.texts: list[Text] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.account: dict[str, Any] = {
            "sid": ACCOUNT_SID, "status": "active", "type": "Full", "friendly_name": "Acme",
        }  # fmt: skip
        self.numbers: dict[str, dict[str, bool]] = {FROM_NUMBER: {"sms": True, "voice": True}}
        self.account_answers: deque[Answer] = deque()
        self.lag = lag
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._clock = clock
        self._journal = journal
        self._script: deque[Answer] = deque()
        self._for_number: dict[str, deque[Answer]] = {}
        self._cycle: list[Answer] = []
        self._lists_script: deque[Answer] = deque()
        self._posts = 0
        self._lists = 0
        self._http = HttpServer(self, port)
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def environ(self) -> dict[str, str]:
        """The variables that point flowctl at this server."""
        return twilio_environ(self.url)

    @property
    def accepted(self) -> list[Text]:
        """The texts it took, in order."""
        with self.lock:
            return [text for text in self.texts if not text.inbound]

    def script(self, *answers: Answer, number: str | None = None) -> None:
        """Answer the next requests so, or the next ones for a number; afterwards accept again."""
        with self.lock:
            queue = self._for_number.setdefault(number, deque()) if number else self._script
            queue.extend(answers)

    def script_lists(self, *answers: Answer) -> None:
        """Answer the next requests for a page of the list so."""
        with self.lock:
            self._lists_script.extend(answers)

    def cycle(self, *answers: Answer) -> None:
        """Answer so for ever, in turn, whatever no script is for."""
        with self.lock:
            self._cycle = list(answers)

    def deliver(self, sid: str, status: str, error_code: int | None = None) -> None:
        """Say what became of a text."""
        with self.lock:
            text = next(text for text in self.texts if text.sid == sid)
            text.status, text.error_code = status, error_code

    def receive(self, sender: str, body: str, to: str = FROM_NUMBER) -> Text:
        """A reply of a lead."""
        with self.lock:
            text = self._new_text(to, sender, body)
            text.inbound, text.status, text.visible_after = True, "received", 0
            return text

    def close(self) -> None:
        """Let go of whoever hangs, and stop."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_answer(self, number: str) -> Answer:
        """The answer for the next request; called by the handler, under the lock."""
        self._posts += 1
        if self._for_number.get(number):
            return self._for_number[number].popleft()
        if self._script:
            return self._script.popleft()
        return self._cycle[self._posts % len(self._cycle)] if self._cycle else ACCEPT

    def next_list_answer(self) -> Answer:
        """The answer for a page of the list; called by the handler, under the lock."""
        return self._lists_script.popleft() if self._lists_script else Answer(status=HTTPStatus.OK)

    def accept(self, form: dict[str, str]) -> Text:
        """Keep a text; called by the handler, under the lock."""
        text = self._new_text(form["To"], form.get("From", FROM_NUMBER), form["Body"])
        text.service = form.get("MessagingServiceSid")
        text.visible_after = self._lists + self.lag
        text.status = "accepted" if text.service else "queued"
        if "ValidityPeriod" in form:
            text.validity_period = int(form["ValidityPeriod"])
        if self._journal is not None:
            with self._journal.open("ab", buffering=0) as journal:
                journal.write(json.dumps(as_json(text)).encode() + b"\n")
        return text

    def listed(self, query: dict[str, str]) -> list[Text]:
        """The texts that a list request gets, newest first; called under the lock."""
        self._lists += 1
        wanted = [text for text in self.texts if text.visible_after < self._lists]
        if "To" in query:
            wanted = [text for text in wanted if text.to == query["To"]]
        if "DateSent>" in query:
            after = datetime.fromisoformat(query["DateSent>"])
            after = after if after.tzinfo else after.replace(tzinfo=UTC)
            wanted = [text for text in wanted if text.created_at >= after]
        return wanted[::-1]

    def _new_text(self, to: str, sender: str, body: str) -> Text:
        text = Text(f"SM{secrets.token_hex(16)}", to, sender, body, self._clock())
        self.texts.append(text)
        return text


def main(arguments: Iterable[str] | None = None) -> None:
    """Run until killed. The first line of standard output is the URL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--lag", type=int, default=0)
    options = parser.parse_args(None if arguments is None else list(arguments))
    with TwilioServer(port=options.port, journal=options.journal, lag=options.lag) as server:
        os.write(sys.stdout.fileno(), f"{server.url}\n".encode())
        server.closing.wait()


def send_order(url: str, order: str, details: dict[str, Any]) -> None:
    """Tell a server in another process what to do: ``script``, ``receive`` or ``deliver``."""
    requests.post(f"{url}/_{order}", json=details, timeout=60).raise_for_status()


def script(url: str, *answers: Answer, number: str | None = None, cycle: bool = False) -> None:
    """Script a server in another process, as ``TwilioServer.script`` and ``cycle`` do."""
    order = {"answers": [asdict(answer) for answer in answers], "number": number, "cycle": cycle}
    send_order(url, "script", order)


def accepted_by(url: str) -> list[dict[str, Any]]:
    """The texts that a server in another process has accepted, as the API shows them."""
    texts: list[dict[str, Any]] = requests.get(f"{url}/_accepted", timeout=60).json()
    return texts


if __name__ == "__main__":
    main()
