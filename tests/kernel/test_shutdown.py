"""However a kernel ends, no process of it stays behind, and the next kernel gets its store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from endo_kernel.store import open_store
from tests.kernel.endings import kill, leave, leave_abruptly, terminate
from tests.kernel.page import PATIENCE, Page

BUSY = "import threading; threading.Event().wait()"
WORKER = """
import asyncio
from endo_kernel.kernel.extension import current
from endo_kernel.powers import Evaluation
daemon = current().daemon
confined = next(realm for realm in daemon.powers.realms if realm.name == "confined")
started = asyncio.run_coroutine_threadsafe(confined.evaluate(Evaluation("a step", "1 + 1", {})), daemon.loop)
"""


def shut_down(page: Page) -> None:
    page.manager.shutdown_kernel()


def shut_down_now(page: Page) -> None:
    page.manager.shutdown_kernel(now=True)


def restart(page: Page) -> None:
    page.manager.restart_kernel()
    page.client.wait_for_ready(timeout=PATIENCE)
    page.manager.shutdown_kernel()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def _processes(page: Page) -> list[psutil.Process]:
    kernel = psutil.Process(int(page.evaluate("__import__('os').getpid()")))
    return [kernel, *kernel.children(recursive=True)]


def _assert_ended(processes: list[psutil.Process], store: Path) -> None:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    open_store(store).close()


@pytest.mark.parametrize("end", [shut_down, shut_down_now, restart, terminate, kill, leave, leave_abruptly])
def test_an_idle_kernel_ends(end: Callable[[Page], None], open_page: Callable[..., Page], store: Path) -> None:
    page = open_page("endo", ENDO_STORE=str(store))
    page.run(WORKER)
    page.run("while not started.done(): await asyncio.sleep(0)")
    processes = _processes(page)

    end(page)

    _assert_ended(processes, store)


@pytest.mark.parametrize("end", [shut_down, shut_down_now, restart, terminate, kill])
def test_a_busy_kernel_ends(end: Callable[[Page], None], open_page: Callable[..., Page], store: Path) -> None:
    page = open_page("endo", ENDO_STORE=str(store))
    processes = _processes(page)
    page.wait_for_input(page.start(BUSY))

    end(page)

    _assert_ended(processes, store)


@pytest.mark.parametrize("end", [shut_down, terminate, leave])
def test_an_orderly_end_closes_the_daemon(end: Callable[[Page], None], open_page: Callable[..., Page], store: Path, tmp_path: Path) -> None:
    page = open_page("endo", ENDO_STORE=str(store))
    said = tmp_path / "said"
    page.run(
        "from endo_kernel.kernel.extension import current\n"
        "daemon = current().daemon; close = daemon.close\n"
        f"daemon.close = lambda: (close(), open({str(said)!r}, 'a').write('closed '))"
    )
    processes = _processes(page)

    end(page)

    _assert_ended(processes, store)
    assert said.read_text() == "closed "


@pytest.mark.parametrize("end", [shut_down, terminate, leave])
def test_a_daemon_that_does_not_close_holds_nobody_up(end: Callable[[Page], None], open_page: Callable[..., Page], store: Path) -> None:
    page = open_page("endo", ENDO_STORE=str(store))
    page.run("import threading; from endo_kernel.kernel.extension import current\ncurrent().daemon.close = threading.Event().wait")
    processes = _processes(page)

    end(page)

    _assert_ended(processes, store)


def test_a_terminated_kernel_dies_of_the_signal(open_page: Callable[..., Page]) -> None:
    page = open_page("endo")
    process = page.manager.provisioner.process

    terminate(page)

    assert process.wait(PATIENCE) == -signal.SIGTERM


def test_a_fork_of_the_kernel_leaves_the_daemon_alone(open_page: Callable[..., Page], store: Path) -> None:
    page = open_page("endo", ENDO_STORE=str(store))
    page.run(
        "import os, signal\n"
        "child = os.fork()\n"
        "if child == 0: os.kill(os.getpid(), signal.SIGTERM)\n"
        "ended = os.WTERMSIG(os.waitpid(child, 0)[1])"
    )

    assert page.evaluate("ended") == str(int(signal.SIGTERM))
    assert page.evaluate("len(endo.tasks)") == "0"


def test_a_kernel_ends_with_the_server_that_started_it(store: Path) -> None:
    server = (
        "from jupyter_client.manager import start_new_kernel\n"
        "manager, client = start_new_kernel(kernel_name='endo')\n"
        "print(manager.provisioner.process.pid, flush=True)\n"
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "ENDO_STORE": str(store)}
    ) as process:
        assert process.stdout is not None
        kernel = psutil.Process(int(process.stdout.readline()))
        process.kill()

    with suppress(psutil.NoSuchProcess):
        _assert_ended([kernel], store)
