"""What the model is sent: the configured parameters, the same in every call, within the task's budget."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.loopback import MessagesServer, redacted, text, thinking, use
from tests.outside.notebook import PRICES, Notebook, calls, start


@pytest.fixture(scope="module")
def thrifty(server: MessagesServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("thrifty")
    (folder / "jupyter_endo_config.json").write_text(
        json.dumps({"Endo": {"budget_tokens": 1_000_000, "budget_usd": 1.0, "prices": {"claude-test": PRICES, "claude-new": PRICES}}})
    )
    env = {"ENDO_STORE": str(folder / "store"), "JUPYTER_CONFIG_DIR": str(folder), **server.environment()}
    notebook = start(folder / "kernel.log", ENDO_MODEL="claude-new", **env)
    yield notebook
    notebook.page.close()


def test_every_call_has_the_configured_parameters_and_one_cache_mark(notebook: Notebook, server: MessagesServer) -> None:
    server.about("parameters").will_use(list_names={})
    server.about("parameters").will_use(list_names={})
    server.about("parameters").will_say("Done.")

    notebook.give("parameters")

    bodies = [{key: value for key, value in call.body.items() if key != "messages"} for call in calls(server, "parameters")]
    assert len(bodies) == 3
    assert bodies == [bodies[0]] * 3
    assert bodies[0]["model"] == "claude-opus-5-5"
    assert bodies[0]["max_tokens"] == 4321
    assert bodies[0]["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert bodies[0]["cache_control"] == {"type": "ephemeral"}


def test_thinking_goes_back_byte_for_byte(notebook: Notebook, server: MessagesServer) -> None:
    thought = thinking("  Zwölf \u200b\U0001f9e0\n\tspaces at the end   \n")
    server.about("think").will_turn([thought, redacted("b3BhcXVl+/="), text("Let me see."), use("list_names")])
    server.about("think").will_say("Done.")

    notebook.give("think")

    sent = calls(server, "think")[-1].messages[1]["content"]
    assert sent[0]["thinking"] == thought["thinking"]
    assert sent[0]["signature"]
    assert sent[1] == {"type": "redacted_thinking", "data": "b3BhcXVl+/="}
    assert notebook.value("task.conversation[1]['content']") == sent
    assert all("Zwölf" not in text for text in notebook.value("[m.text for m in task.messages]"))


def test_a_model_that_fails_for_now_puts_the_task_to_sleep(notebook: Notebook, server: MessagesServer) -> None:
    server.about("overloaded").will_overload(headers={"retry-after": "3600"})
    server.about("overloaded").will_say("Awake.")

    assert notebook.give("overloaded") == "sleeping"

    assert "Overloaded" in notebook.value("task.why")
    notebook.do("task.resume()")
    assert notebook.value("task.wait(20)") == "idle"


def test_an_unknown_model_fails_the_task_in_the_apis_words_until_there_is_one(thrifty: Notebook, server: MessagesServer) -> None:
    server.about("unknown model").will_say("Here I am.", usage={"input_tokens": 10, "output_tokens": 10})
    assert thrifty.give("unknown model") == "failed"
    assert "model: claude-new" in thrifty.value("task.why")
    assert thrifty.give("unknown model too") == "failed"

    server.models.add("claude-new")
    thrifty.do("endo.tasks[1].resume()")
    assert thrifty.value("endo.tasks[1].wait(20)") == "idle"


def test_a_wrong_model_name_is_mended_by_setting_it_right_and_resuming(thrifty: Notebook, server: MessagesServer) -> None:
    server.models.discard("claude-new")
    server.about("mended name").will_say("Here I am.", usage={"input_tokens": 10, "output_tokens": 10})
    assert thrifty.give("mended name") == "failed"

    thrifty.do("import os\nos.environ['ENDO_MODEL'] = 'claude-test'\ntask.resume()")

    assert thrifty.value("task.wait(20)") == "idle"
    assert thrifty.value("task.model") == "claude-test"


@pytest.mark.parametrize(
    ("prompt", "usage", "words"),
    [
        ("many tokens", {"input_tokens": 1_000_000, "output_tokens": 1, "cache_read_input_tokens": 0}, "1,000,000 tokens"),
        ("much money", {"input_tokens": 0, "output_tokens": 600}, "$1 "),
    ],
)
def test_a_task_that_reaches_its_budget_is_paused_and_says_so(
    thrifty: Notebook, server: MessagesServer, prompt: str, usage: dict[str, int], words: str
) -> None:
    server.about(prompt).will_use(list_names={}, how={"usage": usage})
    server.about(prompt).will_say("Done.", usage={"input_tokens": 1, "output_tokens": 1})

    assert thrifty.give(prompt) == "paused"

    assert words in thrifty.value("task.why")
    assert "resume" in thrifty.shown("task")["text/plain"]
    thrifty.do("task.resume()")
    assert thrifty.value("task.wait(20)") == "idle"


def test_a_budget_in_money_needs_a_price(thrifty: Notebook) -> None:
    thrifty.do("os.environ['ENDO_MODEL'] = 'claude-opus-5-5'")

    _, words = thrifty.refused("endo.task('no price')")

    assert "c.Endo.prices" in words
    assert "'claude-opus-5-5'" in words
    assert thrifty.value("len(endo.tasks)") == 5
