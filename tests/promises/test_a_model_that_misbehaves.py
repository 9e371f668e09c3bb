"""Whatever the model does, a task sleeps, fails in words, or goes on; it is never stuck, and no half turn enters its history.

The model is Claude through the real SDK, against a Messages API on the loopback address that does what a test tells it to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import anthropic
import pytest

from endo_kernel.powers import ModelAnswer, ModelRequest
from tests.loopback import MessagesServer, text, thinking, use
from tests.promises.claudes import ATTEMPTS, ClaudesWorld
from tests.world import World, define

HALF = use(*define("Half", "1 + 1"))


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    """The SDK is imported with this module, once: that takes seconds, and no test should be the one that waits for it."""
    assert anthropic.AsyncAnthropic


FOR_NOW: Mapping[str, tuple[Callable[[MessagesServer], None], str]] = {
    "429": (lambda server: server.will_fail(429, "slow down", kind="rate_limit_error"), "slow down"),
    "500": (lambda server: server.will_fail(500, "Internal server error"), "Internal server error"),
    "503": (lambda server: server.will_fail(503, "maintenance"), "maintenance"),
    "529": (lambda server: server.will_overload(), "Overloaded"),
    "cut at once": (lambda server: server.will_cut(after=0), "broke"),
    "cut in a word": (lambda server: server.will_cut([text("A sentence that is long enough to be cut.")], after=5), "broke"),
    "cut in a tool use": (lambda server: server.will_cut([text("I propose this."), HALF], after=9), "broke"),
    "cut before its end": (lambda server: server.will_cut([text("So."), HALF], after=11), "broke"),
    "stalled": (lambda server: server.will_stall([text("I propose this."), HALF], after=9), "fell silent"),
    "malformed": (lambda server: server.will_babble(), "malformed"),
    "broken off": (lambda server: server.will_break_off(), "Overloaded"),
}
"""What passes: how it goes wrong, and words of it that the person is told."""

FOR_GOOD: Mapping[str, tuple[Callable[[MessagesServer], None], str]] = {
    "a bad request": (
        lambda server: server.will_fail(400, "your credit balance is too low", kind="invalid_request_error"),
        "credit balance",
    ),
    "a wrong key": (lambda server: server.will_fail(401, "invalid x-api-key", kind="authentication_error"), "invalid x-api-key"),
    "an unknown model": (lambda server: server.will_fail(404, "model: claude-nope", kind="not_found_error"), "model: claude-nope"),
    "a limit that stays": (lambda server: server.will_fail(429, "monthly limit", headers={"x-should-retry": "false"}), "monthly limit"),
    "a refusal": (lambda server: server.will_refuse("this could do harm"), "this could do harm"),
    "an empty turn": (lambda server: server.will_say_nothing(), "empty answer"),
    "blank words": (lambda server: server.will_turn([text("\n\n")]), "empty answer"),
    "a full window": (lambda server: server.will_outgrow([text("So far")]), "Start another task"),
    "a prompt too long": (
        lambda server: server.will_fail(400, "prompt is too long: 213000 tokens > 200000 maximum", kind="invalid_request_error"),
        "213000 tokens.*Start another task",
    ),
    "a part that nobody knows": (
        lambda server: server.will_babble(
            b'data: {"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta","layer":1}}\n\n', after=3
        ),
        "hologram_delta",
    ),
}
"""What stays until something changes."""

GOES_ON: Mapping[str, tuple[Callable[[MessagesServer], None], str]] = {
    "a tool that is not there": (lambda server: server.will_use(fly={}), "there is no tool 'fly'"),
    "arguments that are no JSON": (lambda server: server.will_use_unreadable("define", '{"title": "Ha'), "not JSON"),
    "arguments that are a list": (lambda server: server.will_use_unreadable("define", "[1]"), "not an object"),
    "no arguments": (lambda server: server.will_use(define={}), "'title' is a required property"),
    "arguments of other types": (lambda server: server.will_use(lookup={"name": 3}), "name: 3 is not"),
    "a name that is none": (lambda server: server.will_use(store={"name": "Not A Name", "value": 1}), "Not A Name"),
    "code that does not parse": (lambda server: server.will_use(define=define("Bad", "1 +")[1]), "line 1"),
    "cut off in a tool use": (lambda server: server.will_run_out(), "limit of output tokens"),
    "cut off after a tool use": (lambda server: server.will_turn([HALF], stop_reason="max_tokens"), "limit of output tokens"),
    "a full stop that is none": (lambda server: server.will_turn([HALF], stop_reason="stop_it"), "limit of output tokens"),
}
"""What the model is told, so that it can do better."""


@pytest.mark.parametrize("fault", FOR_NOW)
def test_what_passes_puts_the_task_to_sleep_and_leaves_nothing_behind(claude: ClaudesWorld, server: MessagesServer, fault: str) -> None:
    misbehave, words = FOR_NOW[fault]
    misbehave(server)
    server.will_say("Done.")
    task = claude.endo.task("go")
    assert task.wait(20) == "sleeping"
    assert len(task.conversation) == 1
    assert len(claude.daemon.call(lambda: claude.daemon.cards.of_task(task.id))) == 0
    assert words in str(task.why)

    assert claude.sleep_over(task) == "idle"

    assert [message["role"] for message in task.conversation] == ["user", "assistant"]
    assert claude.sleep(task) is None


@pytest.mark.parametrize("fault", FOR_GOOD)
def test_what_stays_fails_the_task_in_words_and_resume_carries_on(claude: ClaudesWorld, server: MessagesServer, fault: str) -> None:
    misbehave, words = FOR_GOOD[fault]
    misbehave(server)
    server.will_say("Done.")
    task = claude.endo.task("go")
    assert task.wait(20) == "failed"
    assert len(task.conversation) == 1
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(task.why)

    task.resume()

    assert task.wait(20) == "idle"
    assert [recorded.messages for recorded in server.requests][-1] == task.conversation[:1]


@pytest.mark.parametrize("fault", GOES_ON)
def test_a_call_that_cannot_be_carried_out_is_answered(claude: ClaudesWorld, server: MessagesServer, fault: str) -> None:
    misbehave, words = GOES_ON[fault]
    misbehave(server)
    server.will_say("I see.")

    task = claude.endo.task("go")

    assert task.wait(20) == "idle"
    (result,) = server.requests[-1].messages[-1]["content"]
    assert result["is_error"]
    assert words in result["content"][0]["text"]
    assert len(claude.endo.inbox) == 0


def test_nobody_at_the_address_is_waited_for_and_found_when_somebody_is(
    claude: ClaudesWorld, server: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    server.will_say("Here I am.")
    task = claude.endo.task("go")
    assert task.wait(20) == "sleeping"
    assert "cannot be reached" in str(task.why)

    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)

    assert claude.sleep_over(task) == "idle"


def test_the_server_says_when_to_come_back_and_nobody_comes_before(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_fail(429, "slow down", retry_after=3600)
    server.will_say("Done.")
    task = claude.endo.task("go")
    assert task.wait(20) == "sleeping"
    assert claude.sleep(task).until == claude.clock.time + 3600

    claude.clock.time += 3599.9
    claude.wake(task)
    assert task.wait(20) == "sleeping"
    assert server.calls == 1
    claude.clock.time += 0.1
    claude.wake(task)

    assert task.wait(20) == "idle"


def test_a_sleep_outlives_a_restart_and_is_not_cut_short_by_it(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_fail(529, "Overloaded", retry_after=3600)
    server.will_say("Done.")
    task = claude.endo.task("go")
    task.wait(20)
    before = claude.sleep(task)

    claude.restart()

    task = claude.endo.tasks[task.id]
    assert task.wait(20) == "sleeping"
    assert claude.sleep(task) == before
    assert server.calls == 1
    assert claude.sleep_over(task) == "idle"


def test_waits_double_with_jitter_and_a_storm_has_an_end(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_overload(times=ATTEMPTS)
    server.will_say("Done.")
    task = claude.endo.task("go")
    waits = []

    status = task.wait(20)
    while status == "sleeping":
        waits.append(claude.sleep(task).until - claude.clock.time)
        assert claude.sleep(task).failures == len(waits)
        status = claude.sleep_over(task)

    assert status == "failed"
    assert len(waits) == ATTEMPTS - 1
    assert all(4 * 2**n <= wait <= 8 * 2**n for n, wait in enumerate(waits))
    assert f"Overloaded (overloaded_error, status 529, request req_loopback) (tried {ATTEMPTS} times)" in str(task.why)
    assert len(task.conversation) == 1
    task.resume()
    assert task.wait(20) == "idle"


def test_tasks_that_failed_together_do_not_come_back_together(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_overload(times=6)
    tasks = [claude.endo.task("go") for _ in range(6)]

    assert {task.wait(20) for task in tasks} == {"sleeping"}

    assert len({claude.sleep(task).until for task in tasks}) == len(tasks)


def test_an_answer_after_a_storm_forgets_the_failures(claude: ClaudesWorld, server: MessagesServer) -> None:
    for _ in range(2):
        server.will_overload(times=ATTEMPTS - 1)
        server.will_say("Hello.")
    task = claude.endo.task("go")
    statuses = [claude.wait_through(task)]

    task.send("again")

    statuses.append(claude.wait_through(task))
    assert statuses == ["idle", "idle"]


def test_fifty_tool_uses_in_one_turn_are_fifty_cards_that_close_with_the_last(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_use_many(50, "define", lambda index: define(f"Step {index}", f"{index} + 1", "confined", result=f"step-{index}")[1])
    server.will_say("All done.")
    task = claude.endo.task("go")
    assert task.wait(20) == "waiting"

    for card in list(claude.endo.inbox):
        assert server.calls == 1
        claude.endo.endow(card)

    assert task.wait(20) == "idle"
    results = server.requests[-1].messages[-1]["content"]
    assert [result["tool_use_id"] for result in results] == [block["id"] for block in task.conversation[1]["content"]]
    assert not any(result.get("is_error") for result in results)


def test_fifty_calls_that_answer_at_once_are_one_turn_and_one_model_call(claude: ClaudesWorld, server: MessagesServer) -> None:
    server.will_use_many(50, "store", lambda index: {"name": f"value-{index}", "value": index})
    server.will_say("Stored.")

    assert claude.endo.task("go").wait(20) == "idle"

    assert server.calls == 2
    assert len(server.requests[-1].messages[-1]["content"]) == 50


def test_a_model_that_is_always_cut_off_is_not_paid_for_ever(claude: ClaudesWorld, server: MessagesServer) -> None:
    for _ in range(3):
        server.will_run_out()
    task = claude.endo.task("go")

    assert task.wait(20) == "failed"
    assert "3 times in a row" in str(task.why)
    assert server.calls == 3
    server.will_say("Shorter.")
    task.resume()
    assert task.wait(20) == "idle"


@pytest.mark.parametrize("fault", ["a refusal", "an empty turn", "a bad request"])
def test_what_the_host_writes_after_a_failure_reaches_the_model(claude: ClaudesWorld, server: MessagesServer, fault: str) -> None:
    """Sent again unchanged, the same conversation would only fail again."""
    FOR_GOOD[fault][0](server)
    server.will_say("That I can do.")
    task = claude.endo.task("go")
    task.wait(20)

    task.send("then do something else")

    assert task.wait(20) == "idle"
    sent = server.requests[-1].messages
    assert [block["text"] for message in sent for block in message["content"]] == ["go", "then do something else"]
    assert sent == task.conversation[:-1]


def test_thinking_survives_every_fault_byte_for_byte(claude: ClaudesWorld, server: MessagesServer) -> None:
    """The server checks signatures over everything that came before."""
    server.will_turn([thinking("What do they want?"), use("list_names")])
    server.will_overload()
    server.will_cut()
    server.will_turn([thinking("Again."), text("Done.")])
    task = claude.endo.task("go")
    assert claude.wait_through(task) == "idle"
    claude.restart()
    server.will_say("Yes.")

    claude.endo.tasks[task.id].send("sure?")

    assert claude.endo.tasks[task.id].wait(20) == "idle"


class Careless:
    """A model that gives each of its tool uses the same id, as some servers do."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Define twice, then end."""
        self.requests.append(request)
        if len(self.requests) > 2:
            return ModelAnswer([{"type": "text", "text": "Done."}], "end_turn", {})
        name, given = define(f"Step {len(self.requests)}", str(len(self.requests)), "confined")
        return ModelAnswer([{"type": "tool_use", "id": "call_0", "name": name, "input": given}], "tool_use", {})

    async def close(self) -> None:
        """Nothing to let go of."""


