"""A restart is ordinary: the same cards, the same conversation, and nothing runs twice."""

from __future__ import annotations

import pytest

from endo_kernel.errors import ValueLost
from tests.world import World, define


def test_a_card_opened_before_a_restart_can_be_endowed_after_it(world: World) -> None:
    world.model.will_use(define("Double", "n * 2", n="a number", result="double"), say="Let me see.")
    world.endo.task("double").wait(10)
    digest = world.endo.inbox[1].digest

    world.restart()

    (card,) = world.endo.inbox
    assert (card.number, card.state, card.digest) == (1, "open", digest)
    assert world.endo.endow(1, n=21) == 42
    assert world.endo.tasks[1].wait(10) == "idle"
    assert [message["role"] for message in world.sent] == ["user", "assistant", "user"]


def test_an_answer_to_the_same_turn_finds_the_same_cards(world: World) -> None:
    world.model.will_use(define("One", "1"), define("Two", "2"))
    task = world.endo.task("two")
    task.wait(10)

    for _ in range(3):
        world.restart()
        world.endo.tasks[task.id].wait(10)

    assert [card.number for card in world.endo.inbox] == [1, 2]
    assert len(world.model.requests) == 1


def test_a_result_is_there_after_a_restart_by_its_json_or_its_snapshot(world: World) -> None:
    world.model.will_use(define("Plain", "{'a': [1, 2]}", result="plain"), define("Rich", "{(1, 2): {3}}", result="rich"))
    world.endo.task("make").wait(10)
    world.endo.endow(1)
    world.endo.endow(2)

    world.restart()

    assert world.endo["plain"] == {"a": [1, 2]}
    assert world.endo["rich"] == {(1, 2): {3}}


def test_what_could_not_be_kept_says_so_and_can_be_run_again_by_the_host(world: World) -> None:
    world.model.will_use(define("Function", "lambda: 7", result="seven"))
    world.endo.task("make").wait(10)
    world.endo.endow(1)

    world.restart()

    with pytest.raises(ValueLost, match=r"endo.rerun\(1\)"):
        _ = world.endo["seven"]
    assert world.endo.rerun(1)() == 7
    assert world.endo["seven"]() == 7


def test_an_approved_card_whose_live_value_is_gone_is_open_again_and_says_so(world: World) -> None:
    world.namespace["items"] = items = [object()]
    world.model.will_use(
        define("First", "0", result="first"),
        define("Second", "len(data) + base", data="a list", base={"label": "first", "from": "first"}),
    )
    task = world.endo.task("two")
    task.wait(10)
    world.endo.endow(2, data=items)

    world.restart()
    assert world.endo.endow(1) == 0

    task = world.endo.tasks[1]
    assert task.wait(10) == "waiting"
    view = world.daemon.call(lambda: world.session.views.show({"kind": "card", "card": 2}))
    slot = view["entries"]["c2"]["card"]["slots"][0]
    assert "items" in slot["lost"]
    assert world.endo.endow(2, data=[1, 2]) == 2


def test_an_approved_card_whose_bindings_are_all_there_runs_once_after_a_restart(world: World) -> None:
    world.model.will_use(
        define("First", "n", n="a number", result="first"),
        define("Second", "base + 1", base={"label": "first", "from": "first"}, result="second"),
    )
    world.endo.task("two").wait(10)
    world.endo.endow(2)

    world.restart()
    world.endo.endow(1, n=1)

    assert world.endo.tasks[1].wait(10) == "idle"
    assert world.endo["second"] == 2
    assert len(world.endo.inbox[2].steps) == 1


def test_the_card_tells_which_variable_is_gone_after_a_restart(world: World) -> None:
    world.namespace["table"] = [1, 2, 3]
    world.session.variables.note_cell(5, "abc")
    world.model.will_use(define("Count", "len(table)", table="the table"))
    world.endo.task("count").wait(10)
    show = {"kind": "card", "card": 1}
    world.daemon.call(lambda: world.session.views.show(show))

    world.restart()

    slot = world.daemon.call(lambda: world.session.views.show(show))["entries"]["c1"]["card"]["slots"][0]
    assert "table was a list" in slot["lost"]
    assert "cell [5]" in slot["lost"]
    world.namespace["table"] = [1, 2]
    slot = world.daemon.call(lambda: world.session.views.show(show))["entries"]["c1"]["card"]["slots"][0]
    assert slot["lost"] is None


def test_a_message_written_while_a_card_is_open_is_delivered_after_the_results(world: World) -> None:
    world.model.will_use(define("One", "1"), define("Two", "2"))
    task = world.endo.task("go")
    task.wait(10)
    task.send("also try ridge")
    world.endo.endow(1)

    world.restart()
    assert len(world.model.requests) == 1
    world.endo.endow(2)

    world.endo.tasks[1].wait(10)
    kinds = [block["type"] for block in world.sent[-1]["content"]]
    assert kinds == ["tool_result", "tool_result", "text"]
    assert world.sent[-1]["content"][2]["text"] == "also try ridge"


def test_the_settings_of_a_task_outlive_an_upgrade(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.model.will_use(define("One", "1"))
    world.endo.task("go").wait(10)
    monkeypatch.setattr("endo_kernel.session.SYSTEM", "Another prompt")

    world.restart()
    world.endo.endow(1)
    world.endo.tasks[1].wait(10)
    world.endo.task("new").wait(10)

    assert world.model.requests[1].system == world.model.requests[0].system
    assert world.model.requests[2].system == "Another prompt"


def test_what_is_still_there_of_an_approval_need_not_be_given_again(world: World) -> None:
    world.model.will_use(
        define("First", "0", result="first"),
        define(
            "Second",
            "len(data) * rate + base",
            data="some items",
            rate="a number",
            base={"label": "first", "from": "first"},
        ),
    )
    world.endo.task("two").wait(10)
    world.endo.endow(2, data={object()}, rate=10)

    world.restart()
    world.endo.endow(1)
    assert world.endo.tasks[1].wait(10) == "waiting"

    assert world.endo.endow(2, data={1, 2}) == 20
