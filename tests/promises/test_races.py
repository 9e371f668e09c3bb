"""Decisions race: one of them is taken, and whoever comes second is told what was decided, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from endo_kernel.errors import CardDecided
from endo_kernel.pages import Page
from tests.world import World, define

DECIDED = r"card 1 was already approved at \d\d:\d\d"
LOG = {"variable": "log"}
Decide = Callable[[], object]


class Tab:
    """A page as a browser tab holds it: commands go out, replies come back."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._replies: dict[int, Future[Mapping[str, Any]]] = {}
        self._page = Page(world.session, self._heard)

    def _heard(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "reply":
            self._replies[message["n"]].set_result(message)

    def click(self, op: str, **parts: Any) -> Future[Mapping[str, Any]]:
        """Send a command, and give the reply that will come."""
        number = len(self._replies)
        reply = self._replies[number] = Future[Mapping[str, Any]]()
        self._world.daemon.post(lambda: self._page.receive({"n": number, "op": op, **parts}))
        return reply

    def endow(self, **bindings: Any) -> Future[Mapping[str, Any]]:
        return self.click("endow", card=1, digest=self._world.endo.inbox[1].digest, bindings=bindings)


@pytest.fixture
def effects(world: World) -> list[int]:
    """What the code of card 1 did; the card is open."""
    effects: list[int] = []
    world.namespace["log"] = effects
    world.model.will_use(define("Add", "log.append(1)\nlen(log)", log="a list", result="count"))
    world.endo.task("add").wait(10)
    return effects


def replies(*asked: Future[Mapping[str, Any]], world: World) -> tuple[int, list[Mapping[str, Any]]]:
    """Wait for the replies, while the main thread does its work; how many were taken, and the refusals."""
    answers = [world.session.main.serve(reply) for reply in asked]
    return sum(answer["ok"] for answer in answers), [answer for answer in answers if not answer["ok"]]


def test_a_double_click_runs_once_and_the_second_click_is_told(world: World, effects: list[int]) -> None:
    tab = Tab(world)

    taken, refused = replies(tab.endow(log=LOG), tab.endow(log=LOG), world=world)

    assert world.endo.tasks[1].wait(10) == "idle"
    assert (taken, effects) == (1, [1])
    assert [answer["kind"] for answer in refused] == ["CardDecided"]
    assert "card 1 was already approved at" in refused[0]["error"]


def test_two_tabs_decide_differently_and_only_the_first_counts(world: World, effects: list[int]) -> None:
    one, other = Tab(world), Tab(world)
    digest = world.endo.inbox[1].digest

    taken, refused = replies(one.click("reject", card=1, reason="no", digest=digest), other.endow(log=LOG), world=world)

    assert world.endo.tasks[1].wait(10) == "idle"
    assert (taken, effects) == (1, [])
    assert refused[0]["error"].startswith("card 1 was already rejected at")
    assert world.endo.inbox[1].log[-1]["why"] == "no"


def test_a_cell_and_a_page_approve_and_one_of_them_runs_it(world: World, effects: list[int]) -> None:
    click = Tab(world).endow(log=LOG)

    with pytest.raises(CardDecided, match=DECIDED):
        world.endo.endow(1, log=effects)

    assert replies(click, world=world)[0] == 1
    assert world.endo.tasks[1].wait(10) == "idle"
    assert effects == [1]


def test_a_page_that_comes_while_a_cell_runs_the_card_is_told(world: World, effects: list[int]) -> None:
    tab = Tab(world)
    clicks: list[Future[Mapping[str, Any]]] = []

    class Log(list[int]):
        def append(self, item: int, /) -> None:
            clicks.append(tab.endow(log=LOG))
            super().append(item)

    assert world.endo.endow(1, log=Log()) == 1

    (refused,) = replies(*clicks, world=world)[1]
    assert refused["kind"] == "CardDecided"


@pytest.mark.parametrize("decide", ["endow", "reject", "mixed"])
def test_of_many_threads_one_decides(world: World, effects: list[int], decide: str) -> None:
    start = threading.Barrier(8)
    endow: Decide = lambda: world.endo.endow(1, log=effects)  # noqa: E731
    reject: Decide = lambda: world.endo.reject(1, "no")  # noqa: E731
    acts = {"endow": [endow] * 8, "reject": [reject] * 8, "mixed": [endow, reject] * 4}[decide]

    def at_once(act: Decide) -> object:
        start.wait()
        return act()

    with ThreadPoolExecutor(9) as threads:
        asked = [threads.submit(at_once, act) for act in acts]
        world.session.main.serve(threads.submit(wait, asked))

    refused = [str(decided.exception()) for decided in asked if decided.exception() is not None]
    assert world.endo.tasks[1].wait(10) == "idle"
    assert len(refused) == 7
    assert all(" was already " in words for words in refused)
    assert {type(decided.exception()) for decided in asked} == {CardDecided, type(None)}
    assert effects == ([1] if world.endo.inbox[1].state == "done" else [])
    assert sum(change["was"] == "open" for change in world.endo.inbox[1].log) == 1


def test_a_form_is_answered_once(world: World) -> None:
    world.model.will_use(("form", {"title": "How many", "fields": {"n": {"label": "how many", "type": "number"}}}))
    world.endo.task("ask").wait(10)
    digest = world.endo.inbox[1].digest
    tabs = Tab(world), Tab(world)

    taken, refused = replies(*(tab.click("answer", card=1, digest=digest, values={"n": n}) for n, tab in enumerate(tabs)), world=world)

    assert taken == 1
    assert "card 1 was already answered at" in refused[0]["error"]
    assert world.endo.tasks[1].wait(10) == "idle"
    assert '"n": 0' in world.sent[-1]["content"][0]["content"][0]["text"]


def test_a_request_that_two_answer_takes_the_first_value(world: World) -> None:
    world.model.will_use(("request", {"title": "A table", "label": "the table", "result": "table"}))
    world.endo.task("ask").wait(10)
    tabs = Tab(world), Tab(world)

    taken, refused = replies(*(tab.click("answer", card=1, binding={"literal": n}) for n, tab in enumerate(tabs)), world=world)

    assert taken == 1
    assert [answer["kind"] for answer in refused] == ["CardDecided"]
    assert world.endo["table"] == 0


def test_an_approval_of_what_was_shown_before_an_earlier_page_changed_it_is_refused(world: World, effects: list[int]) -> None:
    tab = Tab(world)

    taken, refused = replies(tab.click("endow", card=1, digest="0" * 64, bindings={"log": {"literal": []}}), world=world)

    assert taken == 0
    assert refused[0]["kind"] == "CardChanged"
    assert world.endo.inbox[1].state == "open"


def test_cancelling_a_task_and_approving_its_card_do_not_both_happen(world: World, effects: list[int]) -> None:
    cancelling, approving = Tab(world), Tab(world)

    taken, refused = replies(cancelling.click("cancel", task=1), approving.endow(log=LOG), world=world)

    assert taken == 1
    assert "card 1 was already withdrawn at" in refused[0]["error"]
    assert effects == []


def test_a_card_approved_from_a_page_and_cancelled_before_a_cell_ended_does_not_run(world: World, effects: list[int]) -> None:
    assert Tab(world).endow(log=LOG).result(10)["ok"]  # the main thread is busy here: nothing drains its queue

    world.endo.tasks[1].cancel("not now")
    world.session.main.drain()

    assert effects == []
    assert world.endo.inbox[1].state == "withdrawn"