def test_a_tool_use_id_that_comes_again_in_a_later_turn_is_another_card(tmp_path: Path) -> None:
    world = World(tmp_path / "store", Careless())  # type: ignore[arg-type]
    try:
        task = world.endo.task("go")
        assert task.wait(10) == "waiting"
        assert world.endo.endow(1) == 1

        assert task.wait(10) == "waiting"
        assert world.endo.endow(2) == 2
        assert task.wait(10) == "idle"
    finally:
        world.close()


def test_a_model_that_breaks_fails_the_task_and_is_logged_without_keys(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.model.will(ZeroDivisionError("by the key sk-ant-verysecret"))
    with caplog.at_level(logging.ERROR, "endo_kernel"):
        task = world.endo.task("go")
        assert task.wait(10) == "failed"

    assert "ZeroDivisionError: by the key [key]" in str(task.why)
    assert "in answer" in caplog.text
    assert "verysecret" not in caplog.text
    task.resume()
    assert task.wait(10) == "idle"


def test_an_answer_that_cannot_be_written_is_no_answer(world: World) -> None:
    """It is not asked for again and again either."""
    world.model.will(ModelAnswer([{"type": "hologram", "depth": float("nan")}], "end_turn", {}))

    task = world.endo.task("go")

    assert task.wait(10) == "failed"
    assert len(world.model.requests) == 1
    assert len(task.conversation) == 1


def test_a_tool_that_breaks_answers_the_model_and_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.model.will_use(("store", {"name": "Bad Name", "value": 1}), define("Any", "1"))
    realm = next(realm for realm in world.daemon.powers.realms if realm.name == "notebook")
    monkeypatch.setattr(realm, "check", lambda code, slots: 1 / 0)

    task = world.endo.task("go")

    assert task.wait(10) == "idle"
    assert "ZeroDivisionError" in world.sent[-1]["content"][1]["content"][0]["text"]
    assert len(world.daemon.store.table("formulas")) == 0
