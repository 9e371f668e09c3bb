"""A task may live for thousands of turns, and a thousand tasks may wait: what is done for one step stays what it was at the beginning.

What is counted is work, never time: the instructions that SQLite carries out, commits, and what is held in memory.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from endo_kernel.cards import Proposal, Slot
from endo_kernel.conversation import Result
from endo_kernel.daemon import Daemon
from endo_kernel.directory import HOST, guest_of
from endo_kernel.formulas import Literal
from endo_kernel.mainthread import MainQueue
from endo_kernel.names import FormulaId, PetName, TaskId
from endo_kernel.powers import ModelAnswer
from endo_kernel.store import Store
from tests.loopback_rules import Block, Rules, check_conversation
from tests.world import World, define

LONG, SHORT = 5_000, 100
MANY, FEW = 1_000, 20
_GRAIN = 10


class Work:
    """What a store was made to do: instructions of SQLite, in tens, and commits."""

    def __init__(self) -> None:
        self.tens = 0
        self.commits = 0

    def count(self) -> int:
        """Count ten instructions, and let SQLite go on."""
        self.tens += 1
        return 0


@contextmanager
def worked(store: Store) -> Iterator[Work]:
    """Count what is done in a store meanwhile, on whatever thread."""
    work = Work()
    before = store.commits
    store._database._connection.set_progress_handler(work.count, _GRAIN)
    yield work
    store._database._connection.set_progress_handler(None, 0)
    work.commits = store.commits - before


class _WatchedDaemon(Daemon):
    """A daemon whose work is counted from the opening of its store on."""

    def _open_store(self) -> Store:
        store = super()._open_store()
        self.opening = Work()
        store._database._connection.set_progress_handler(self.opening.count, _GRAIN)
        return store


class _Valid(Rules):
    """Holds a conversation to what makes it valid by itself: to compare each of its prefixes would take minutes."""

    def check(self, body: Mapping[str, Any]) -> None:
        """Raise RefusedError where the API would answer with 400."""
        check_conversation(body["messages"])

    def remember(self, body: Mapping[str, Any], blocks: Sequence[Block], *, paused: bool = False) -> None:
        """Keep nothing."""


class LongWorld(World):
    """A world with a long past, written at once, as its daemon would have written it bit by bit."""

    def start(self, main: MainQueue) -> Daemon:
        """Give a daemon whose opening is counted."""
        self.opened = _WatchedDaemon(self.folder, self.powers(main))
        self.model.rules = _Valid()
        return self.opened

    def now(self, act: Callable[[], Any]) -> Any:
        """Do something on the daemon's thread, in one transaction."""

        def together() -> Any:
            with self.daemon.store.transaction():
                return act()

        return self.daemon.call(together)

    def live_long(self, turns: int) -> TaskId:
        """Write a task with so many turns: definitions that are done, with results, letters and notes in between."""
        task: TaskId = self.now(lambda: self._live_long(turns))
        return task

    def _live_long(self, turns: int) -> TaskId:
        task = self._make_task("Live long")
        for number in range(1, turns // 2):
            self._propose(task, number, done=True)
            if number % 10 == 0:
                self.daemon.mail.write(task, f"letter {number}")
                self.daemon.tasks.note(task, "info", f"note {number}")
            self._answer(task)
        self.daemon.conversations.append_answer(task, ModelAnswer([{"type": "text", "text": "So far."}], "end_turn", {}))
        return task

    def park(self, tasks: int) -> None:
        """Write so many tasks that each wait for a card."""
        self.now(lambda: [self._propose(self._make_task(f"Task {number}"), 1, done=False) for number in range(tasks)])

    def _make_task(self, title: str) -> TaskId:
        task = self.daemon.tasks.make(title, "go", self.session.defaults.settings()).id
        self.daemon.mail.write(task, "go")
        self._answer(task)
        return task

    def _answer(self, task: TaskId) -> None:
        letters = self.daemon.mail.queued(task)
        content = self.daemon.conversations.next_user_content(self.daemon.conversations.last(task), letters)
        self.daemon.mail.deliver(letters, self.daemon.conversations.append_user(task, content).id)

    def _propose(self, task: TaskId, number: int, *, done: bool) -> None:
        conversations, key = self.daemon.conversations, f"toolu_past_{task}_{number}"
        name, given = define(f"Step {number}", "value + 1", result="again", value="a number")
        blocks = [{"type": "text", "text": f"Words {number}"}, {"type": "tool_use", "id": key, "name": name, "input": given}]
        turn = conversations.append_answer(task, ModelAnswer(blocks, "tool_use", {"input": 10}))
        slots = (Slot("value", "a number"),)
        asked = Proposal(
            task, turn.id, key, "definition", f"Step {number}", result="again", code="value + 1", realm="notebook", slots=slots
        )
        card = self.daemon.cards.open(asked)
        if done:
            for state in ("approved", "running", "done"):
                card = self.daemon.cards.move(card, state, who="you")
            formula = self.daemon.graph.formulate(Literal(number))
            self._name(task, formula, number)
            conversations.settle(turn, Result(key, [{"type": "text", "text": str(number)}]))

    def _name(self, task: TaskId, formula: FormulaId, number: int) -> None:
        name = PetName("again")
        self.daemon.directory.write(guest_of(task), name, formula, f"result of card {number}")
        self.daemon.directory.write(HOST, self.daemon.directory.free(HOST, name, formula), formula, f"card {number}")

    def show(self, **what: Any) -> Any:
        """Give a view."""
        return self.daemon.call(lambda: self.session.views.show(what))


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[str], LongWorld]]:
    worlds: list[LongWorld] = []

    def make(name: str) -> LongWorld:
        worlds.append(LongWorld(tmp_path / name))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


