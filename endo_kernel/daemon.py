"""The daemon: the composition root. Powers and a folder in, a host out.

One thread with one event loop is the only writer of the store, talks to the models and owns all task logic. A kernel, a script and a
test open it in the same way. Opening does what carrying on does: settle what can be settled, park what waits, send again what was
in flight, and mark what may have run.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from endo_kernel.agent.machine import Agent
from endo_kernel.cards import WAITING, Cards
from endo_kernel.conversation import Conversations
from endo_kernel.directory import Directory
from endo_kernel.errors import DaemonClosed, StoreError, StoreLocked
from endo_kernel.graph import Graph
from endo_kernel.guest import Guest
from endo_kernel.host import Host
from endo_kernel.mail import Mail
from endo_kernel.names import CardNumber, TaskId
from endo_kernel.parts import Parts
from endo_kernel.powers import Backoff, Clock, Json, MainThread, Models, Realm, SystemClock
from endo_kernel.steps import Steps
from endo_kernel.store import Store, open_store
from endo_kernel.tasks import Status, Task, Tasks, status
from endo_kernel.values import restore

T = TypeVar("T")
Watcher = Callable[[set[TaskId], set[TaskId]], None]
"""Called with the tasks that changed, and those of which only more text of an answer has come in."""

_log = logging.getLogger("endo_kernel")
_DRAW_SECONDS = 0.05
_LONGEST_DRAW_SECONDS = 1.0
_DRAWING_SHARE = 0.2
"""How much of the daemon's time may go into drawing: what takes long to draw is drawn less often."""
_WAKES_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Powers:
    """Everything that the daemon gets from outside."""

    main: MainThread
    models: Models
    realms: Sequence[Realm]
    clock: Clock = field(default_factory=SystemClock)
    backoff: Backoff = field(default_factory=Backoff)


