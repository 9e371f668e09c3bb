"""The built-in model that needs no network: it plays its scripts to the end, and says what it is."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from endo_kernel.agent.playbook import find_number, load_scripts
from endo_kernel.agent.rehearsal import RehearsalModel
from endo_kernel.agent.tools import TOOLS, parse_call
from endo_kernel.conversation import ToolUse
from endo_kernel.errors import ModelFailed
from endo_kernel.powers import ModelAnswer, ModelRequest
from tests.loopback_rules import check_conversation

Message = dict[str, Any]


def evaluate(code: str, slots: dict[str, Any]) -> tuple[Any, str]:
    """Run code as a step does: the last expression is its value."""
    tree = ast.parse(code)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    names = dict(slots)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "step", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "step", "eval"), names)
    return value, printed.getvalue()


class Counter:
    count = 0

    def incr(self, by: int = 1) -> None:
        self.count += by

    def read(self) -> int:
        return self.count


class Stage:
    """A task of the rehearsal, and a host who decides what it proposes."""

    def __init__(self, prompt: str, **given: Any) -> None:
        self.model = RehearsalModel(pace=0)
        self.messages: list[Message] = []
        self.given = given
        self.results: dict[str, Any] = {}
        self.plan: list[str] = []
        self.uses: list[dict[str, Any]] = []
        self.say(prompt)

    def say(self, words: str) -> None:
        """Write to the task."""
        self._send([{"type": "text", "text": words}])

    def approve(self, *also: str) -> None:
        """Approve all that the last turn proposed."""
        self._send([*(self._settled(use) for use in self.uses), *({"type": "text", "text": words} for words in also)])

    def refuse(self, status: str = "rejected", reason: str = "not this one", error: bool = True) -> None:
        """End all that the last turn proposed without running it."""
        words = json.dumps({"status": status, "reason": reason})
        self._send([result(use, words, is_error=error) if use["name"] != "plan" else self._settled(use) for use in self.uses])

    def _send(self, content: list[dict[str, Any]]) -> None:
        self.messages.append({"role": "user", "content": content})
        check_conversation(self.messages)
        self.pieces: list[str] = []
        request = ModelRequest("rehearsal", 1000, "", TOOLS, self.messages)
        self.answer: ModelAnswer = asyncio.run(self.model.answer(request, self.pieces.append))
        self.uses = [block for block in self.answer.content if block["type"] == "tool_use"]
        self.messages.append({"role": "assistant", "content": self.answer.content})
        for use in self.uses:
            parse_call(ToolUse(use["id"], use["name"], use["input"]))

    @property
    def text(self) -> str:
        """What the last turn said."""
        return "".join(block["text"] for block in self.answer.content if block["type"] == "text")

    @property
    def proposed(self) -> list[str]:
        """The tools of the last turn that wait for the host."""
        return [use["name"] for use in self.uses if use["name"] != "plan"]

    def _settled(self, use: dict[str, Any]) -> dict[str, Any]:
        asked = use["input"]
        if use["name"] == "plan":
            self.plan = [step["status"] for step in asked["steps"]]
            return result(use, '{"status": "done"}')
        if use["name"] == "form":
            values = {name: field["default"] for name, field in asked["fields"].items()}
            return result(use, json.dumps({"status": "done", "values": values}))
        if use["name"] == "request":
            value, printed = self.given["table"], ""
        else:
            bound = {slot: self.results[ask["from"]] if "from" in ask else self.given[slot] for slot, ask in asked["slots"].items()}
            value, printed = evaluate(asked["code"], bound)
        self.results[asked["result"]] = value
        return result(use, json.dumps({"status": "done", "result": asked["result"], "value": summary(value), "output": printed}))


def summary(value: Any) -> dict[str, Any]:
    try:
        json.dumps(value)
    except TypeError:
        return {"type": type(value).__name__, "shape": list(getattr(value, "shape", []))}
    return {"json": value}


def result(use: dict[str, Any], words: str, *, is_error: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": use["id"], "content": [{"type": "text", "text": words}]}
    return {**block, "is_error": True} if is_error else block


def assert_filled(stage: Stage) -> None:
    spoken = json.dumps(stage.messages)
    assert "(not told)" not in spoken
    assert "${" not in spoken


def test_the_counter_counts_and_takes_follow_ups() -> None:
    counter = Counter()
    stage = Stage("Build a counter", counter=counter)
    assert stage.text.startswith("(rehearsal) ")
    assert stage.uses[0]["input"]["realm"] == "confined"

    stage.approve()
    assert "**3**" in stage.text
    assert stage.answer.stop_reason == "end_turn"

    stage.say("now count to ten")
    stage.approve()
    assert "**10**" in stage.text
    assert counter.read() == 10

    stage.say("double it, please")
    assert stage.uses[0]["input"]["slots"]["count"]["from"] == "count"
    stage.approve()
    assert "**6**" in stage.text


def test_the_analysis_builds_each_step_on_its_own_results() -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    stage = Stage("Analyze my data, build a model, then test it", data=load_diabetes(as_frame=True).frame)
    assert stage.proposed == ["define"]
    stage.approve()
    assert stage.plan == ["active"] + ["pending"] * 6

    first, second = [use["input"] for use in stage.uses if use["name"] == "define"]
    assert first["slots"]["table"]["from"] == "clean-data"
    assert second["slots"]["fitted"]["from"] == first["result"]
    stage.approve()
    assert stage.plan == ["done", "done", "active"] + ["pending"] * 4

    assert "111 rows" in stage.text
    stage.approve()
    assert plt.get_fignums()
    plt.close("all")

    stage.approve()
    assert stage.plan == ["done"] * 7
    [finish] = stage.uses
    assert finish["input"]["results"] == ["clean-data", "first-model", "model-test", "residuals"]
    assert "R² = 0.3" in finish["input"]["summary"]
    assert_filled(stage)


@pytest.mark.parametrize("gaps", [True, False])
def test_the_analysis_takes_another_table(gaps: bool) -> None:
    frame = load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"}).assign(name="wine")
    if gaps:
        frame.loc[:4, "alcohol"] = None
    stage = Stage("analyse this", data=frame)

    stage.approve()

    assert "5 rows with gaps" in stage.text if gaps else "0 rows with gaps" in stage.text
    assert list(stage.results["clean-data"].columns)[-1] == "target"


def test_the_groups_are_compared_on_a_table_that_was_given_once() -> None:
    stage = Stage("Compare the groups in my data", table=load_wine(as_frame=True).frame)
    assert stage.proposed == ["request"]

    stage.approve()
    assert stage.uses[0]["input"]["slots"]["table"]["from"] == "groups"

    stage.approve()
    assert "flavanoids" in stage.text


def test_the_outliers_are_found_as_strictly_as_the_form_says() -> None:
    stage = Stage("Find the outliers in my data", data=load_breast_cancer(as_frame=True).frame)
    assert stage.proposed == ["form"]

    stage.approve()
    assert "> 3]" in stage.uses[1]["input"]["code"]

    stage.approve()
    assert "of 569 rows" in stage.text
    stage.approve()
    assert stage.proposed == []
    stage.say("be more strict")
    assert stage.proposed == ["form"]


def test_the_summary_waits_while_the_host_is_at_lunch() -> None:
    stage = Stage("Summarize my data while I am at lunch", data=load_wine(as_frame=True).frame)

    stage.approve()

    assert "178 rows, 14 columns, 0 values missing" in stage.text
    assert list(stage.results["summary"].columns) == ["min", "median", "max", "missing"]


@pytest.mark.parametrize("script", load_scripts(), ids=lambda script: script.name)
@pytest.mark.parametrize("status", ["rejected", "failed", "withdrawn", "expired"])
def test_what_is_refused_gets_a_reaction_and_an_end(script: Any, status: str) -> None:
    stage = Stage(script.prompt)

    for _ in range(4):
        if not stage.proposed:
            break
        stage.refuse(status, "use the other table")
        assert stage.text

    assert not stage.proposed
    assert stage.answer.stop_reason == "end_turn"


def test_a_reason_is_repeated_and_answered() -> None:
    stage = Stage("Build a counter", counter=Counter())

    stage.refuse("rejected", "do not change it")

    assert "do not change it" in stage.text
    assert stage.uses[0]["input"]["code"] == "counter.read()"


def test_names_that_the_host_chose_are_used_from_then_on() -> None:
    stage = Stage("Analyze my data", data=load_diabetes(as_frame=True).frame)
    told = {"status": "done", "result": "tidy-table", "value": {"type": "DataFrame"}, "output": ""}

    stage._send([result(use, json.dumps(told)) for use in stage.uses])

    assert stage.uses[1]["input"]["slots"]["table"]["from"] == "tidy-table"


def test_words_that_came_with_a_decision_are_not_passed_over() -> None:
    stage = Stage("Analyze my data", data=load_diabetes(as_frame=True).frame)

    stage.approve("also try ridge")

    assert "also try ridge" in stage.text
    assert stage.proposed == ["define", "define"]


@pytest.mark.parametrize("prompt", ["?", "Wie geht es dir?", "x" * 100_000, "🙂", "$reason ${value.x} {braces} %s"])
def test_any_prompt_gets_an_honest_answer(prompt: str) -> None:
    stage = Stage(prompt)

    assert stage.text.startswith("(rehearsal) This is the rehearsal")
    assert "Build a counter" in stage.text
    assert "ANTHROPIC_API_KEY" in stage.text

    stage.say("So what?")
    assert stage.text
    stage.say("All right, build a counter then")
    assert stage.proposed == ["define"]


@pytest.mark.parametrize("script", load_scripts(), ids=lambda script: script.name)
def test_a_follow_up_that_no_script_knows_gets_an_answer_too(script: Any) -> None:
    stage = Stage(script.prompt)
    stage.refuse("withdrawn", "stop")
    stage.say("What is the meaning of life?")

    assert stage.text.startswith("(rehearsal) ")


def test_text_streams_in_pieces() -> None:
    stage = Stage("Build a counter")

    assert len(stage.pieces) > 5
    assert "".join(stage.pieces).strip() == stage.text


def test_tool_use_ids_are_unique_even_between_tasks_that_are_alike() -> None:
    ids = {use["id"] for _ in range(3) for use in Stage("Analyze my data").uses}

    assert len(ids) == 6


def test_tokens_are_estimated() -> None:
    usage = Stage("Build a counter").answer.usage

    assert usage["input"] > usage["output"] > 10
    assert usage["cache_read"] == usage["cache_write"] == 0


ASK: Message = {"role": "user", "content": "Build a counter"}
CALL: Message = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "define", "input": {}}]}
TOLD: dict[str, Any] = {"type": "tool_result", "tool_use_id": "a", "content": "done"}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "Hello"}],
        [ASK, CALL],
        [ASK, CALL, ASK],
        [ASK, CALL, {"role": "user", "content": [{"type": "text", "text": "and"}, TOLD]}],
        [ASK, CALL, {"role": "user", "content": [TOLD, TOLD]}],
        [{"role": "user", "content": [TOLD]}],
        [{"role": "user", "content": ""}],
    ],
)
def test_a_conversation_that_the_api_would_refuse_is_refused(messages: list[Message]) -> None:
    with pytest.raises(ModelFailed):
        asyncio.run(RehearsalModel(pace=0).answer(ModelRequest("rehearsal", 100, "", [], messages), lambda _: None))


@pytest.mark.parametrize(
    ("text", "number"), [("now count to ten", 10), ("to 42.", 42), ("Twenty!", 20), ("once more", None), ("9" * 99, 999_999_999)]
)
def test_numbers_are_found_in_words(text: str, number: int | None) -> None:
    assert find_number(text) == number


def test_every_blank_of_a_script_is_filled_where_it_is_used() -> None:
    """What was not told would be visible to the person."""
    asked: list[Callable[[], Stage]] = [
        lambda: Stage("Build a counter", counter=Counter()),
        lambda: Stage("Summarize my data", data=load_wine(as_frame=True).frame),
        lambda: Stage("outliers", data=load_wine(as_frame=True).frame),
    ]
    for make in asked:
        stage = make()
        while stage.proposed:
            stage.approve()
        assert_filled(stage)
