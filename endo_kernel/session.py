"""What the objects of one notebook share, and what new tasks are made with."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from endo_kernel import record
from endo_kernel.agent.prompt import SYSTEM
from endo_kernel.agent.tools import TOOLS
from endo_kernel.daemon import Daemon
from endo_kernel.errors import BadDefinition, DaemonClosed
from endo_kernel.host import Given
from endo_kernel.mainthread import MainQueue
from endo_kernel.names import TaskId
from endo_kernel.powers import Json
from endo_kernel.realms.facets import Facet
from endo_kernel.tasks import COUNTED, Settings
from endo_kernel.variables import Variables
from endo_kernel.views import Views

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What new tasks are made with, as the user configured it. `prices` is USD per million tokens by kind, by model."""

    model: Callable[[], str]
    max_tokens: int = 16_000
    thinking: Callable[[str], Mapping[str, Json] | None] = lambda model: None
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    budget_tokens: int | None = None
    budget_usd: float | None = None

    def settings(self) -> Settings:
        """Give the settings of a task that is made now; raises BadDefinition for a budget that cannot be counted."""
        model = self.model()
        prices = self.prices.get(model)
        if self.budget_usd is not None and prices is None and model != "rehearsal":
            example = "{" + ", ".join(f"{kind!r}: ..." for kind in COUNTED) + "}"
            raise BadDefinition(f"c.Endo.budget_usd needs a price for the model: set c.Endo.prices = {{{model!r}: {example}}}")
        return Settings(
            model=model,
            max_tokens=self.max_tokens,
            system=SYSTEM,
            tools=TOOLS,
            thinking=self.thinking(model),
            prices=prices,
            budget_tokens=self.budget_tokens,
            budget_usd=self.budget_usd,
        )


def _show_plain(output: Sequence[Mapping[str, Json]]) -> None:
    for item in output:
        sys.stdout.write(item["text"] if item["kind"] == "stream" else item["data"].get("text/plain", ""))


class Session:
    """What the objects of one notebook share: the daemon, the main thread, the variables, how to draw and to show."""

    def __init__(
        self,
        daemon: Daemon,
        main: MainQueue,
        variables: Variables,
        defaults: Defaults,
        show: Callable[[Sequence[Mapping[str, Json]]], None] = _show_plain,
        widget: Callable[[Mapping[str, Json], Mapping[str, Json]], Mapping[str, Json]] = lambda show, view: {},
    ) -> None:
        self.daemon = daemon
        self.main = main
        self.variables = variables
        self.defaults = defaults
        self.views = Views(daemon, variables)
        self.show = show
        self.widget = widget

    def bundle(self, show: Mapping[str, Json]) -> dict[str, Json]:
        """Give the MIME bundle of a view: the record, text, and a live widget for pages without the extension."""
        view = self.daemon.call(lambda: self.views.show(show))
        return {**record.bundle(self.daemon.store.id, show, view), **self.widget(show, view)}

    def serve(self, act: Callable[[], Awaitable[T]], stop: Callable[[], object] = lambda: None) -> T:
        """Do something on the daemon's thread, and run what it needs of the main thread meanwhile.

        An interrupt takes the act back where it has not happened yet, and calls `stop` on the daemon's thread.
        """
        __tracebackhide__ = True
        going: list[asyncio.Task[Any] | None] = []

        async def run() -> T:
            going.append(asyncio.current_task())
            return await act()

        def take_back() -> None:
            for task in going:
                if task is not None:
                    task.cancel()
            stop()

        try:
            return self.main.serve(self.daemon.submit(run()))
        except KeyboardInterrupt:
            with contextlib.suppress(DaemonClosed):
                self.daemon.call(take_back)
            raise

    def make_task(self, prompt: str, title: str | None) -> TaskId:
        """Make a task with the user's defaults. On the daemon's thread."""
        return self.daemon.host.make_task(prompt, title, self.defaults.settings()).id

    def resume(self, task: TaskId) -> None:
        """Carry a task on; where its model's name was wrong, with the one that is configured now. On the daemon's thread."""
        now = self.daemon.tasks.get(task)
        # A key that is gone is no reason to play a script instead.
        another = now.ended == "failed" and self.defaults.model() not in ("rehearsal", now.model)
        self.daemon.host.resume(task, self.defaults.settings() if another and not now.usage else None)

    def given(self, value: object) -> Given:
        """Take a value from a cell, with where it came from."""
        if isinstance(value, Facet):
            origin = self.variables.origin(value.target)
            listed = ", ".join(value.names)
            return Given(value, type(origin)(origin.expression, origin.type, f"allowing {listed}", origin.cell, origin.execution_count))
        return Given(value, self.variables.origin(value))
