"""Threads for what blocks: opening and ending connections."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Semaphore, Thread


class Workers:
    """Does pieces of work, all at once; a thread that is done is kept for the next piece.

    One thread asks. Nobody waits for the threads: what blocks may do so for minutes.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = Semaphore(0)
        self._count = 0

    def do(self, work: Callable[[], None]) -> None:
        """Have ``work``, which raises nothing, done in a thread."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False):
            self._count += 1
            Thread(target=self._run, name="smtp-worker", daemon=True).start()

    def close(self) -> None:
        """Let the threads end."""
        for _ in range(self._count):
            self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            self._idle.release()
