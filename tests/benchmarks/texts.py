"""Texts through Twilio's client, against the latency of their provider.

``python -m tests.benchmarks.texts [--older PYTHON] [--concurrency 32] [--messages N]``. The
provider answers each request after 100 ms, and then at once. With a latency no more can be sent
than as many messages as are in flight in each span of it. The best of the rounds counts.
"""

import json
from collections import defaultdict

from flowctl.cli import show
from tests.benchmarks.builds import Build, Pace, add_step, arguments, best, builds, make_due
from tests.benchmarks.providers import provider
from tests.benchmarks.server import machine
from tests.support.twilio_answers import ACCOUNT_SID, AUTH_TOKEN, FROM_NUMBER

LATENCIES = (0.1, 0.0)


def main() -> None:
    """Measure, and say what came out."""
    parser = arguments("Texts through Twilio's client.", messages=6000)
    parser.add_argument("--concurrency", type=int, default=32)
    given = parser.parse_args()
    document: dict[str, dict[str, dict[str, float]]] = {}
    with builds(given.older) as programs:
        for build in programs:
            add_step(build.connection, "text")
        for latency in LATENCIES:
            limit = given.concurrency / latency if latency else None
            paces: defaultdict[str, list[Pace]] = defaultdict(list)
            with provider("twilio", latency) as port:
                for _ in range(given.rounds):
                    for build in programs:
                        paces[build.name].append(
                            _dispatch(build, given.messages, given.concurrency, port)
                        )
            document[f"{latency * 1000:.0f} ms"] = {
                name: _figures(best(found), limit) for name, found in paces.items()
            }
    if given.json:
        show.line(json.dumps({"machine": machine(), **document}))
        return
    show.line(f"{given.messages} texts, {given.concurrency} in flight, {machine()}")
    for latency_name, figures in document.items():
        for name, figure in figures.items():
            said = ", ".join(f"{value:,.2f} {key}" for key, value in figure.items())
            show.line(f"latency {latency_name}, {name}: {said}")


def _figures(pace: Pace, limit: float | None) -> dict[str, float]:
    figures = {"messages/s": round(pace.rate), "us of CPU a message": round(pace.cpu)}
    return figures | ({} if limit is None else {"of concurrency/latency": pace.rate / limit})


def _dispatch(build: Build, messages: int, concurrency: int, port: int) -> Pace:
    environ = {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM_NUMBER": FROM_NUMBER,
        "TWILIO_API_URL": f"http://127.0.0.1:{port}",
    }
    make_due(build.connection, messages)
    options = ("--channel", "text", "--concurrency", str(concurrency))
    return build.dispatch(*options, environ=environ, messages=messages)


if __name__ == "__main__":
    main()
