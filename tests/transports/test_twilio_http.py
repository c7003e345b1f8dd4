"""How requests reach Twilio: over connections that are kept, through proxies, over TLS."""

import socket
import ssl
import struct
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest
import trustme

from flowctl.errors import ProviderStopped
from flowctl.model import OutcomeKind
from flowctl.settings import Settings
from flowctl.transports.twilio import TwilioTransport
from flowctl.transports.twilio.http import HttpTimeouts, PooledHttpClient
from tests.support.http_server import accept, listening, read_request
from tests.support.outgoing import a_text
from tests.support.twilio_answers import Answer
from tests.support.twilio_server import TwilioServer, twilio_environ

HOST = "api.twilio.example"
"""A name that resolves nowhere: only a proxy knows the way."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a connection that is closed is reset."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def a_transport(url: str) -> TwilioTransport:
    settings = Settings.from_env(twilio_environ(url)).twilio
    assert settings is not None
    return TwilioTransport(settings)


def test_a_connection_is_kept() -> None:
    connections: list[int] = []

    def talk(line: socket.socket) -> None:
        connections.append(1)
        while read_request(line):
            accept(line, len(connections))

    with listening(talk) as port:
        transport = a_transport(f"http://127.0.0.1:{port}")
        kinds = [transport.send(a_text()).kind for _ in range(3)]
        transport.close()
    assert kinds == [OutcomeKind.ACCEPTED] * 3
    assert len(connections) == 1


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing() -> None:
    requests: list[bytes] = []
    closed = Event()

    def talk(line: socket.socket) -> None:
        requests.append(read_request(line))
        accept(line, len(requests))
        line.shutdown(socket.SHUT_RDWR)
        line.close()
        closed.set()

    with listening(talk) as port:
        transport = a_transport(f"http://127.0.0.1:{port}")
        for _ in range(3):
            assert transport.send(a_text()).kind is OutcomeKind.ACCEPTED
            assert closed.wait(60)
            closed.clear()
        transport.close()
    assert len(requests) == 3


@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "half read"])
def test_a_kept_connection_that_ends_under_a_request_leaves_it_unknown(
    is_reset: bool, is_read: bool
) -> None:
    requests: list[bytes] = []

    def talk(line: socket.socket) -> None:
        requests.append(read_request(line))
        accept(line, 1)
        requests.append(read_request(line) if is_read else line.recv(20))
        if is_reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        line.close()

    with listening(talk) as port:
        transport = a_transport(f"http://127.0.0.1:{port}")
        kinds = [transport.send(a_text()).kind for _ in range(2)]
        transport.close()
    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN]
    assert len(requests) == 2


def test_a_question_that_is_lost_is_not_asked_again() -> None:
    requests: list[bytes] = []

    def talk(line: socket.socket) -> None:
        requests.append(read_request(line))

    with listening(talk) as port, pytest.raises(ProviderStopped):
        a_transport(f"http://127.0.0.1:{port}").find(
            "+14155550123", datetime(2026, 3, 2, tzinfo=UTC)
        )
    assert len(requests) == 1


def test_an_answer_in_another_encoding_is_read() -> None:
    def talk(line: socket.socket) -> None:
        read_request(line)
        body = '{"code": 21617, "message": "niño"}'.encode("latin-1")
        line.sendall(
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )

    with listening(talk) as port:
        outcome = a_transport(f"http://127.0.0.1:{port}").send(a_text())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "21617")


def test_a_value_that_is_not_given_is_left_out() -> None:
    requests: list[bytes] = []

    def talk(line: socket.socket) -> None:
        requests.append(read_request(line))
        accept(line, 1)

    with listening(talk) as port:
        client = PooledHttpClient(HttpTimeouts())
        client.request("post", f"http://127.0.0.1:{port}/", {"a": None}, {"To": "1", "Body": None})
        client.close()
    assert requests[0].startswith(b"POST / ")
    assert requests[0].endswith(b"\r\n\r\nTo=1")


def pass_on(here: socket.socket, there: socket.socket) -> None:
    """Both ways, until one end closes."""

    def one_way(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # the other way is closed
            while block := source.recv(65536):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)

    back = Thread(target=one_way, args=(there, here), daemon=True)
    back.start()
    one_way(here, there)
    back.join(60)


@pytest.fixture
def behind_a_proxy(
    authority: trustme.CA, cafile: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TwilioServer, list[bytes]]]:
    """A server that speaks TLS, the only way to which is a proxy; and what the proxy was asked."""
    asked: list[bytes] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cafile))
    with ExitStack() as stack:
        server = stack.enter_context(TwilioServer(tls=tls))
        port = int(server.url.rpartition(":")[2])

        def talk(line: socket.socket) -> None:
            asked.append(read_request(line))
            line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as there:
                pass_on(line, there)

        proxy = stack.enter_context(listening(talk))
        monkeypatch.setenv("HTTPS_PROXY", f"http://us:secret@127.0.0.1:{proxy}")
        yield server, asked


def test_a_proxy_of_the_environment_is_used(
    behind_a_proxy: tuple[TwilioServer, list[bytes]],
) -> None:
    server, asked = behind_a_proxy
    transport = a_transport(f"https://{HOST}")
    kinds = [transport.send(a_text()).kind for _ in range(2)]
    transport.close()
    assert kinds == [OutcomeKind.ACCEPTED] * 2
    assert len(server.accepted) == 2
    (connect,) = asked
    assert connect.startswith(f"CONNECT {HOST}:443 HTTP/1.".encode())
    assert b"Proxy-Authorization: Basic dXM6c2VjcmV0" in connect


def test_a_text_that_is_lost_behind_a_proxy_is_unknown(
    behind_a_proxy: tuple[TwilioServer, list[bytes]],
) -> None:
    server, _ = behind_a_proxy
    server.script(Answer(ending="drop"))
    assert a_transport(f"https://{HOST}").send(a_text()).kind is OutcomeKind.UNKNOWN
    assert len(server.accepted) == 1


def test_a_connection_through_a_proxy_that_has_ended_is_made_anew(
    behind_a_proxy: tuple[TwilioServer, list[bytes]],
) -> None:
    server, asked = behind_a_proxy
    server.script(*[Answer(headers={"Connection": "close"})] * 2)
    transport = a_transport(f"https://{HOST}")
    assert [transport.send(a_text()).kind for _ in range(2)] == [OutcomeKind.ACCEPTED] * 2
    transport.close()
    assert len(asked) == 2


def test_no_proxy_of_the_environment_counts(
    behind_a_proxy: tuple[TwilioServer, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = behind_a_proxy
    monkeypatch.setenv("NO_PROXY", "twilio.example")
    assert a_transport(f"https://{HOST}").send(a_text()).kind is OutcomeKind.CHANNEL_STOPPED
    assert asked == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("is_there", [True, False], ids=["another", "none"])
def test_an_authority_that_is_not_trusted_stops_the_channel(
    behind_a_proxy: tuple[TwilioServer, list[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    is_there: bool,
) -> None:
    server, _ = behind_a_proxy
    other = tmp_path / "other.pem"
    if is_there:
        trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv(variable, str(other))
    outcome = a_transport(f"https://{HOST}").send(a_text())
    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED
    assert server.requests == []


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b"", b"nonsense\r\n\r\n"]
)
@pytest.mark.usefixtures("behind_a_proxy")
def test_a_proxy_that_lets_nobody_through_stops_the_channel(
    monkeypatch: pytest.MonkeyPatch, reply: bytes
) -> None:
    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall(reply)

    with listening(talk) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        outcome = a_transport(f"https://{HOST}").send(a_text())
    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED


@pytest.mark.parametrize("proxy", ["http://", "socks9://127.0.0.1:1", "http://127.0.0.1:notaport"])
def test_a_proxy_that_is_none_stops_the_channel(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    outcome = a_transport(f"https://{HOST}").send(a_text())
    assert outcome.kind is OutcomeKind.CHANNEL_STOPPED


def test_a_host_of_this_machine_is_reached_without_a_proxy(
    twilio: TwilioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert a_transport(twilio.url).send(a_text()).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize("secret", ["hunter2", "a:b", "with a blank"])
def test_a_login_reaches_the_server_as_it_is(secret: str) -> None:
    found: list[bytes] = []

    def talk(line: socket.socket) -> None:
        found.append(read_request(line))
        accept(line, 1)

    with listening(talk) as port:
        environ = {**twilio_environ(f"http://127.0.0.1:{port}"), "TWILIO_AUTH_TOKEN": secret}
        settings = Settings.from_env(environ).twilio
        assert settings is not None
        transport = TwilioTransport(settings)
        assert transport.send(a_text()).kind is OutcomeKind.ACCEPTED
        transport.close()
    login = found[0].partition(b"Authorization: Basic ")[2].partition(b"\r\n")[0]
    assert b64decode(login).decode() == f"{environ['TWILIO_ACCOUNT_SID']}:{secret}"
