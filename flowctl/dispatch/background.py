"""Calls that run while their caller does something else: above all waiting for the database."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Background:
    """Runs calls one after another in a thread, which starts with the first of them.

    A process that ends does not wait for it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._last: Future[Any] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a call has not ended."""
        return self._last is not None and not self._last.done()

    def start(self, call: Callable[[], _Result]) -> "Future[_Result]":
        """Have ``call`` run; its result, or what it raises, is to be asked for."""
        future: Future[_Result] = Future()
        self._last = future

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
                future.set_exception(error)

        self._calls.put(run)
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return future

    def close(self) -> None:
        """Let the thread end, once it has run what it was given."""
        self._calls.put(None)

    def _work(self) -> None:
        while (run := self._calls.get()) is not None:
            run()
