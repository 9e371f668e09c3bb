"""The course of a task: what it does when the model fails, and what the host can do at any time."""

from __future__ import annotations

import pytest

from endo_kernel.errors import ModelFailed, ModelUnavailable, TaskEnded
from tests.world import HeldModel, World, define


def test_a_follow_up_goes_on_in_the_same_conversation(world: World) -> None:
    world.model.will_say("Hello.")
    task = world.endo.task("hi")
    assert task.wait(10) == "idle"

    task.send("and now?")

    assert task.wait(10) == "idle"
    assert [message.text for message in task.messages] == ["hi", "Hello.", "and now?", "Done."]
    assert [message["role"] for message in task.conversation] == ["user", "assistant", "user", "assistant"]


def test_withdrawing_settles_the_open_cards_and_delivers_at_once(world: World) -> None:
    world.model.will_use(define("One", "1"), define("Two", "2"))
    task = world.endo.task("go")
    task.wait(10)

    task.send("stop, use the other table", withdraw=True)

    assert task.wait(10) == "idle"
    assert [world.endo.inbox[number].state for number in (1, 2)] == ["withdrawn", "withdrawn"]
    assert [block["type"] for block in world.sent[-1]["content"]] == ["tool_result", "tool_result", "text"]


def test_a_finished_task_is_done_and_a_message_opens_it_again(world: World) -> None:
    world.model.will_use(("finish", {"summary": "All is well."}))
    task = world.endo.task("go")
    assert task.wait(10) == "done"
    assert len(world.model.requests) == 1

    task.send("one more thing")

    assert task.wait(10) == "idle"
    assert [block["type"] for block in world.sent[-1]["content"]] == ["tool_result", "text"]


def test_finish_beside_an_open_definition_is_refused_and_the_definition_goes_on(world: World) -> None:
    world.model.will_use(define("One", "1"), ("finish", {"summary": "Done already."}))
    task = world.endo.task("go")

    assert task.wait(10) == "waiting"
    world.endo.endow(1)

    assert task.wait(10) == "idle"
    assert world.sent[-1]["content"][1]["is_error"]


def test_a_plan_is_progress(world: World) -> None:
    steps = [{"title": "Look", "status": "done"}, {"title": "Fit", "status": "active"}, {"title": "Test", "status": "pending"}]
    world.model.will_use(("plan", {"steps": steps}))
    task = world.endo.task("go")
    task.wait(10)

    assert task.progress == (1, 3)
    assert "1 of 3: Fit" in repr(world.endo.tasks)


def test_a_paused_task_calls_no_model_until_it_is_resumed(world: World) -> None:
    world.model.will_use(define("One", "1"))
    task = world.endo.task("go")
    task.wait(10)
    task.pause()
    world.endo.endow(1)

    assert task.wait(10) == "paused"
    world.restart()
    task = world.endo.tasks[1]
    assert task.status == "paused"
    assert len(world.model.requests) == 1
    task.resume()

    assert task.wait(10) == "idle"


def test_a_cancelled_task_has_no_open_cards_and_takes_no_messages(world: World) -> None:
    world.model.will_use(define("One", "1"))
    task = world.endo.task("go")
    task.wait(10)

    task.cancel("not needed")

    assert task.status == "cancelled"
    assert len(world.endo.inbox) == 0
    with pytest.raises(TaskEnded, match="was cancelled"):
        task.send("hello?")


def test_a_model_that_is_away_is_tried_again_and_the_history_holds_nothing_of_it(world: World) -> None:
    world.model.will(ModelUnavailable("overloaded"))
    world.model.will(ModelUnavailable("overloaded"))
    task = world.endo.task("go")

    while task.wait(10) == "sleeping":
        pass

    assert task.status == "idle"
    assert len(world.model.requests) == 3
    assert len(task.conversation) == 2


def test_retries_have_an_end_and_resume_carries_on(world: World) -> None:
    for _ in range(4):
        world.model.will(ModelUnavailable("529 overloaded"))
    task = world.endo.task("go")
    while task.wait(10) == "sleeping":
        pass
    assert task.status == "failed"
    assert "529 overloaded" in str(task.why)

    task.resume()

    assert task.wait(10) == "idle"


def test_a_wrong_key_fails_with_the_words_of_the_api_and_resume_carries_on(world: World) -> None:
    world.model.will(ModelFailed("401 authentication_error: invalid bearer token"))
    task = world.endo.task("go")
    assert task.wait(10) == "failed"
    assert "invalid bearer token" in str(task.why)

    task.resume()

    assert task.wait(10) == "idle"


def test_a_tool_use_that_was_cut_off_is_not_carried_out(world: World) -> None:
    name, given = define("Half", "1")
    world.model.will_turn([{"type": "tool_use", "id": "toolu_half", "name": name, "input": given}], "max_tokens")

    assert world.endo.task("go").wait(10) == "idle"

    assert len(world.endo.inbox) == 0
    assert "limit of output tokens" in world.sent[-1]["content"][0]["content"][0]["text"]


def test_a_refusal_fails_the_task_and_leaves_no_turn(world: World) -> None:
    world.model.will_turn([{"type": "text", "text": "I will not"}], "refusal")
    task = world.endo.task("go")

    assert task.wait(10) == "failed"
    assert len(task.conversation) == 1


def test_a_paused_turn_goes_on_with_its_content_unchanged(world: World) -> None:
    world.model.will_turn([{"type": "text", "text": "Let me think"}], "pause_turn")
    world.model.will_say("There.")
    task = world.endo.task("go")

    assert task.wait(10) == "idle"
    assert [message["role"] for message in world.sent] == ["user", "assistant"]


def test_usage_adds_up_and_a_budget_pauses(world: World) -> None:
    world.model.will_use(("list_names", {}))
    object.__setattr__(world.session.defaults, "budget_tokens", 150)
    task = world.endo.task("go")
    task.wait(10)

    assert task.usage["input"] == 100
    world.model.will_use(("list_names", {}))
    task.send("more")
    assert task.wait(10) == "paused"
    assert "150 tokens" in str(task.why)
    task.resume()

    assert task.wait(10) == "idle"


def test_a_task_does_not_finish_over_a_message_that_the_agent_has_not_read(held_world: World) -> None:
    model, daemon = held_world.model, held_world.daemon
    assert isinstance(model, HeldModel)
    task = held_world.endo.task("go")
    daemon.submit(model.asked("go")).result(10)
    task.send("one more thing")

    daemon.submit(model.will_use_now("go", "finish", {"summary": "All is well."})).result(10)
    daemon.submit(model.will_say_now("go", "I see.")).result(10)

    assert task.wait(10) == "idle"
    result, letter = held_world.sent[-1]["content"]
    assert "has written to you meanwhile" in result["content"][0]["text"]
    assert letter["text"] == "one more thing"
