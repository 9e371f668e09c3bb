"""The queue of work for the thread that owns the user's objects.

The daemon puts jobs in; the thread that runs the user's cells takes them out, between cells (`drain`) or while a cell waits
(`serve`). Jobs run one at a time, in the order in which they came, and never in the middle of a cell that does not wait.
What schedules `drain` between cells is the kernel's affair: it hands in `nudge`.

Nothing here takes a lock that an interrupt could leave held, and an interrupt at any point loses no job and runs none twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from endo_kernel.errors import StepFailed

T = TypeVar("T")


class _Turn:
    """One job on its way through the main thread, and the future of whoever asked for it."""

    __slots__ = ("_answered", "_loop", "asked", "begun", "job", "label", "number")

    def __init__(self, number: int, job: Callable[[], Any], label: str, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        self.job = job
        self.label = label
        self.asked: asyncio.Future[Any] = loop.create_future()
        self.begun = False
        self._loop = loop
        self._answered = False

    def wanted(self) -> bool:
        """Say whether anybody still waits for the answer."""
        return not (self._loop.is_closed() or self.asked.cancelled())

    def perform(self) -> bool:
        """Run the job, once, and answer with what it gave or raised; tells whether an interrupt came when the job was over."""
        self.begun = True
        result: Any = None
        error: Exception | None = None
        try:
            result = self.job()
        except BaseException as raised:  # noqa: BLE001 - whatever a job raises is its answer
            error = self._bearable(raised)
        return self._leave(result, error)

    def give_up(self) -> None:
        """Answer that an interrupt came before the job, unless it has answered."""
        self.begun = True
        self._leave(None, self._bearable(KeyboardInterrupt()))

    def _leave(self, result: Any, error: Exception | None) -> bool:
        late = False
        while not self._answered:  # whatever comes now, the answer still has to leave
            try:
                self._answer(result, error)
                self._answered = True
            except KeyboardInterrupt:
                late = True
        return late

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
        self._arrivals: SimpleQueue[None] = SimpleQueue()
        self._doing: list[str | None] = []

    def run(self, job: Callable[[], T], label: str) -> asyncio.Future[T]:
        """Queue a job, from a running event loop, and give the future of its result.

        Cancelling the future drops a job that has not started. An interrupt of the job arrives as StepFailed with the
        KeyboardInterrupt as its cause, since the exception itself would end the awaiting loop.
        """
        turn = _Turn(next(self._numbers), job, label, asyncio.get_running_loop())
        self._waiting[turn.number] = turn
        turn.asked.add_done_callback(lambda asked: self._waiting.pop(turn.number, None))
        self._arrivals.put(None)
        if self.nudge is not None:
            self.nudge()
        return turn.asked

    @property
    def waiting(self) -> int:
        """How many jobs have not started."""
        return sum(not turn.begun for turn in list(self._waiting.values()))

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
        while (turn := self._oldest()) is not None:
            self._perform(turn)
            ran += 1
        return ran

    def serve(self, until: Future[T]) -> T:
        """Run jobs as they come until the future is done, and give its result.

        A KeyboardInterrupt during a job is the job's; before and after one it leaves from here, and no job is lost by it. On any other
        thread this only waits.
        """
        if threading.current_thread() is not self._owner:
            return until.result()
        landed: list[bool] = []

        def land(_: Future[T]) -> None:
            landed.append(True)
            self._arrivals.put(None)

        until.add_done_callback(land)
        try:
            with self.occupied(None):
                while not landed:
                    turn = self._oldest()
                    if turn is None:
                        self._arrivals.get()
                    elif self._perform(turn):
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            # The wake-up of a job may have gone with the interrupt; the job has not.
            if self.nudge is not None and self.waiting:
                self.nudge()
            raise
        return until.result()

    def _oldest(self) -> _Turn | None:
        """Give the job whose turn it is. Arrivals only wake: which jobs there are is told by one dict."""
        for turn in list(self._waiting.values()):
            if not turn.begun and turn.wanted():
                return turn
        return None

    def _perform(self, turn: _Turn) -> bool:
        """Run one job; tells whether an interrupt came when it was over."""
        try:
            with self.occupied(turn.label):
                return turn.perform()
        except KeyboardInterrupt:
            turn.give_up()
            raise
        finally:
            self._waiting.pop(turn.number, None)

    def _check_owner(self, act: str) -> None:
        if threading.current_thread() is not self._owner:
            raise RuntimeError(f"{act} belongs on {self._owner.name!r}, not on {threading.current_thread().name!r}")
