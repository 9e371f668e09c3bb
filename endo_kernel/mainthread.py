"""The queue of work for the thread that owns the user's objects.

The daemon puts jobs in; the thread that runs the user's cells takes them out, between cells (`drain`) or while a cell waits
(`serve`). Jobs run one at a time, in the order in which they came, and never in the middle of a cell that does not wait.
What schedules `drain` between cells is the kernel's affair: it hands in `nudge`.

Nothing here takes a lock that an interrupt could leave held: a turn belongs to whoever pops it from one dict.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from endo_kernel.errors import StepFailed

T = TypeVar("T")


class _Turn:
    """One job on its way through the main thread, and the future of whoever asked for it."""

    __slots__ = ("_answered", "_loop", "asked", "job", "label", "number")

    def __init__(self, number: int, job: Callable[[], Any], label: str, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        self.job = job
        self.label = label
        self.asked: asyncio.Future[Any] = loop.create_future()
        self._loop = loop
        self._answered = False

    def wanted(self) -> bool:
        """Say whether anybody still waits for the answer."""
        return not (self._loop.is_closed() or self.asked.cancelled())

    def perform(self) -> None:
        """Run the job and answer with what it gave or raised; raises nothing itself."""
        result: Any = None
        error: Exception | None = None
        try:
            result = self.job()
        except BaseException as raised:  # noqa: BLE001 - whatever a job raises is its answer
            error = self._bearable(raised)
        while not self._answered:  # an interrupt in here comes after the job: the answer still has to leave
            with contextlib.suppress(KeyboardInterrupt):
                self._answer(result, error)
                self._answered = True

    def _bearable(self, raised: BaseException) -> Exception:
        """Give the exception as one that an event loop survives: it ends at KeyboardInterrupt, SystemExit and StopIteration."""
        if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
            return raised
        if isinstance(raised, KeyboardInterrupt):
            bearable = StepFailed(f"{self.label} was interrupted by the host")
        else:
            bearable = StepFailed(f"{self.label} raised {type(raised).__name__}, which ends loops and processes")
        bearable.__cause__ = raised
        return bearable

    def _answer(self, result: Any, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop closed meanwhile: nobody is left to tell
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: Exception | None) -> None:
        if self.asked.done():
            return
        if error is None:
            self.asked.set_result(result)
        else:
            self.asked.set_exception(error)


class MainQueue:
    """The main thread, as the daemon sees it; lives as long as the process.

    Holding one gives the power to run code on the thread of the user's cells. `nudge`, where set, is called from the daemon's
    thread whenever a job has come, so that the kernel can schedule `drain`.
    """

    def __init__(self, nudge: Callable[[], None] | None = None, owner: threading.Thread | None = None) -> None:
        self.nudge = nudge
        self._owner = owner or threading.main_thread()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Turn] = {}
        self._arrivals: SimpleQueue[int | None] = SimpleQueue()
        self._doing: list[str | None] = []

    def run(self, job: Callable[[], T], label: str) -> asyncio.Future[T]:
        """Queue a job, from a running event loop, and give the future of its result.

        Cancelling the future drops a job that has not started. An interrupt of the job arrives as StepFailed with the
        KeyboardInterrupt as its cause, since the exception itself would end the awaiting loop.
        """
        turn = _Turn(next(self._numbers), job, label, asyncio.get_running_loop())
        self._waiting[turn.number] = turn
        turn.asked.add_done_callback(lambda asked: self._waiting.pop(turn.number, None))
        self._arrivals.put(turn.number)
        if self.nudge is not None:
            self.nudge()
        return turn.asked

    @property
    def waiting(self) -> int:
        """How many jobs have not started."""
        return len(self._waiting)

    @property
    def busy_with(self) -> str | None:
        """What keeps the main thread from starting a job now, or None."""
        try:
            return self._doing[-1]
        except IndexError:
            return None

    @contextlib.contextmanager
    def occupied(self, label: str | None) -> Iterator[None]:
        """Name what the main thread does meanwhile; None says that it is free for jobs."""
        depth = len(self._doing)
        self._doing.append(label)
        try:
            yield
        finally:
            del self._doing[depth:]

    def drain(self) -> int:
        """Run what is queued, on the main thread, and say how many jobs that were."""
        self._check_owner("drain")
        ran = 0
        with contextlib.suppress(Empty):
            while True:
                ran += self._perform(self._arrivals.get_nowait())
        return ran

    def serve(self, until: Future[T]) -> T:
        """Run jobs as they come until the future is done, and give its result.

        A KeyboardInterrupt during a job is the job's; between jobs it leaves from here. On any other thread this only waits.
        """
        if threading.current_thread() is not self._owner:
            return until.result()
        landed: list[bool] = []

        def land(_: Future[T]) -> None:
            landed.append(True)
            self._arrivals.put(None)

        until.add_done_callback(land)
        with self.occupied(None):
            while not landed:
                self._perform(self._arrivals.get())
        return until.result()

    def _perform(self, number: int | None) -> bool:
        turn = None if number is None else self._waiting.pop(number, None)
        if turn is None or not turn.wanted():
            return False
        with self.occupied(turn.label):
            turn.perform()
        return True

    def _check_owner(self, act: str) -> None:
        if threading.current_thread() is not self._owner:
            raise RuntimeError(f"{act} belongs on {self._owner.name!r}, not on {threading.current_thread().name!r}")
