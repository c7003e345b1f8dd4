"""Emails to a server that answers late, as one at the other end of a country does.

``python -m tests.benchmarks.slow_mails [--older PYTHON] [--connections 10] [--latency 0.02]``. An
email is four answers long: MAIL, RCPT, DATA, the text; so no more can be sent than a quarter of the
connections in each span of the latency, unless the server takes commands together (RFC 2920). Once
over connections that are kept, once over such that are renewed as often as they are by default. A
bare loop of ``smtplib`` in as many threads, which uses neither, shows what the server itself takes.
"""

import json
from collections import defaultdict

from flowctl.cli import show
from tests.benchmarks.builds import Build, Pace, add_step, arguments, best, builds, make_due
from tests.benchmarks.mails import bare_loop
from tests.benchmarks.providers import provider
from tests.benchmarks.server import machine

ANSWERS = 4
KINDS = {"one by one": "smtp", "together": "pipelining"}
QUERIES = {"kept": "&mails=1000", "renewed": ""}


def main() -> None:
    """Measure, and say what came out."""
    parser = arguments("Emails to a server that answers late.", messages=2000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.02)
    given = parser.parse_args()
    limit = given.connections / (ANSWERS * given.latency)
    paces: defaultdict[str, list[Pace]] = defaultdict(list)
    with builds(given.older) as programs:
        for build in programs:
            add_step(build.connection, "email")
        for kind, server in KINDS.items():
            with provider(server, given.latency) as port:
                for _ in range(given.rounds):
                    bare = bare_loop(given.messages, given.connections, port)
                    paces[f"bare smtplib loop, {server}"].append(bare)
                    for build in programs:
                        for name, query in QUERIES.items():
                            if query and build is not programs[0]:
                                continue  # an older one may not know it
                            url = f"smtp://127.0.0.1:{port}?starttls=never{query}"
                            pace = _dispatch(build, given.messages, given.connections, url)
                            paces[f"{build.name}, commands {kind}, {name}"].append(pace)
    rates = {name: round(best(found).rate, 1) for name, found in paces.items()}
    if given.json:
        show.line(json.dumps({"machine": machine(), "limit": limit, "messages_per_second": rates}))
        return
    show.line(
        f"{given.messages} emails, {given.connections} connections, {given.latency * 1000:.0f} ms,"
        f" at most {limit:,.0f}/s one by one, {machine()}"
    )
    for name, rate in rates.items():
        show.line(f"{name}: {rate:,.0f}/s, {rate / limit:.2f} of that")


def _dispatch(build: Build, messages: int, connections: int, url: str) -> Pace:
    make_due(build.connection, messages)
    options = ("--channel", "email", "--concurrency", str(connections))
    environ = {"EMAIL_FROM": "us@example.com", "SMTP_URL": url}
    return build.dispatch(*options, environ=environ, messages=messages)


if __name__ == "__main__":
    main()
