"""What claiming costs the server, with and without a send window.

``python -m tests.benchmarks.claims [--messages N] [--rounds N] [--older PYTHON] [--json]``. The
builds take turns in one run on one server. Microseconds are of CPU in the server's process, for
each message, which other work on the machine does not change; the least of the rounds counts.
"""

import json

from flowctl.cli import show
from tests.benchmarks import builds
from tests.benchmarks.builds import Build
from tests.benchmarks.server import machine

WINDOWS = {"no window": None, "a window": '{"start": "12:01 AM", "end": "12:00 AM"}'}
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo")

CLAIM = """
import os, sys
from datetime import timedelta
from uuid import uuid4
from flowctl import database
from flowctl.model import Channel
try:
    from flowctl.store.claims import claim_due
    from flowctl.store.runs import Run
except ImportError:
    from flowctl.store.sends import Run, claim_due

def cpu(pid):
    ticks = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

with database.connect(os.environ["DATABASE_URL"]) as connection:
    run = Run(uuid4(), timedelta(minutes=10))
    claimed, before = 0, cpu(connection.info.backend_pid)
    while rows := claim_due(connection, run, Channel.EMAIL, batch_size=500):
        claimed += len(rows)
    assert claimed == int(sys.argv[1]), claimed
    print((cpu(connection.info.backend_pid) - before) / claimed * 1e6)
"""


def main() -> None:
    """Measure, and say what came out."""
    options = builds.arguments(__doc__ or "", messages=20_000).parse_args()
    document: dict[str, dict[str, float]] = {}
    with builds.builds(options.older) as present:
        for build in present:
            builds.add_step(build.connection, "email")
        for name, window in WINDOWS.items():
            costs: dict[str, list[float]] = {build.name: [] for build in present}
            for _ in range(options.rounds):
                for build in present:
                    _prepare(build, window, options.messages)
                    costs[build.name].append(build.script(CLAIM, str(options.messages)))
            document[name] = {build: min(found) for build, found in costs.items()}
    if options.json:
        show.line(json.dumps(document))
        return
    show.line(f"{options.messages} messages, {options.rounds} rounds, {machine()}")
    for name, least in document.items():
        show.line(f"{name}: " + ", ".join(f"{one} {us:.1f} us" for one, us in least.items()))


def _prepare(build: Build, window: str | None, messages: int) -> None:
    build.connection.execute("update flows set send_window = %s::jsonb", (window,))
    builds.make_due(build.connection, messages)
    build.connection.execute(
        "update leads set timezone = (%s::text[])[1 + abs(hashtext(email)) %% 3]", (list(ZONES),)
    )


if __name__ == "__main__":
    main()
