"""What a submission server of the tests says to each client."""

import base64
import json
import re
import socket
import socketserver
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from tests.support.smtp_moves import USER, At, Mail, Move

if TYPE_CHECKING:
    from tests.support.smtp_server import SmtpServer


@dataclass(slots=True)
class _State:
    """What one connection has said so far."""

    user: str | None = None
    over_tls: bool = False
    sender: str | None = None
    mails: int = 0
    resets: int = 0
    options: str = ""
    recipient_options: str = ""
    recipients: list[str] = field(default_factory=list)


class TcpServer(socketserver.ThreadingTCPServer):
    """Its side of TCP, a thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, smtp: "SmtpServer", port: int) -> None:
        self.smtp = smtp
        super().__init__(("127.0.0.1", port), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug of the server's."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Gone(Exception):
    """The connection is over."""


class _Connection(socketserver.BaseRequestHandler):
    """One client's commands, until it quits or a move ends it."""

    server: TcpServer
    request: socket.socket

    def handle(self) -> None:
        self.smtp = self.server.smtp
        self.state = _State(over_tls=self.smtp.tls == "implicit")
        with self.smtp.lock:
            self.smtp.connections += 1
            if self.smtp.open_connections == self.smtp.most_connections:
                return
            self.smtp.open_connections += 1
            self.smtp.most_open = max(self.smtp.most_open, self.smtp.open_connections)
        with suppress(_Gone):
            self._converse()

    def _converse(self) -> None:
        try:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Little room, so that a client that writes a large message notices who does not read.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            if self.smtp.tls == "implicit":
                self._start_tls()
            self._read_from()
            self._answer("connect", "220 test ESMTP")
            while line := self.input.readline():
                self._command(line.decode("utf-8", "replace").rstrip("\r\n"))
        finally:
            with self.smtp.lock:
                self.smtp.open_connections -= 1

    def finish(self) -> None:
        """Close what TLS has put in place of the plain connection, too."""
        with suppress(OSError):
            self.request.close()

    def _command(self, line: str) -> None:
        verb, _, argument = line.partition(" ")
        with self.smtp.lock:
            self.smtp.commands.append(verb.upper())
        handler = getattr(self, f"_{verb.lower()}", None)
        if handler is None:
            self._say("502 5.5.1 what?")
        else:
            handler(argument)

    def _ehlo(self, _: str) -> None:
        offers = list(self.smtp.extensions)
        if self.smtp.tls == "starttls" and not self.state.over_tls:
            offers.append("STARTTLS")
        if self.smtp.password is not None and (self.smtp.tls == "none" or self.state.over_tls):
            offers.append(f"AUTH {self.smtp.mechanisms}")
        lines = ["test", *offers]
        text = "\r\n".join(f"250-{line}" for line in lines[:-1])
        self._answer("ehlo", f"{text}\r\n250 {lines[-1]}" if text else f"250 {lines[-1]}")

    def _helo(self, _: str) -> None:
        self._answer("helo", "250 test")

    def _starttls(self, _: str) -> None:
        if self._answer("starttls", "220 go ahead"):
            self._start_tls()
            self._read_from()
            self.state = _State(over_tls=True)

    def _auth(self, argument: str) -> None:
        mechanism, _, given = argument.partition(" ")
        if mechanism == "PLAIN":
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            user, password = self._ask("Username:"), self._ask("Password:")
        if (user, password) == (USER, self.smtp.password):
            if self._answer("auth", "235 2.7.0 welcome"):
                self.state.user = user
        else:
            self._answer("auth", f"535 5.7.8 wrong password {password} for {user}")

    def _mail(self, argument: str) -> None:
        found = re.fullmatch(r"FROM:<([^>]*)>(.*)", argument, re.IGNORECASE)
        if found is None:
            self._say("501 5.5.4 syntax")
        elif self.smtp.password is not None and self.state.user is None:
            self._say("530 5.7.0 authentication required")
        elif self.state.mails == self.smtp.most_mails:
            self._say("452 4.5.3 Too many recipients: Too many messages sent")
        elif self._answer("mail", "250 2.1.0 ok"):
            self.state.mails += 1
            self.state.sender, self.state.options = found[1], found[2].strip()
            self.state.recipients = []

    def _rcpt(self, argument: str) -> None:
        found = re.fullmatch(r"TO:<([^>]*)>(.*)", argument, re.IGNORECASE)
        if found is None or self.state.sender is None:
            self._say("503 5.5.1 not now")
        elif self._answer("rcpt", "250 2.1.5 ok", found[1]):
            self.state.recipients.append(found[1])
            self.state.recipient_options = found[2].strip()

    def _data(self, _: str) -> None:
        if not self.state.recipients:
            if not self.smtp.is_hasty:
                self._say("503 5.5.1 not now")
                return
            self._say("354 go ahead")
            text = b"".join(iter(self.input.readline, b".\r\n"))
            self.smtp.to_nobody.append(text)
            self._say("554 5.5.1 no valid recipients")
            return
        recipient = self.state.recipients[0]
        if not self._answer("data", "354 go ahead", recipient):
            return
        move = self.smtp.take_move("text", recipient)
        lines = []
        while (line := self.input.readline()) != b".\r\n":
            if not line or move is not None:
                self._end(move or Move("text", ending="drop"))
            lines.append(line[1:] if line.startswith(b".") else line)
        move = self.smtp.take_move("dot", recipient)
        if move is None or move.accept:
            for each in self.state.recipients:
                self.smtp.keep(self._mail_to(each, b"".join(lines)))
        self.state.sender = None
        self._make(move, "250 2.0.0 queued as 42")
        after = self.smtp.take_move("after", recipient)
        if after is not None:
            self._make(after, "421 4.4.2 idle for too long")

    def _mail_to(self, recipient: str, content: bytes) -> Mail:
        state = self.state
        return Mail(
            state.sender or "",
            recipient,
            content,
            state.options,
            state.user,
            state.over_tls,
            state.recipient_options,
        )

    def _rset(self, _: str) -> None:
        self.state.sender = None
        if self.state.resets == self.smtp.most_resets:
            self._say("421 4.7.0 too many nonmail commands")
            self._end(Move("mail", ending="drop"))
        self.state.resets += 1
        self._say("250 2.0.0 ok")

    def _quit(self, _: str) -> None:
        self._say("221 2.0.0 bye")
        raise _Gone

    def _xscript(self, argument: str) -> None:
        self.smtp.script(*(Move(**move) for move in json.loads(argument)))
        self._say("250 ok")

    def _ask(self, question: str) -> str:
        self._say(f"334 {base64.b64encode(question.encode()).decode()}")
        return base64.b64decode(self.input.readline()).decode()

    def _answer(self, at: At, usual: str, recipient: str | None = None) -> bool:
        """Say the usual or what the script says; whether it was the usual or as good."""
        move = self.smtp.take_move(at, recipient)
        if move is not None and move.reply is not None:
            move = replace(move, reply=move.reply.replace("{recipient}", recipient or ""))
        self._make(move, usual)
        return move is None or move.reply is None or move.reply[:1] in "23"

    def _make(self, move: Move | None, usual: str) -> None:
        if move is None:
            self._say(usual)
            return
        if move.ending == "wait":
            self.smtp.waiting.set()
            self.smtp.released.wait()
        if move.reply is not None or move.ending in {"go on", "wait"}:
            self._say(usual if move.reply is None else move.reply)
        if move.ending in {"drop", "hang"}:
            self._end(move)

    def _end(self, move: Move) -> None:
        if move.ending == "hang":
            self.smtp.closing.wait()
        self.request.shutdown(socket.SHUT_RDWR)
        raise _Gone

    def _say(self, reply: str) -> None:
        self.request.sendall(reply.encode() + b"\r\n")

    def _start_tls(self) -> None:
        if self.smtp.context is not None:
            self.request = self.smtp.context.wrap_socket(self.request, server_side=True)

    def _read_from(self) -> None:
        self.input: BinaryIO = self.request.makefile("rb")
