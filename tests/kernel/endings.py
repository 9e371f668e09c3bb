"""Ways in which a kernel ends without being asked politely."""

from __future__ import annotations

import signal

from tests.kernel.page import Page


def terminate(page: Page) -> None:
    page.manager.signal_kernel(signal.SIGTERM)


def kill(page: Page) -> None:
    page.manager.signal_kernel(signal.SIGKILL)


def leave(page: Page) -> None:
    page.start("exit()")


def leave_abruptly(page: Page) -> None:
    page.start("import os; os._exit(3)")
