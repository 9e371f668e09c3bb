"""A world whose model is Claude: the real one, through the real SDK, against a Messages API on the loopback address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from endo_kernel.agent.claude import ClaudeModel
from endo_kernel.daemon import Powers
from endo_kernel.handles import TaskHandle
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Backoff
from endo_kernel.session import Defaults
from tests.loopback import MODELS, MessagesServer
from tests.world import World

ATTEMPTS = 5


class HandClock:
    """A clock that a test turns by hand."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        """Give the time."""
        return self.time


class Claude:
    """Gives one ClaudeModel under every name."""

    def __init__(self) -> None:
        self.model = ClaudeModel(idle_timeout=0.2)

    def __call__(self, name: str) -> ClaudeModel:
        return self.model

    async def close(self) -> None:
        """Let go of its connections."""
        await self.model.close()


class ClaudesWorld(World):
    """A world whose model is Claude, and whose clock stands still until a test turns it."""

    def __init__(self, folder: Path, server: MessagesServer) -> None:
        self.clock = HandClock()
        self.server = server
        super().__init__(folder)

    def open(self) -> None:
        """Start a daemon on the folder."""
        super().open()
        self.session.defaults = Defaults(lambda: MODELS[0], max_tokens=1000)

    def powers(self, main: MainQueue) -> Powers:
        """Give a model over the network, and waits that only the clock of the test can end."""
        return replace(
            super().powers(main), models=Claude(), clock=self.clock, backoff=Backoff(first=8.0, longest=600.0, attempts=ATTEMPTS)
        )

    def show(self, task: TaskHandle) -> Any:
        """Give the view of a task."""
        return self.daemon.call(lambda: self.session.views.show({"kind": "task", "task": task.id}))

    def wake(self, task: TaskHandle) -> None:
        """Have the agent look at a task, as a timer does."""
        self.daemon.call(lambda: self.daemon.wake(task.id))

    def sleep(self, task: TaskHandle) -> Any:
        """Give what is stored of the task's sleep."""
        return self.daemon.call(lambda: self.daemon.tasks.get(task.id).sleep)

    def sleep_over(self, task: TaskHandle) -> str:
        """Turn the clock to the end of the task's sleep, and give the status that it comes to."""
        self.clock.time = self.sleep(task).until
        self.wake(task)
        return task.wait(20)

    def wait_through(self, task: TaskHandle) -> str:
        """Give the status that the task comes to when it has slept as often as it must."""
        status: str = task.wait(20)
        while status == "sleeping":
            status = self.sleep_over(task)
        return status
