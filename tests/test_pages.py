"""A page follows views, sends decisions, and keeps no state: what it has not seen is sent, once, and errors are sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from endo_kernel.pages import Page, Pages
from tests.world import World, define


class Browser:
    """One page, and what it was sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: Queue[Mapping[str, Any]] = Queue()
        self.pages: Pages = world.daemon.call(lambda: Pages(world.session))
        self.page: Page = world.daemon.call(lambda: self.pages.open("tab", self.sent.put))
        self._n = 0

    def ask(self, op: str, **parts: Any) -> Mapping[str, Any]:
        self._n += 1
        message = {"n": self._n, "op": op, **parts}
        self.world.daemon.call(lambda: self.page.receive(message))
        while (said := self.sent.get(timeout=10)).get("n") != self._n:
            pass
        return said

    def view(self) -> Mapping[str, Any]:
        while (said := self.sent.get(timeout=10))["type"] != "view":
            pass
        return said


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store")
    yield world
    world.close()


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def test_a_view_is_sent_whole_once_and_then_what_changed(world: World, browser: Browser) -> None:
    world.model.will_use(define("One", "1"))
    world.endo.task("go").wait(10)

    browser.world.daemon.call(lambda: browser.page.receive({"n": 1, "op": "hello", "view": "v", "show": {"kind": "task", "task": 1}}))
    first = browser.view()
    world.endo.reject(1, "no")
    later = browser.view()
    while later["entries"].get("c1", {}).get("card", {}).get("state") != "rejected":
        later = browser.view()

    assert (first["full"], first["seq"]) == (True, 1)
    assert set(first["entries"]) == set(first["order"])
    assert not later["full"]
    assert "m1" not in later["entries"]
    assert set(first["order"]) <= set(later["order"])


def test_a_variable_that_changed_since_the_card_was_drawn_is_refused(world: World, browser: Browser) -> None:
    world.namespace["data"] = [1, 2, 3]
    world.model.will_use(define("Count", "len(data)", data="a list"))
    world.endo.task("count").wait(10)
    card = browser.ask("show", show={"kind": "card", "card": 1})["result"]["entries"]["c1"]["card"]
    (offer,) = [candidate for candidate in card["slots"][0]["candidates"] if candidate["label"] == "data"]

    world.namespace["data"] = [1, 2]
    said = browser.ask("endow", card=1, digest=card["digest"], bindings={"data": offer["ref"]})

    assert (said["ok"], said["kind"]) == (False, "CardChanged")
    assert "'data' changed since the card was drawn" in said["error"]
    assert world.endo.inbox[1].state == "open"


def test_what_a_person_typed_is_a_value_and_never_code(world: World, browser: Browser) -> None:
    world.model.will_use(define("Echo", "text", text="words", result="echo"))
    task = world.endo.task("echo")
    task.wait(10)
    digest = world.endo.inbox[1].digest

    assert browser.ask("endow", card=1, digest=digest, bindings={"text": {"literal": "__import__('os').getpid()"}})["ok"]
    assert task.wait(10) == "idle"

    assert world.endo["echo"] == "__import__('os').getpid()"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"op": "fly"}, "there is no command 'fly'"),
        ({"op": "endow", "card": 1}, "cannot be read"),
        ({"op": "show", "show": {"kind": "task", "task": 99}}, "there is no task 99"),
        ({"op": "show", "show": {"kind": "card", "card": "__class__"}}, "names no view"),
        ({"op": "reject", "card": 99, "reason": "no"}, "there is no card 99"),
        ({"op": "hello", "view": "v", "show": {"kind": "task", "task": 1}, "store": "another"}, "another notebook's tasks"),
        ({"op": "_gift"}, "there is no command '_gift'"),
        ({"op": "earlier", "task": 1, "before": "../../x"}, "is not the key of a turn"),
    ],
)
def test_a_message_that_cannot_be_carried_out_is_answered_with_a_sentence(
    world: World, browser: Browser, message: dict[str, Any], words: str
) -> None:
    said = browser.ask(message.pop("op"), **message)

    assert not said["ok"]
    assert words in said["error"]


def test_the_texts_of_a_view_hold_no_markup_of_an_agents(world: World, browser: Browser) -> None:
    world.model.will_say("<script>alert(1)</script>")
    world.endo.task("<img src=x onerror=alert(1)>").wait(10)

    texts = browser.ask("texts", show={"kind": "task", "task": 1})["result"]

    assert "<script>" not in texts["text/html"]
    assert "<img" not in texts["text/html"]
    assert "&lt;script&gt;" in texts["text/html"]
