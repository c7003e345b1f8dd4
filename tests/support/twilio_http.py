"""What Twilio's server of the tests says over HTTP."""

import base64
import json
import re
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.twilio_answers import ACCOUNT_SID, AUTH_TOKEN, Answer, as_json, refuse

if TYPE_CHECKING:
    from tests.support.twilio_server import TwilioServer


_LONGEST_BODY = 1600


class HttpServer(ThreadingHTTPServer):
    """Its side of HTTP, a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, twilio: "TwilioServer", port: int) -> None:
        self.twilio = twilio
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HttpServer

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
            accepted = as_json(twilio.accept(form)) if answer.accept else None
        self._send(answer, accepted)

    def do_GET(self) -> None:
        twilio = self.server.twilio
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/_accepted":
            self._send(Answer(status=HTTPStatus.OK), [as_json(t) for t in twilio.accepted])
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
                "messages": [as_json(text) for text in texts[start : start + size]],
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
