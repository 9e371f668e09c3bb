"""However a kernel ends, the next one finds the same; and an interrupt stops the step, and nothing else."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from endo_kernel.kernel.extension import TARGET
from tests.kernel.endings import kill, leave, leave_abruptly, terminate
from tests.kernel.page import PATIENCE, Page
from tests.loopback import MessagesServer, text, use
from tests.loopback_rules import check_conversation
from tests.world import World, define

Start = Callable[..., Page]
STUBBORN = """
import threading
rung = False
while True:
    try:
        if not rung:
            rung = True
            {ring}
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
"""


class Bell:
    """A pipe that a step rings when it has begun."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder / "begun"
        os.mkfifo(self._pipe)

    @property
    def ring(self) -> str:
        """Code that rings it."""
        return f"open({str(self._pipe)!r}, 'w').close()"

    def wait(self) -> None:
        """Wait until it is rung."""
        self._pipe.read_bytes()


@pytest.fixture
def bell(tmp_path: Path) -> Bell:
    return Bell(tmp_path)


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server
        assert server.complaints == []


@pytest.fixture
def digest(store: Path, bell: Bell) -> str:
    """A store with two open cards; the first one's code begins, and does not end by itself. Gives the digest of the second."""
    world = World(store)
    world.model.will_use(define("Wait", STUBBORN.format(ring=bell.ring)), define("Double", "n * 2", n="a number"))
    world.endo.task("wait and double").wait(10)
    digest = world.endo.inbox[2].digest
    world.close()
    return digest


def shut_down(page: Page) -> None:
    page.manager.shutdown_wait_time = 1.0
    page.manager.shutdown_kernel()


def shut_down_now(page: Page) -> None:
    page.manager.shutdown_kernel(now=True)


def shut_down_without_an_interrupt(page: Page) -> None:
    page.control("shutdown_request", {"restart": False})
    page.manager.shutdown_kernel(now=True)


def restart(page: Page) -> None:
    page.manager.shutdown_wait_time = 1.0
    page.manager.restart_kernel()
    page.client.wait_for_ready(timeout=PATIENCE)
    page.manager.shutdown_kernel()


def end_by(page: Page, way: Callable[[Page], None]) -> None:
    """End a kernel in one of these ways, and wait until it is gone."""
    process = psutil.Process(page.manager.provisioner.pid)
    way(page)
    if not page.manager.has_kernel or way is terminate or way is kill or way is leave or way is leave_abruptly:
        psutil.wait_procs([process], timeout=PATIENCE)


def from_a_cell(page: Page) -> None:
    page.start("endo.endow(1)", stop_on_error=False)


def from_a_page(page: Page) -> None:
    digest = page.evaluate("endo.inbox[1].digest").strip("'")
    page.say(page.open_comm(TARGET), {"n": 1, "op": "endow", "card": 1, "digest": digest, "bindings": {}})


def check_second_card(world: World, digest: str) -> None:
    """Hold that the second card is the same card, and that the task goes on with it."""
    card = world.endo.inbox[2]
    assert (card.state, card.digest) == ("open", digest)
    assert world.endo.endow(2, n=21) == 42


@pytest.mark.parametrize("way", [shut_down, shut_down_now, restart, leave, leave_abruptly, terminate, kill])
def test_however_a_kernel_ends_its_open_cards_are_the_same_cards(
    store: Path, digest: str, start_kernel: Start, way: Callable[[Page], None]
) -> None:
    end_by(start_kernel(), way)
    world = World(store)

    assert [(card.number, card.state) for card in world.endo.inbox] == [(1, "open"), (2, "open")]
    check_second_card(world, digest)
    world.close()


@pytest.mark.parametrize("approve", [from_a_cell, from_a_page])
@pytest.mark.parametrize("way", [shut_down, shut_down_now, shut_down_without_an_interrupt, restart, terminate, kill])
def test_however_a_kernel_ends_what_was_running_is_unknown(
    store: Path, bell: Bell, digest: str, start_kernel: Start, way: Callable[[Page], None], approve: Callable[[Page], None]
) -> None:
    page = start_kernel()
    approve(page)
    bell.wait()

    end_by(page, way)
    world = World(store)

    assert [(card.number, card.state) for card in world.endo.inbox] == [(1, "unknown"), (2, "open")]
    assert len(world.endo.inbox[1].steps) == 1
    check_second_card(world, digest)
    world.endo.fail(1, "the kernel ended")
    assert world.endo.tasks[1].wait(10) == "idle"
    check_conversation(world.endo.tasks[1].conversation)
    world.close()


