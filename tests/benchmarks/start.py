"""What starting the program costs: CPU seconds of whole processes, the least of many.

``python -m tests.benchmarks.start [TIMES]``
"""

import subprocess
import sys

from flowctl.cli import show
from tests.benchmarks.server import children_cpu, durable_database, machine, user_environ

PROGRAMS = {
    "bare Python": ("-c", "pass"),
    "flowctl --help": ("-m", "flowctl", "--help"),
    "flowctl status": ("-m", "flowctl", "status"),
    "flowctl dispatch --once": ("-m", "flowctl", "dispatch", "--once"),
}


def main(times: int = 20) -> None:
    """Measure, and say what came out."""
    with durable_database() as conninfo:
        show.line(f"CPU of a process, least of {times}, {machine()}")
        for name, arguments in PROGRAMS.items():
            least = min(_cpu(arguments, conninfo) for _ in range(times))
            show.line(f"{name}: {least * 1000:.0f} ms")


def _cpu(arguments: tuple[str, ...], conninfo: str) -> float:
    before = children_cpu()
    subprocess.run(
        [sys.executable, *arguments],
        env={**user_environ(), "DATABASE_URL": conninfo},
        capture_output=True,
        check=True,
    )
    return children_cpu() - before


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
