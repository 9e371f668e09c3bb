"""A daemon's loop in a thread of its own, and this thread as the main thread that serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Evaluation, Outcome, Realm

T = TypeVar("T")


class Stage:
    """Runs what the daemon would run, while this thread serves it."""

    def __init__(self, main: MainQueue, loop: asyncio.AbstractEventLoop) -> None:
        self.main = main
        self.loop = loop

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.main.serve(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    def run(self, realm: Realm, code: str, /, **slots: object) -> Outcome:
        return self.do(realm.evaluate(Evaluation("card 7", code, slots)))