def test_a_killed_kernel_leaves_a_card_that_the_next_one_endows_in_one_valid_conversation(
    start_kernel: Start, server: MessagesServer
) -> None:
    environment = {**server.environment(), "ENDO_MODEL": "claude-test"}
    server.will_use(say="Let me see.", define=define("Double", "n * 2", n="a number", result="double")[1])
    server.will_say("It is 42.")
    first = start_kernel(**environment)
    assert first.evaluate("endo.task('Double it').wait(20)") == "'waiting'"
    digest = first.evaluate("endo.inbox[1].digest")

    end_by(first, kill)
    second = start_kernel(**environment)

    assert second.evaluate("[(card.number, card.state) for card in endo.inbox]") == "[(1, 'open')]"
    assert second.evaluate("endo.inbox[1].digest") == digest
    assert second.evaluate("endo.endow(1, n=21)") == "42"
    assert second.evaluate("endo.tasks[1].wait(20)") == "'idle'"
    asked, answered = (request.messages for request in server.requests)
    assert answered[:1] == asked
    assert [message["role"] for message in answered] == ["user", "assistant", "user"]
    assert [block["type"] for block in answered[2]["content"]] == ["tool_result"]


@pytest.mark.parametrize("approve", [from_a_cell, from_a_page])
def test_an_interrupt_fails_the_step_and_leaves_the_rest_alone(
    bell: Bell, start_kernel: Start, server: MessagesServer, approve: Callable[[Page], None]
) -> None:
    said = threading.Event()
    waits = define("Wait", f"import threading\n{bell.ring}\nthreading.Event().wait()")[1]
    server.about("first").will_turn([use("define", waits), use("define", define("Double", "n * 2", n="a number")[1])])
    server.about("first").will_say("Done.")
    server.about("second").will_turn([text("Still here.")], hold=said)
    page = start_kernel(**server.environment(), ENDO_MODEL="claude-test")
    assert page.evaluate("endo.task('the first').wait(20)") == "'waiting'"
    page.run("second = endo.task('the second')")
    server.wait_for_calls(2, PATIENCE)
    approve(page)
    bell.wait()

    page.manager.interrupt_kernel()

    assert page.evaluate("endo.tasks[1].wait(20)") == "'waiting'"
    assert page.evaluate("[endo.inbox[n].state for n in (1, 2)]") == "['failed', 'open']"
    assert page.evaluate("endo.inbox[1].log[-1]['why']") == "'KeyboardInterrupt: interrupted by the host'"
    assert page.evaluate("second.status") == "'thinking'"
    said.set()
    assert page.evaluate("second.wait(20)") == "'idle'"
    assert page.evaluate("endo.endow(2, n=21)") == "42"
    assert page.evaluate("endo.tasks[1].wait(20)") == "'idle'"


def test_an_interrupt_of_a_cell_that_waits_for_confined_code_stops_that_code(bell: Bell, store: Path, start_kernel: Start) -> None:
    world = World(store)
    world.model.will_use(define("Spin", "bell.ring()\nwhile True:\n    pass", "confined", bell="a bell"), define("One", "1"))
    world.endo.task("spin").wait(10)
    world.close()
    page = start_kernel()
    page.run(f"class Bell:\n    def ring(self): {bell.ring}")
    cell = page.start("endo.endow(1, bell=endo.facet(Bell(), 'ring'))", stop_on_error=False)
    bell.wait()

    page.manager.interrupt_kernel()

    assert page.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert page.evaluate("endo.tasks[1].wait(20)") == "'waiting'"
    assert page.evaluate("[endo.inbox[n].state for n in (1, 2)]") == "['failed', 'open']"
