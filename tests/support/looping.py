"""A dispatcher that loops in a thread while a test does something else."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from flowctl.dispatch.dispatcher import Dispatcher
from flowctl.dispatch.events import Totals


@contextmanager
def looping(dispatcher: Dispatcher) -> Iterator[Future[Totals]]:
    """Let it loop inside the block, and tell it to stop at the end; then it has ended."""
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(dispatcher.run_loop)
        try:
            yield future
        finally:
            dispatcher.stop()