class Daemon:
    """A running daemon on one store; lives until `close`. Holding one gives all of the host's authority."""

    def __init__(self, folder: Path, powers: Powers, owner: Mapping[str, Json] | None = None, *, readonly: bool = False) -> None:
        self.powers = powers
        self._folder = folder
        self._owner = dict(owner or {})
        self._readonly = readonly
        self._process = os.getpid()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._work: set[asyncio.Task[Any]] = set()
        self._asked: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._changed: set[TaskId] = set()
        self._heard: set[TaskId] = set()
        self._watchers: list[Watcher] = []
        self._drawing: asyncio.TimerHandle | None = None
        self._draw_seconds = _DRAW_SECONDS
        ready: Future[None] = Future()
        # A clean context: what the daemon prints or shows never lands in the cell that happened to start it.
        self._thread = threading.Thread(target=contextvars.Context().run, args=(self._live, ready), name="endo-daemon", daemon=True)
        self._thread.start()
        ready.result()

    def _live(self, ready: Future[None]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._compose()
            self._loop.call_soon(ready.set_result, None)
            if not self.readonly:
                self._loop.call_soon(self._carry_on)
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that waits for it
            self._loop.close()
            ready.set_exception(error)
            return
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
        self._turn_away()

    def _compose(self) -> None:
        powers = self.powers
        self.store: Store = self._open_store()
        realms = {realm.name: realm for realm in powers.realms}
        self.graph = Graph(self.store, lambda data: powers.main.run(lambda: restore(data), "reading a value back"))
        self.directory = Directory(self.store)
        self.mail = Mail(self.store, powers.clock)
        self.cards = Cards(self.store, powers.clock)
        self.tasks = Tasks(self.store, powers.clock)
        self.conversations = Conversations(self.store, powers.clock)
        parts = Parts(
            self.store,
            self.graph,
            self.directory,
            self.mail,
            self.cards,
            self.tasks,
            self.conversations,
            realms,
            powers.main,
            powers.clock,
            self,
        )
        self.steps = Steps(parts, powers.backoff)
        self.host = Host(parts, self.steps)
        self.agent = Agent(parts, Guest(parts), powers.models, powers.backoff)

    def _open_store(self) -> Store:
        self.refusal = "opened for reading only"
        if not self._readonly:
            try:
                return open_store(self._folder, self._owner)
            except StoreLocked as error:
                self.refusal = str(error)
        return open_store(self._folder, readonly=True)

    def _carry_on(self) -> None:
        if self._closed:
            return
        try:
            self.steps.recover()
        except StoreError as error:
            _log.warning("what may have run before cannot be marked yet: %s", error)
            self._loop.call_later(self.powers.backoff.disk, self._carry_on)
            return
        for task in {card.task: None for card in self.cards.in_state("approved")}:
            self.steps.start(task)
        self._wake_each([task.id for task in self.tasks.open()])

    def _wake_each(self, tasks: list[TaskId]) -> None:
        """Look at many tasks, letting others in between: a thousand parked ones must not keep the host waiting."""
        for task in tasks[:_WAKES_AT_ONCE]:
            self._wake(task)
        if tasks[_WAKES_AT_ONCE:]:
            self._loop.call_soon(self._wake_each, tasks[_WAKES_AT_ONCE:])

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the daemon's thread."""
        return self._loop

    @property
    def readonly(self) -> bool:
        """Whether another process writes this store."""
        return self.store.readonly

    @property
    def refusal_now(self) -> str | None:
        """Why nothing can be decided here, or None."""
        return self.refusal if self.readonly else None

    # From other threads

    def call(self, act: Callable[[], T]) -> T:
        """Do something on the daemon's thread and give its result; from that thread it is an ordinary call."""
        if threading.current_thread() is self._thread:
            return act()

        async def run() -> T:
            return act()

        return self.submit(run()).result()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the daemon's loop."""
        if self._closed or os.getpid() != self._process:
            work.close()
            why = "was closed" if self._closed else "belongs to the process that forked this one"
            raise DaemonClosed(f"the endo daemon {why}; restart the kernel to use it")
        done: Future[T] = Future()
        self._asked[done] = work
        done.add_done_callback(lambda done: self._asked.pop(done, None))
        try:
            self._loop.call_soon_threadsafe(self._submit, work, done, context=contextvars.Context())
        except RuntimeError:  # the loop closed between the check and the call
            self._turn_away()
        return done

    def _submit(self, work: Coroutine[Any, Any, T], done: Future[T]) -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        task.add_done_callback(lambda task: _pass_on(task, done))

    def _turn_away(self) -> None:
        """Answer whoever still waits when the loop has ended: nobody may wait for ever for a daemon that is gone."""
        for done, work in list(self._asked.items()):
            work.close()
            if not done.done():
                done.set_exception(DaemonClosed("the endo daemon was closed meanwhile"))

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine on the daemon's loop, from the daemon's thread."""
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def post(self, act: Callable[[], None]) -> None:
        """Do something on the daemon's thread, soon, and wait for nothing."""
        if not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop closed between the check and the call
                self._loop.call_soon_threadsafe(act, context=contextvars.Context())

    @contextlib.contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Have `watcher` called on the daemon's thread with the tasks that changed, coalesced, for as long as this lasts."""
        self.call(lambda: self._watchers.append(watcher))
        try:
            yield
        finally:
            with contextlib.suppress(DaemonClosed):
                self.call(lambda: self._watchers.remove(watcher))

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` called for as long as the daemon lives."""
        self.call(lambda: self._watchers.append(watcher))

    def status(self, task: Task) -> Status:
        """Derive a task's status now."""
        return self.glance(task)[0]

    def glance(self, task: Task) -> tuple[Status, list[CardNumber]]:
        """Derive a task's status, and give the cards that it waits for."""
        last = self.conversations.last(task.id)
        settled = True
        if last is not None and last.tool_uses:
            results = self.conversations.results(last)
            settled = all(use.id in results for use in last.tool_uses)
        cards = self.cards.unsettled(task.id)
        now = status(task, last, cards, settled, bool(self.mail.queued(task.id)), self.agent.calling(task.id))
        return now, [card.number for card in cards if card.state in WAITING]

    # The bell

    def changed(self, task: int) -> None:
        """Have the task drawn again, soon."""
        self._changed.add(TaskId(task))
        self._draw_soon()

    def heard(self, task: int) -> None:
        """Have the text of the answer that is coming in drawn, soon."""
        self._heard.add(TaskId(task))
        self._draw_soon()

    def _draw_soon(self) -> None:
        if self._drawing is None and not self._closed:
            self._drawing = self._loop.call_later(self._draw_seconds, self._draw)

    def _draw(self) -> None:
        self._drawing = None
        changed, self._changed = self._changed, set()
        heard, self._heard = self._heard, set()
        began = self._loop.time()
        for watcher in list(self._watchers):
            watcher(changed, heard)
        self._draw_seconds = min(max(_DRAW_SECONDS, (self._loop.time() - began) / _DRAWING_SHARE), _LONGEST_DRAW_SECONDS)

    def wake(self, task: int) -> None:
        """Have the agent look at a task, soon."""
        self._loop.call_soon(self._wake, TaskId(task))

    def _wake(self, task: TaskId) -> None:
        if self._closed:
            return
        try:
            self.agent.wake(task)
        except StoreError as error:
            # A full disk or the like: nothing was half done, so looking again later is all there is to do.
            _log.warning("task %s waits for the store: %s", task, error)
            self._loop.call_later(self.powers.backoff.disk, self._wake, task)

    # The end

    def close(self, timeout: float = 5.0) -> None:
        """Stop; what was under way is found again at the next start. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._process or not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop)
        self._thread.join(timeout)

    async def _shut(self) -> None:
        try:
            await self.agent.close()
            await self.steps.close()
            await self._stop_work()
            await self.powers.models.close()
            for realm in self.powers.realms:
                await realm.close()
        finally:
            self.store.close()
            self._loop.stop()

    async def _stop_work(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)


def _pass_on(task: asyncio.Task[T], done: Future[T]) -> None:
    if task.cancelled():
        done.set_exception(DaemonClosed("the endo daemon was closed meanwhile"))
        return
    error = task.exception()
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(task.result())
