"""An interrupt, a cancellation or the end of the daemon at an awkward moment: what was asked happens whole, or not at all."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from endo_kernel.errors import DaemonClosed
from endo_kernel.powers import ModelAnswer, ModelRequest
from tests.world import HeldModel, World, define

SPIN = define("Spin", "bell.ring()\nwhile True:\n    pass", "confined", bell="a bell")


class Bell:
    """Rings when confined code has begun."""

    def __init__(self) -> None:
        self.rung: Future[None] = Future()

    def ring(self) -> None:
        self.rung.set_result(None)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def interrupt_main() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def interrupt_at_commit(world: World, when: Callable[[], bool]) -> None:
    """Interrupt the main thread right after the commit that makes something true: it waits for the daemon's answer then."""

    def look(count: int) -> None:
        if when():
            world.daemon.store.on_commit = None
            interrupt_main()

    world.daemon.call(lambda: setattr(world.daemon.store, "on_commit", look))


def spin(world: World, threads: ThreadPoolExecutor) -> Future[object]:
    """Have card 1 run in the sandbox, for ever, approved from another thread."""
    bell = Bell()
    asked = threads.submit(lambda: world.endo.endow(1, bell=world.endo.facet(bell, "ring")))
    world.session.main.serve(bell.rung)
    return asked


def test_an_act_that_was_interrupted_in_a_cell_has_happened_whole(world: World) -> None:
    world.model.will_use(define("One", "1"))
    task = world.endo.task("go")
    task.wait(10)
    interrupt_at_commit(world, lambda: world.daemon.cards.get(1).state == "rejected")

    with pytest.raises(KeyboardInterrupt):
        world.endo.reject(1, "no")

    assert task.wait(10) == "idle"
    assert world.endo.inbox[1].state == "rejected"
    assert world.sent[-1]["content"][0]["is_error"]


def test_an_approval_that_was_interrupted_before_the_code_began_does_not_run_it(world: World) -> None:
    effects: list[int] = []
    world.model.will_use(define("Add", "log.append(1)", log="a list"), define("Two", "2"))
    task = world.endo.task("go")
    task.wait(10)
    interrupt_at_commit(world, lambda: world.daemon.cards.get(1).state == "approved")

    with pytest.raises(KeyboardInterrupt):
        world.endo.endow(1, log=effects)

    assert task.wait(10) == "waiting"
    assert (effects, world.endo.inbox[1].state) == ([], "failed")
    assert world.endo.endow(2) == 2


def test_an_interrupt_between_the_commit_of_the_start_and_the_first_instruction_runs_nothing(world: World) -> None:
    effects: list[int] = []
    world.model.will_use(define("Add", "log.append(1)", log="a list"))
    task = world.endo.task("go")
    task.wait(10)
    interrupt_at_commit(world, lambda: world.daemon.cards.get(1).state == "running")

    with pytest.raises(KeyboardInterrupt):
        world.endo.endow(1, log=effects)

    assert task.wait(10) == "idle"
    assert (effects, world.endo.inbox[1].state) == ([], "failed")


def test_an_interrupt_while_a_cell_waits_for_a_task_leaves_no_watcher(world: World) -> None:
    def interrupt(request: ModelRequest) -> ModelAnswer:
        interrupt_main()
        return ModelAnswer([{"type": "text", "text": "Done."}], "end_turn", {})

    world.model.will_use(define("One", "1"))
    task = world.endo.task("go")
    task.wait(10)
    before = len(world.daemon._watchers)
    world.model.will(interrupt)
    world.daemon.post(lambda: world.daemon.host.reject(1, "no"))

    with pytest.raises(KeyboardInterrupt):
        task.wait(10)

    assert len(world.daemon._watchers) == before
    assert task.wait(10) == "idle"


def test_cancelling_a_task_stops_its_confined_step(world: World, threads: ThreadPoolExecutor) -> None:
    world.model.will_use(SPIN)
    task = world.endo.task("go")
    task.wait(10)
    asked = spin(world, threads)

    task.cancel("enough")

    assert isinstance(asked.exception(10), KeyboardInterrupt)
    assert (task.status, world.endo.inbox[1].state) == ("cancelled", "failed")


def test_cancelling_a_task_whose_step_cannot_be_stopped_keeps_what_came_of_the_step(world: World) -> None:
    world.model.will_use(define("Add", "cancel()\nlog.append(1)\nlen(log)", cancel="a function", log="a list", result="count"))
    task, effects = world.endo.task("go"), list[int]()
    task.wait(10)

    assert world.endo.endow(1, cancel=task.cancel, log=effects) == 1

    assert (task.status, world.endo.inbox[1].state) == ("cancelled", "done")
    assert world.endo["count"] == 1


def test_an_approval_that_waits_is_told_when_the_daemon_closes(world: World, threads: ThreadPoolExecutor) -> None:
    world.model.will_use(SPIN)
    world.endo.task("go").wait(10)
    asked = spin(world, threads)

    world.close()

    assert isinstance(asked.exception(10), DaemonClosed)
    world.open()
    assert [(card.number, card.state) for card in world.endo.inbox] == [(1, "unknown")]


def test_whoever_waits_for_the_daemon_is_told_when_it_closes(world: World) -> None:
    asked = world.daemon.submit(asyncio.Event().wait())

    world.close()

    assert isinstance(asked.exception(10), DaemonClosed)


def test_nothing_can_be_asked_of_a_closed_daemon_and_nobody_waits_for_it(world: World) -> None:
    task = world.endo.task("go")
    task.wait(10)
    world.close()

    for ask in (lambda: task.status, task.wait, lambda: task.send("hello?"), lambda: world.endo.endow(1)):
        with pytest.raises(DaemonClosed):
            ask()


@pytest.mark.parametrize("moments", range(4))
def test_a_task_that_is_resumed_while_its_call_winds_down_calls_again(held_world: World, moments: int) -> None:
    model, host = held_world.model, held_world.daemon.host
    assert isinstance(model, HeldModel)
    task = held_world.endo.task("go")

    async def pause_and_resume() -> None:
        host.pause(task.id)
        for _ in range(moments):
            await asyncio.sleep(0)
        host.resume(task.id)

    held_world.daemon.submit(model.asked("go")).result(10)
    held_world.daemon.submit(pause_and_resume()).result(10)
    task.send("and this")
    for words in ("Yes.", "And that."):
        held_world.daemon.submit(model.will_say_now("go", words)).result(10)

    assert task.wait(10) == "idle"
    assert [message.text for message in task.messages if message.who == "agent"] == ["Yes.", "And that."]
