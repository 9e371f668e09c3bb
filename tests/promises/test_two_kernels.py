"""Two kernels on one store: one writes, the other reads and says who writes; the right to write ends with its holder."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.kernel.page import PATIENCE, Page
from tests.world import World, define

Start = Callable[..., Page]


@pytest.fixture
def seeded(store: Path) -> Path:
    """A store with one open card."""
    world = World(store)
    world.model.will_use(define("Double", "n * 2", n="a number"))
    world.endo.task("double it").wait(10)
    world.close()
    return store


def error_of(page: Page, code: str) -> str:
    content = page.run(code)["content"]
    assert content["status"] == "error", content
    return f"{content['ename']}: {content['evalue']}"


def kill(page: Page) -> None:
    process = psutil.Process(page.manager.provisioner.pid)
    page.manager.signal_kernel(signal.SIGKILL)
    psutil.wait_procs([process], timeout=PATIENCE)


def test_the_second_kernel_reads_and_says_who_writes(seeded: Path, start_kernel: Start) -> None:
    first = start_kernel(JPY_SESSION_NAME="/home/someone/first.ipynb")
    second = start_kernel()
    writer = first.evaluate("__import__('os').getpid()")

    refusal = error_of(second, "endo.task('mine')")

    assert refusal.startswith("StoreLocked")
    assert f"process {writer}" in refusal
    assert "/home/someone/first.ipynb" in refusal
    assert second.evaluate("[(card.number, card.state) for card in endo.inbox]") == "[(1, 'open')]"
    assert f"process {writer}" in error_of(second, "endo.endow(1, n=1)")
    assert f"process {writer}" in error_of(second, "endo.reject(1)")
    assert f"process {writer}" in error_of(second, "endo['x'] = 1")
    assert first.evaluate("endo.inbox[1].state") == "'open'"
    assert second.evaluate("1 + 1") == "2"


def test_the_second_kernel_sees_what_the_first_decides(seeded: Path, start_kernel: Start) -> None:
    first, second = start_kernel(), start_kernel()
    first.run("endo.tasks[1].pause()")

    assert first.evaluate("endo.endow(1, n=21)") == "42"

    assert second.evaluate("endo.inbox[1].state") == "'done'"
    assert second.evaluate("endo['double']") == "42"


def test_the_store_of_a_killed_kernel_is_free_for_the_next(seeded: Path, start_kernel: Start) -> None:
    first, second = start_kernel(), start_kernel()
    assert error_of(second, "endo.tasks[1].pause()").startswith("StoreLocked")

    kill(first)

    assert "Nobody writes it now" in error_of(second, "endo.tasks[1].pause()")
    second.manager.restart_kernel()
    second.client.wait_for_ready(timeout=PATIENCE)
    second.run("endo.tasks[1].pause()")
    assert second.evaluate("endo.endow(1, n=21)") == "42"


def test_a_process_that_the_kernel_forked_does_not_hold_its_store(seeded: Path, start_kernel: Start) -> None:
    first = start_kernel()
    first.run("import os\nchild = os.fork()\nif child == 0:\n    import signal\n    while True: signal.pause()")
    child = psutil.Process(int(first.evaluate("child")))

    kill(first)

    assert child.is_running()
    try:
        world = World(seeded)
        assert not world.daemon.readonly
        world.close()
    finally:
        child.kill()


def test_a_forked_process_is_told_that_the_daemon_is_its_parents(seeded: Path, start_kernel: Start, tmp_path: Path) -> None:
    page = start_kernel()
    said = tmp_path / "said"
    page.run(
        "import os\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try: endo.reject(1)\n"
        f"    except BaseException as error: open({str(said)!r}, 'w').write(str(error))\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)"
    )

    assert "belongs to the process that forked this one" in said.read_text()
    assert page.evaluate("endo.inbox[1].state") == "'open'"
