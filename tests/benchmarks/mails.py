"""Emails over real SMTP, against a bare loop of ``smtplib`` over as many connections.

``python -m tests.benchmarks.mails [--older PYTHON] [--connections 10 50]``. The server is postfix's
``smtp-sink``. The bare loop sends messages that are built already, and keeps its connections; it
takes turns with the builds in each round, and the best of each counts. What the conversation costs
without a database shows the transport alone, which composes and sends messages that are rendered.
"""

import json
import shutil
import smtplib
import socket
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from time import process_time
from uuid import UUID

from flowctl.cli import show
from flowctl.model import Channel, OutgoingMessage
from flowctl.settings import Settings
from flowctl.transports.smtp import SmtpTransport
from tests.benchmarks.builds import Build, Pace, add_step, arguments, best, builds, make_due
from tests.benchmarks.server import machine, timed
from tests.support.waiting import until

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "smtp-sink"
MESSAGE = b"From: us@example.com\r\nTo: you@example.com\r\nSubject: Hello\r\n\r\n" + b"x" * 600
BARE = "bare smtplib loop"
ALONE = "this build's transport alone"


def main() -> None:
    """Measure, and say what came out."""
    parser = arguments("Emails over real SMTP.", messages=6000)
    parser.add_argument("--connections", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--mails", type=int, help="messages a connection, else the build's own")
    given = parser.parse_args()
    found: dict[str, dict[str, Pace]] = {}
    with builds(given.older) as programs, _sink() as port:
        for build in programs:
            add_step(build.connection, "email")
        for connections in given.connections:
            runs: dict[str, Callable[[], Pace]] = {
                build.name: _dispatching(build, given.messages, connections, port, given.mails)
                for build in programs
            }
            runs[BARE] = lambda c=connections: bare_loop(given.messages, c, port)  # type: ignore[misc]
            runs[ALONE] = lambda c=connections: _transport(given.messages, c, port)  # type: ignore[misc]
            paces: defaultdict[str, list[Pace]] = defaultdict(list)
            for _ in range(given.rounds):
                for name, run in runs.items():
                    paces[name].append(run())
            found[str(connections)] = {name: best(measured) for name, measured in paces.items()}
    _say(found, given.messages, as_json=given.json)


def _say(found: dict[str, dict[str, Pace]], messages: int, *, as_json: bool) -> None:
    document = {
        connections: {
            name: {
                "messages_per_second": round(pace.rate),
                "cpu_us_per_message": round(pace.cpu),
                "of_bare_loop": round(pace.rate / paces[BARE].rate, 2),
            }
            for name, pace in paces.items()
        }
        for connections, paces in found.items()
    }
    if as_json:
        show.line(json.dumps({"messages": messages, "machine": machine(), **document}))
        return
    show.line(f"{messages} emails, {machine()}")
    for connections, paces in document.items():
        for name, pace in paces.items():
            show.line(
                f"{connections} connections, {name}: {pace['messages_per_second']:,.0f}/s, "
                f"{pace['of_bare_loop']:.2f} of the bare loop, "
                f"{pace['cpu_us_per_message']:.0f} us of CPU a message"
            )


def _dispatching(
    build: Build, messages: int, connections: int, port: int, mails: int | None
) -> Callable[[], Pace]:
    query = "?starttls=never" + (f"&mails={mails}" if mails else "")
    environ = {"EMAIL_FROM": "us@example.com", "SMTP_URL": f"smtp://127.0.0.1:{port}{query}"}
    options = ("--channel", "email", "--concurrency", str(connections))

    def run() -> Pace:
        make_due(build.connection, messages)
        return build.dispatch(*options, environ=environ, messages=messages)

    return run


def bare_loop(messages: int, connections: int, port: int) -> Pace:
    """As many threads as connections, each a loop over its share."""

    def send(count: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as session:
            for number in range(count):
                session.sendmail("us@example.com", f"lead{number}@example.com", MESSAGE)

    threads = [Thread(target=send, args=(messages // connections,)) for _ in range(connections)]
    before = process_time()
    with timed() as taken:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sent = messages // connections * connections
    return Pace(sent / taken.seconds, (process_time() - before) / sent * 1e6)


def _transport(messages: int, connections: int, port: int) -> Pace:
    """The transport with as many messages at once as there are connections."""
    environ = {"EMAIL_FROM": "us@example.com", "SMTP_URL": f"smtp://127.0.0.1:{port}"}
    settings = Settings.from_env(environ)
    assert settings.smtp is not None
    transport = SmtpTransport(settings.smtp, settings.email, concurrency=connections)
    rendered = [
        OutgoingMessage(
            UUID(int=n), str(n), Channel.EMAIL, f"lead{n}@example.com", "Hello", "x" * 75 + "\n"
        )
        for n in range(messages)
    ]
    outcomes: SimpleQueue[int] = SimpleQueue()
    before = process_time()
    with timed() as taken:
        prepared = [transport.prepare(message) for message in rendered]
        transport.hand_over(prepared, lambda given: outcomes.put(len(given)))
        left = messages
        while left:
            left -= outcomes.get()
    cpu = process_time() - before
    transport.close()
    return Pace(messages / taken.seconds, cpu / messages * 1e6)


@contextmanager
def _sink() -> Iterator[int]:
    """The port of a server that takes all and keeps nothing."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [SINK, "-u", "nobody", f"127.0.0.1:{port}", "500"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _is_up(port))
        yield port
    finally:
        process.terminate()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