Worlds = tuple[tuple[LongWorld, TaskId], tuple[LongWorld, TaskId]]


@pytest.fixture
def lives(make_world: Callable[[str], LongWorld]) -> Worlds:
    """A short life and a long one."""
    short, long = make_world("short"), make_world("long")
    return (short, short.live_long(SHORT)), (long, long.live_long(LONG))


def step(world: LongWorld, task: TaskId) -> tuple[int, int]:
    """Have one definition approved and run, and give the instructions and the commits of it, without the reading of the history.

    The API keeps nothing, so both model calls read and send all of it; that is measured by itself and taken off.
    """
    with worked(world.daemon.store) as reading:
        world.daemon.call(lambda: world.daemon.conversations.turns(task))
    world.model.will_use(define("Again", "value + 1", result="again", value="a number"))
    world.model.will_say("And so on.")
    handle = world.endo.tasks[task]
    with worked(world.daemon.store) as work:
        handle.send("once more")
        assert handle.wait(60) == "waiting"
        (card,) = world.endo.inbox
        assert world.endo.endow(card, value=1) == 2
        assert handle.wait(60) == "idle"
    return work.tens - 2 * reading.tens, work.commits


def test_a_step_of_a_long_life_costs_what_it_cost_in_the_beginning(lives: Worlds) -> None:
    (instructions, commits), (later, commits_later) = (step(*life) for life in lives)

    assert commits_later == commits
    assert later < 1.2 * instructions + 50


def test_a_long_thread_is_drawn_from_its_newest_part_and_costs_no_more(lives: Worlds) -> None:
    costs, sizes = [], []
    for world, task in lives:
        world.show(kind="task", task=task)
        with worked(world.daemon.store) as work:
            view = world.show(kind="task", task=task)
        costs.append(work.tens)
        sizes.append(len(json.dumps(view)))
        assert view["head"]["earlier"] == (SHORT, LONG)[len(costs) - 1] - 59

    assert costs[1] < 1.2 * costs[0] + 50
    assert sizes[1] < 1.2 * sizes[0]


def test_paging_back_through_a_long_thread_shows_each_part_of_it_once(make_world: Callable[[str], LongWorld]) -> None:
    world = make_world("paged")
    task = world.live_long(500)

    view = world.show(kind="task", task=task)
    pages = [view["order"]]
    while view["head"]["earlier"]:
        oldest = next(key for key in pages[-1] if key.startswith("t"))
        view = world.daemon.call(lambda turn=int(oldest[1:]): world.session.views.task(task, before=turn))
        pages.append(view["order"])

    keys = [key for page in pages for key in page]
    assert len(set(keys)) == len(keys)
    assert {kind: sum(key.startswith(kind) for key in keys) for kind in "tcmn"} == {"t": 250, "c": 249, "m": 25, "n": 24}


def test_opening_a_long_life_reads_no_more_than_opening_a_short_one(lives: Worlds) -> None:
    costs = []
    for world, task in lives:
        world.restart()
        assert world.endo.tasks[task].status == "idle"
        costs.append(world.opened.opening.tens)

    assert costs[1] < 1.2 * costs[0] + 50


def test_a_thousand_parked_tasks_hold_no_thread_no_timer_and_no_call(make_world: Callable[[str], LongWorld]) -> None:
    world = make_world("parked")
    threads = threading.active_count()
    world.park(MANY)

    world.restart()

    assert len(world.endo.inbox) == MANY
    assert {task.status for task in world.endo.tasks} == {"waiting"}
    assert threading.active_count() == threads
    held = world.daemon.call(lambda: (len(asyncio.all_tasks()), len(world.daemon.agent._timers), len(world.daemon.agent._calls)))
    assert held == (1, 0, 0)
    assert world.model.requests == []


def test_one_of_a_thousand_parked_tasks_goes_on_as_one_of_a_few_does(make_world: Callable[[str], LongWorld]) -> None:
    costs = []
    for tasks in (FEW, MANY):
        world = make_world(f"parked-{tasks}")
        world.park(tasks)
        world.restart()
        for _ in range(tasks):  # each takes a turn of the loop, between which the daemon looks at some more of the tasks
            world.daemon.call(lambda: None)
        task = world.endo.tasks[tasks]

        with worked(world.daemon.store) as work:
            assert world.endo.endow(tasks, value=1) == 2
            assert task.wait(20) == "idle"
        costs.append((work.tens, work.commits))

    (few, commits), (many, commits_of_many) = costs
    assert commits_of_many == commits
    assert many < 1.2 * few + 50


def test_lists_of_many_are_counted_and_drawn_in_part(make_world: Callable[[str], LongWorld]) -> None:
    world = make_world("listed")
    world.park(MANY)

    inbox, tasks = world.show(kind="inbox"), world.show(kind="tasks")

    assert (inbox["head"]["count"], len(inbox["entries"])) == (MANY, 50)
    assert (tasks["head"]["count"], len(tasks["head"]["rows"])) == (MANY, 200)
    assert inbox["order"][0] == "c1"
    assert tasks["head"]["rows"][0]["id"] == MANY
    assert len(json.dumps([inbox, tasks])) < 500_000


def test_a_letter_of_any_length_is_delivered_whole_and_drawn_in_part(world: World) -> None:
    letter = "word " * 100_000
    task = world.endo.task(letter)
    assert task.wait(20) == "idle"

    view = world.daemon.call(lambda: world.session.views.show({"kind": "task", "task": task.id}))

    assert world.sent[0]["content"][0]["text"] == letter
    assert len(json.dumps(view)) < 30_000
    assert "480,000 more characters" in json.dumps(view)
