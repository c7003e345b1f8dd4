"""A server that speaks the part of Twilio's REST API that flowctl uses, on loopback only.

It does what it is told: each request for a text takes the next answer of its script, and what it
accepts it keeps, in memory and, if asked to, line by line in a file that survives being killed.
Also a program: ``python -m tests.support.twilio_server --port 0`` prints its URL and is then told
what to do by requests to ``/_script``, ``/_receive``, ``/_deliver`` and ``/_accepted``.
"""

import argparse
import base64
import json
import os
import re
import secrets
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

ACCOUNT_SID = "AC" + "0" * 31 + "1"
AUTH_TOKEN = "token-of-a-test"  # noqa: S105 - of nobody
FROM_NUMBER = "+14155550100"

_LONGEST_BODY = 1600


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do with one request for a text.

    ``accept``: take the text. ``status``, ``code``, ``message`` and ``headers`` make the answer, or
    ``raw`` its whole body. ``ending``: send it ``whole``, ``cut`` it in the middle of the body,
    ``drop`` the connection instead, or ``hang`` until the server closes.
    """

    accept: bool = True
    status: int = HTTPStatus.CREATED
    code: int | None = None
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    ending: Literal["whole", "cut", "drop", "hang"] = "whole"


ACCEPT = Answer()


def refuse(code: int | None, status: int = 400, message: str = "refused", **headers: str) -> Answer:
    """An error of the API; ``Retry_After="7"`` sets that header."""
    return Answer(
        accept=False,
        status=status,
        code=code,
        message=message,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def page(status: int, *, accept: bool = False) -> Answer:
    """A web page, as a proxy or a captive portal answers."""
    return Answer(accept=accept, status=status, raw="<html><body>not Twilio</body></html>")


@dataclass(slots=True)
class Text:
    """A text that the server has accepted or received."""

    sid: str
    to: str
    sender: str
    body: str
    created_at: datetime
    inbound: bool = False
    status: str = "queued"
    error_code: int | None = None
    service: str | None = None
    validity_period: int | None = None
    visible_after: int = 0


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
    accepted texts are appended to before they are answered. ``clock`` dates what it takes.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        journal: Path | None = None,
        lag: int = 0,
        clock: Callable[[], datetime] = _now,
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
        self._http = _HttpServer(self, port)
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
                journal.write(json.dumps(_as_json(text)).encode() + b"\n")
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


def _as_json(text: Text) -> dict[str, Any]:
    """The text as the API shows it."""
    return {
        "sid": text.sid,
        "to": text.to,
        "from": text.sender,
        "body": text.body,
        "status": text.status,
        "direction": "inbound" if text.inbound else "outbound-api",
        "error_code": text.error_code,
        "date_created": format_datetime(text.created_at),
        "date_sent": None,
        "date_updated": format_datetime(text.created_at),
        "messaging_service_sid": text.service,
        "num_segments": "1",
        "account_sid": ACCOUNT_SID,
    }


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, twilio: TwilioServer, port: int) -> None:
        self.twilio = twilio
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the class has it
        """Say nothing."""

    def do_POST(self) -> None:
        twilio = self.server.twilio
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path.startswith("/_"):
            self._control(json.loads(body or "null"))
            return
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        with twilio.lock:
            twilio.requests.append(("POST", form))
            answer = self._refusal() or _complaint(form) or twilio.next_answer(form["To"])
            accepted = _as_json(twilio.accept(form)) if answer.accept else None
        self._send(answer, accepted)

    def do_GET(self) -> None:
        twilio = self.server.twilio
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/_accepted":
            self._send(Answer(status=HTTPStatus.OK), [_as_json(t) for t in twilio.accepted])
            return
        if not parts.path.endswith("/Messages.json"):
            self._show_account(parts.path, query)
            return
        with twilio.lock:
            twilio.requests.append(("GET", query))
            answer = self._refusal() or twilio.next_list_answer()
            texts = twilio.listed(query)
        size, number = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        start = number * size
        following = parts.path + "?" + urlencode({**query, "Page": number + 1})
        self._send(
            answer,
            {
                "messages": [_as_json(text) for text in texts[start : start + size]],
                "page": number,
                "page_size": size,
                "next_page_uri": following if start + size < len(texts) else None,
                "uri": self.path,
            },
        )

    def _show_account(self, path: str, query: dict[str, str]) -> None:
        """The account itself, or those of its numbers that are asked for."""
        twilio = self.server.twilio
        base = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
        with twilio.lock:
            scripted = twilio.account_answers.popleft() if twilio.account_answers else None
        numbers = [
            {"sid": "PN" + "0" * 32, "phone_number": number, "capabilities": abilities}
            for number, abilities in twilio.numbers.items()
            if query.get("PhoneNumber", number) == number
        ]
        shown = {
            f"{base}.json": twilio.account,
            f"{base}/IncomingPhoneNumbers.json": {"incoming_phone_numbers": numbers},
        }.get(path)
        missing = None if shown else refuse(20404, HTTPStatus.NOT_FOUND, "not found")
        refusal = self._refusal() if self._is_wrong_login() else None
        self._send(refusal or scripted or missing or Answer(status=HTTPStatus.OK), shown)

    def _is_wrong_login(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given) != f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()

    def _refusal(self) -> Answer | None:
        """The answer to a request without the right credentials, or for another account."""
        if self._is_wrong_login():
            return refuse(20003, HTTPStatus.UNAUTHORIZED, "Authenticate")
        if not re.match(rf"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages\.json(\?|$)", self.path):
            return refuse(20404, HTTPStatus.NOT_FOUND, "The requested resource was not found")
        return None

    def _control(self, order: Any) -> None:
        """Do what a test in another process says."""
        twilio = self.server.twilio
        if self.path == "/_script":
            answers = [Answer(**answer) for answer in order["answers"]]
            if order.get("cycle"):
                twilio.cycle(*answers)
            else:
                twilio.script(*answers, number=order.get("number"))
        elif self.path == "/_receive":
            twilio.receive(order["sender"], order["body"])
        elif self.path == "/_deliver":
            twilio.deliver(order["sid"], order["status"], order.get("error_code"))
        self._send(Answer(status=HTTPStatus.OK), {})

    def _send(self, answer: Answer, record: Any) -> None:
        twilio = self.server.twilio
        if answer.ending == "hang":
            twilio.closing.wait()
        if answer.ending in {"hang", "drop"}:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = json.dumps(record if answer.status < HTTPStatus.BAD_REQUEST else _error(answer))
        content = content if answer.raw is None else answer.raw
        body = content.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html" if answer.raw else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.ending == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)


def _error(answer: Answer) -> dict[str, Any]:
    error: dict[str, Any] = {"message": answer.message, "status": answer.status}
    if answer.code is not None:
        error |= {"code": answer.code, "more_info": f"https://example.com/errors/{answer.code}"}
    return error


def _complaint(form: dict[str, str]) -> Answer | None:
    """What the API itself has against a request."""
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", "")):
        return refuse(21211, message="The 'To' number is not a valid phone number.")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return refuse(21603, message="A 'From' phone number is required.")
    if not form.get("Body"):
        return refuse(21602, message="Message body is required.")
    if len(form["Body"]) > _LONGEST_BODY:
        return refuse(21617, message="The concatenated message body exceeds the 1600 limit.")
    return None


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
