"""The main thread serves the daemon: in order, one at a time, and an interrupt of a job is the job's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from endo_kernel.errors import StepFailed
from endo_kernel.mainthread import MainQueue


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def main() -> MainQueue:
    return MainQueue(owner=threading.current_thread())


def start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
    return asyncio.run_coroutine_threadsafe(coroutine, loop)


def settle(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until the loop has done what it was told before."""
    for _ in range(3):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()


async def ask(main: MainQueue, job: Callable[[], Any], label: str = "card 7") -> Any:
    return await main.run(job, label)


def test_a_job_runs_on_the_thread_that_serves(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    served = main.serve(start(loop, ask(main, threading.get_ident)))

    assert served == threading.get_ident()


def test_a_job_that_came_during_a_cell_runs_when_the_kernel_drains(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    answer = start(loop, ask(main, lambda: 41 + 1))
    settle(loop)
    assert (main.waiting, answer.done()) == (1, False)

    ran = main.drain()

    assert (ran, main.waiting, answer.result()) == (1, 0, 42)


def test_every_arrival_nudges_the_kernel_once(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    nudges: list[str] = []
    main.nudge = lambda: nudges.append(threading.current_thread().name)
    answers = [start(loop, ask(main, lambda: None)) for _ in range(3)]
    settle(loop)

    main.drain()

    assert len(nudges) == 3
    assert all(answer.result() is None for answer in answers)


def test_jobs_run_in_the_order_in_which_they_came(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    order: list[int] = []

    async def many() -> None:
        await asyncio.gather(*(main.run(lambda n=n: order.append(n), "job") for n in range(50)))  # type: ignore[misc]

    main.serve(start(loop, many()))

    assert order == list(range(50))


def test_what_a_job_raises_reaches_the_one_who_asked(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    with pytest.raises(ZeroDivisionError):
        main.serve(start(loop, ask(main, lambda: 1 / 0)))


def test_a_job_that_nobody_waits_for_any_more_is_dropped(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    ran: list[int] = []
    answer = start(loop, ask(main, lambda: ran.append(1)))
    settle(loop)
    answer.cancel()
    settle(loop)

    assert main.waiting == 0
    assert main.drain() == 0
    assert ran == []


def test_an_interrupt_in_a_job_is_the_jobs_and_the_serving_goes_on(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    async def both() -> tuple[BaseException, str]:
        try:
            await main.run(interrupted, "card 7")
        except StepFailed as error:
            return error, await main.run(lambda: "still serving", "card 8")
        raise AssertionError("the interrupt was lost")

    error, after = main.serve(start(loop, both()))

    assert isinstance(error.__cause__, KeyboardInterrupt)
    assert str(error) == "card 7 was interrupted by the host"
    assert after == "still serving"


def test_an_interrupt_between_jobs_ends_the_waiting_cell_and_not_the_work(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    forever: concurrent.futures.Future[None] = concurrent.futures.Future()
    here = threading.get_ident()
    loop.call_soon_threadsafe(loop.call_later, 0.05, signal.pthread_kill, here, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        main.serve(forever)

    assert main.serve(start(loop, ask(main, lambda: "works"))) == "works"


@pytest.mark.parametrize("raised", [SystemExit(3), StopIteration(), GeneratorExit()])
def test_no_job_can_end_the_daemons_loop(main: MainQueue, loop: asyncio.AbstractEventLoop, raised: BaseException) -> None:
    def job() -> None:
        raise raised

    with pytest.raises(StepFailed) as caught:
        main.serve(start(loop, ask(main, job)))

    assert caught.value.__cause__ is raised
    assert loop.is_running()


def test_a_job_whose_daemon_has_gone_is_dropped_quietly() -> None:
    main = MainQueue(owner=threading.current_thread())
    ran: list[int] = []
    loop = asyncio.new_event_loop()

    async def queue_only() -> None:
        main.run(lambda: ran.append(1), "card 7")

    loop.run_until_complete(queue_only())
    loop.close()

    assert main.drain() == 0
    assert ran == []


def test_a_daemon_that_goes_while_its_job_runs_does_not_hurt_the_main_thread() -> None:
    main = MainQueue(owner=threading.current_thread())
    loop = asyncio.new_event_loop()

    async def queue_only() -> None:
        main.run(loop.close, "card 7")

    loop.run_until_complete(queue_only())

    assert main.drain() == 1


def test_status_can_say_what_the_main_thread_is_busy_with(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    assert main.busy_with is None
    with main.occupied("the running cell"):
        assert main.busy_with == "the running cell"
        during = main.serve(start(loop, ask(main, lambda: main.busy_with, "card 7")))
        assert main.busy_with == "the running cell"

    assert during == "card 7"
    assert main.busy_with is None


def test_a_cell_that_waits_is_free_for_jobs(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    free: concurrent.futures.Future[str | None] = concurrent.futures.Future()

    with main.occupied("the running cell"):
        loop.call_soon_threadsafe(loop.call_later, 0.05, lambda: free.set_result(main.busy_with))
        assert main.serve(free) is None


def test_a_job_may_itself_wait_for_the_daemon(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    def outer() -> str:
        return "outer " + main.serve(start(loop, ask(main, lambda: "inner", "card 8")))

    assert main.serve(start(loop, ask(main, outer))) == "outer inner"


def test_another_thread_waits_and_leaves_the_jobs_to_the_main_thread(main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as elsewhere:
        answer = start(loop, ask(main, threading.get_ident))
        waiting = elsewhere.submit(main.serve, answer)

        assert main.serve(waiting) == threading.get_ident()


def test_only_the_main_thread_drains(main: MainQueue) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as elsewhere, pytest.raises(RuntimeError, match="belongs on"):
        elsewhere.submit(main.drain).result()


class LateInterrupt(asyncio.SelectorEventLoop):
    """A loop on which Ctrl-C hits the main thread right when it hands an answer over."""

    armed = False

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> Any:
        if self.armed and threading.current_thread() is threading.main_thread():
            self.armed = False
            signal.raise_signal(signal.SIGINT)
        return super().call_soon_threadsafe(*args, **kwargs)


def test_an_interrupt_right_after_a_job_leaves_from_the_cell_and_the_answer_arrives(main: MainQueue) -> None:
    loop = LateInterrupt()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ran: list[int] = []

    def job() -> int:
        ran.append(1)
        loop.armed = True
        return 42

    answer = start(loop, ask(main, job))
    never: concurrent.futures.Future[None] = concurrent.futures.Future()
    with pytest.raises(KeyboardInterrupt):
        main.serve(never)

    assert (answer.result(10), ran, main.waiting) == (42, [1], 0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
