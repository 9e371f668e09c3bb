"""A daemon as the benchmarks use it: the real one, on a real folder, with the real realms. Only the model is not there."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.floors import TEXT
from endo_kernel.agent.prompt import SYSTEM
from endo_kernel.agent.tools import TOOLS
from endo_kernel.daemon import Daemon, Powers
from endo_kernel.facade import Endo
from endo_kernel.mainthread import MainQueue
from endo_kernel.names import TaskId
from endo_kernel.powers import ModelAnswer, ModelRequest, Realm
from endo_kernel.realms.capture import capture_streams
from endo_kernel.realms.confined import ConfinedRealm
from endo_kernel.realms.notebook import NotebookRealm
from endo_kernel.session import Defaults, Session
from endo_kernel.tasks import Settings
from endo_kernel.values import keep
from endo_kernel.variables import Variables

SETTINGS = Settings(model="rehearsal", max_tokens=1000, system=SYSTEM, tools=TOOLS)
USAGE = {"input": 100, "output": 10, "cache_read": 0, "cache_write": 0}
_ids = itertools.count(1)
_PATIENCE = 600.0

Answer = Callable[[ModelRequest], ModelAnswer]


def say(words: str = TEXT) -> ModelAnswer:
    """Give an answer that ends the turn."""
    return ModelAnswer([{"type": "text", "text": words}], "end_turn", USAGE)


def use(name: str, given: dict[str, Any], words: str = TEXT) -> ModelAnswer:
    """Give an answer that uses a tool."""
    block = {"type": "tool_use", "id": f"toolu_bench_{next(_ids)}", "name": name, "input": given}
    return ModelAnswer([{"type": "text", "text": words}, block], "tool_use", USAGE)


def propose() -> ModelAnswer:
    """Give an answer that waits for the host: a definition in the notebook realm."""
    code = f"# number {next(_ids)}\ntotal = sum(range(10))\ntotal"
    return use("define", {"title": "Add ten numbers", "code": code, "slots": {}, "realm": "notebook", "result": "total"})


class Model:
    """Answers at once, with what a benchmark says; serves under every name."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, name: str) -> Model:
        """Give itself."""
        return self

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Give the answer."""
        return self._answer(request)

    async def close(self) -> None:
        """Nothing to let go of."""


class Stage:
    """An open daemon, and the notebook's face of it."""

    def __init__(self, folder: Path, answer: Answer = lambda request: say()) -> None:
        main = MainQueue()
        realms: list[Realm] = [ConfinedRealm(main, keep), NotebookRealm(main, capture_streams, keep)]
        self.daemon = Daemon(folder, Powers(main, Model(answer), realms))
        self.session = Session(self.daemon, main, Variables({}), Defaults(lambda: "rehearsal"))
        self.endo = Endo(self.session)

    def make_task(self, prompt: str = TEXT) -> TaskId:
        """Make a task, which begins at once."""
        return self.daemon.call(lambda: self.daemon.host.make_task(prompt, None, SETTINGS).id)

    def fill(self, task: TaskId, messages: int) -> None:
        """Write a past into a task, in pairs of messages, as one commit."""

        def write() -> None:
            with self.daemon.store.transaction():
                for _ in range(messages // 2):
                    self.daemon.conversations.append_user(task, [{"type": "text", "text": TEXT}])
                    self.daemon.conversations.append_answer(task, say())

        self.daemon.call(write)

    def wait(self, tasks: set[TaskId], *statuses: str) -> None:
        """Wait until all these tasks have one of these statuses."""
        left = set(tasks)
        there = threading.Event()

        def look(changed: set[TaskId], heard: set[TaskId]) -> None:
            for task in left & changed:
                if self.daemon.status(self.daemon.tasks.get(task)) in statuses:
                    left.discard(task)
            if not left:
                there.set()

        with self.daemon.watched(look):
            self.daemon.call(lambda: look(set(left), set()))
            if not there.wait(_PATIENCE):
                raise TimeoutError(f"{len(left)} of {len(tasks)} tasks did not become {' or '.join(statuses)}")

    def park(self, tasks: int) -> list[TaskId]:
        """Make tasks that each wait for the host, for a model that proposes."""
        made = [self.make_task() for _ in range(tasks)]
        self.wait(set(made), "waiting")
        return made


@contextmanager
def opened(folder: Path, answer: Answer = lambda request: say()) -> Iterator[Stage]:
    """Open a daemon on a folder for as long as this lasts."""
    stage = Stage(folder, answer)
    try:
        yield stage
    finally:
        stage.daemon.close()
