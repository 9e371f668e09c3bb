"""What needs the result of a card that will not give it ends with that card, in the same commit, and the task goes on."""

from __future__ import annotations

import json

import pytest

from endo_kernel.errors import StoreDamaged
from tests.promises.lives import effect
from tests.world import World, define


def chain(*needs: str) -> list[tuple[str, dict[str, object]]]:
    """Definitions named first, second, third; each string says which of the earlier results that one needs."""
    names = ["first", "second", "third"]
    return [
        define(name, " + ".join(["1", *wanted.split()]), result=name, **{slot: {"label": slot, "from": slot} for slot in wanted.split()})
        for name, wanted in zip(names, needs, strict=False)
    ]


def states(world: World) -> list[str]:
    return [card.state for card in world.endo.tasks[1].cards]


def test_withdrawing_ends_a_whole_chain_and_delivers_the_message(world: World) -> None:
    world.model.will_use(*chain("", "first", "second"))
    task = world.endo.task("go")
    task.wait(10)
    world.endo.endow(2)

    task.send("something else", withdraw=True)

    assert task.wait(10) == "idle"
    assert states(world) == ["withdrawn", "failed", "withdrawn"]
    assert [block["type"] for block in world.sent[-1]["content"]] == ["tool_result"] * 3 + ["text"]


def test_cancelling_ends_a_whole_chain(world: World) -> None:
    world.model.will_use(*chain("", "first", "second"))
    task = world.endo.task("go")
    task.wait(10)
    world.endo.endow(3)

    task.cancel("not needed")

    assert task.status == "cancelled"
    assert states(world) == ["withdrawn", "withdrawn", "failed"]


@pytest.mark.parametrize("way", ["reject", "break", "cancel", "withdraw"])
def test_a_card_that_needs_two_results_ends_once(world: World, way: str) -> None:
    world.model.will_use(*chain("", "first", "first second"))
    task = world.endo.task("go")
    task.wait(10)
    world.endo.endow(3)

    if way == "reject":
        world.endo.reject(1, "no")
    elif way == "break":
        with pytest.raises(ZeroDivisionError):
            world.endo.endow(1, _code="1 / 0")
    elif way == "cancel":
        task.cancel()
    else:
        task.send("no", withdraw=True)

    assert task.wait(10) == ("cancelled" if way == "cancel" else "idle")
    assert all(state in ("failed", "withdrawn", "rejected") for state in states(world))
    assert [len([change for change in card.log if change["state"] in ("failed", "withdrawn")]) for card in task.cards][1:] == [1, 1]


def test_of_a_turn_partly_approved_and_partly_rejected_each_use_is_told_its_own_end(world: World) -> None:
    uses = world.model.will_use(*chain("", "", "second"))
    task = world.endo.task("go")
    task.wait(10)

    world.endo.reject(2, "not that")
    world.endo.endow(1)

    assert task.wait(10) == "idle"
    told = {block["tool_use_id"]: json.loads(block["content"][0]["text"]) for block in world.sent[-1]["content"]}
    assert [told[use]["status"] for use in uses] == ["done", "rejected", "withdrawn"]
    assert "card 2 was rejected" in told[uses[2]]["reason"]


def test_a_request_that_is_rejected_ends_what_was_to_use_its_value(world: World) -> None:
    world.model.will_use(
        ("request", {"title": "A table", "label": "the table", "result": "table"}),
        define("Use it", "len(table)", table={"label": "the table", "from": "table"}),
    )
    task = world.endo.task("go")
    task.wait(10)

    world.endo.reject(1, "there is none")

    assert task.wait(10) == "idle"
    assert states(world) == ["rejected", "withdrawn"]


def test_an_approved_card_whose_snapshot_cannot_be_read_is_open_again(world: World) -> None:
    world.model.will_use(define("Make", "{(1, 2): {3}}", result="first"))
    task = world.endo.task("go")
    task.wait(10)
    world.endo.endow(1)
    task.wait(10)
    world.model.will_use(define("Use", effect(world.folder.parent, "used"), made={"label": "made", "from": "first"}))
    task.send("use it")
    task.wait(10)
    world.restart()
    for blob in (world.folder / "blobs").iterdir():
        blob.chmod(0o600)
        blob.write_bytes(b"torn")

    with pytest.raises(StoreDamaged, match="has changed since it was written"):
        world.endo.endow(2)

    assert world.endo.tasks[1].wait(10) == "waiting"
    assert world.endo.inbox[2].state == "open"
    assert not (world.folder.parent / "effects").exists()
