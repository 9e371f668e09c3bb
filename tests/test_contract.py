"""The contract, exercised as another program would: real kernels, the real SDK against a strict Messages API, a real terminal.

Each scenario is one kernel that its tests share, each test a task of its own in it. What is told to the model is read from the
requests that arrived at the server; what the person sees is read from the notebook.
"""

from __future__ import annotations

import ast
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel
from jupyter_core.paths import jupyter_data_dir

import endo_kernel
from tests.kernel.page import PATIENCE, Page
from tests.loopback import KEY, MessagesServer, redacted, text, thinking, use

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PRICES = {"input": 1000.0, "output": 2000.0, "cache_write": 0.0, "cache_read": 0.0}
ATTRIBUTES = ("number", "kind", "task", "title", "code", "slots", "realm", "digest", "state")


@dataclass
class Notebook:
    """One kernel, its store and its log, driven by cells alone."""

    page: Page
    log: Path

    def do(self, code: str) -> dict[str, Any]:
        """Run a cell that must succeed."""
        content: dict[str, Any] = self.page.run(code)["content"]
        assert content["status"] == "ok", content
        return content

    def value(self, expression: str) -> Any:
        """Give the value of an expression, by way of JSON."""
        said = self.page.evaluate(f"__import__('json').dumps({expression})")
        assert said.startswith(("'", '"')), said
        return json.loads(ast.literal_eval(said))

    def shown(self, expression: str) -> dict[str, Any]:
        """Give what a cell that ends in the expression displays."""
        asked = self.page.start(expression)
        self.page.reply(asked)
        self.page.wait_for_idle(asked)
        found = [m for m in self.page.seen if m["msg_type"] == "execute_result" and m["parent_header"]["msg_id"] == asked]
        return dict(found[-1]["content"]["data"])

    def refused(self, code: str) -> tuple[str, str]:
        """Run what must raise an EndoError; give its name and words."""
        self.do(f"caught = None\ntry:\n    {code}\nexcept Exception as error:\n    caught = error")
        name, words, ours = self.value(
            "[type(caught).__name__, str(caught), isinstance(caught, __import__('endo_kernel').EndoError)]"
        )
        assert ours, (name, words)
        return str(name), str(words)

    def give(self, prompt: str) -> str:
        """Give a task, wait until it rests, and give its status; it is `task` in the notebook."""
        self.do(f"task = endo.task({prompt!r})")
        return str(self.value("task.wait(20)"))

    def card(self, index: int = -1) -> int:
        """Give the number of a card of the task."""
        return int(self.value(f"[card.number for card in task.cards][{index}]"))


def start(log: Path, kernel: str = "endo", **env: str) -> Notebook:
    with log.open("ab") as said:
        manager, client = start_new_kernel(
            kernel_name=kernel, env={**os.environ, **env}, startup_timeout=PATIENCE, stdout=said, stderr=said
        )
    return Notebook(Page(manager, client), log)


def definition(code: str, realm: str = "notebook", title: str = "Compute", **parts: Any) -> dict[str, Any]:
    """The arguments of `define`; slots are given as name="label" or name={...}."""
    known = {key: parts.pop(key) for key in ("result", "explanation") if key in parts}
    slots = {name: {"label": ask} if isinstance(ask, str) else ask for name, ask in parts.items()}
    return {"title": title, "code": code, "slots": slots, "realm": realm, **known}


def calls(server: MessagesServer, prompt: str) -> list[Any]:
    """The requests of the conversation that began with the prompt."""
    return [request for request in server.requests if request.messages[0]["content"][0]["text"] == prompt]


def told(server: MessagesServer, prompt: str) -> list[dict[str, Any]]:
    """The content of the newest message that the model was sent in the conversation that began with the prompt."""
    content: list[dict[str, Any]] = calls(server, prompt)[-1].messages[-1]["content"]
    return content


def result(block: dict[str, Any]) -> Any:
    """What a tool_result says, parsed."""
    assert block["type"] == "tool_result"
    return json.loads(block["content"][0]["text"])


def terminal(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `jupyter endo ...` as a person would."""
    program = Path(sys.executable).with_name("jupyter")
    return subprocess.run([program, "endo", *words], env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60)


# A notebook on Claude


@pytest.fixture(scope="module")
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server
        assert server.complaints == []


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract") / "store"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    (folder / "jupyter_endo_config.py").write_text(
        f"c.Endo.model = 'claude-opus-5-5'\nc.Endo.max_tokens = 4321\nc.Endo.prices = {{'claude-opus-5-5': {PRICES}}}\n"
        "c.Endo.thinking = {'type': 'enabled', 'budget_tokens': 2000}\n"
    )
    return folder


@pytest.fixture(scope="module")
def notebook(server: MessagesServer, store: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    log = tmp_path_factory.mktemp("log") / "kernel.log"
    notebook = start(log, ENDO_STORE=str(store), JUPYTER_CONFIG_DIR=str(config), **server.environment())
    notebook.do("import endo_kernel, datetime")
    yield notebook
    notebook.page.close()


def test_the_distribution_has_its_names() -> None:
    spec = KernelSpecManager().get_kernel_spec("endo")

    assert (spec.display_name, spec.language) == ("Python 3 (Endo)", "python")
    assert issubclass(endo_kernel.EndoError, Exception)
    assert [script.value for script in entry_points(group="console_scripts", name="jupyter-endo")] == ["endo_kernel.cli:main"]


def test_a_task_comes_at_once_and_is_told_by_its_attributes(notebook: Notebook, server: MessagesServer) -> None:
    gate = threading.Event()
    steps = [{"title": "Read", "status": "done"}, {"title": "Fit", "status": "active"}, {"title": "Tell", "status": "pending"}]
    server.about("attributes").will_use(say="Reading first.", plan={"steps": steps}, how={"hold": gate})
    server.about("attributes").will_say("That is all.")

    server.about("something else").will_say("Never heard.", hold=gate)
    notebook.do("task = endo.task('Tell me of attributes\\nin two lines'); other = endo.task('something else', title='Named')")
    assert notebook.value("task.wait(timeout=0)") in ("ready", "thinking")
    assert notebook.value("task.progress") is None
    notebook.do("other.cancel('one is enough')")
    gate.set()

    assert notebook.value("task.wait(20)") == "idle"
    assert notebook.value("[task.title, other.title]") == ["Tell me of attributes", "Named"]
    assert notebook.value("endo.tasks[task.id] == task and task.id in [each.id for each in endo.tasks]")
    assert isinstance(notebook.value("task.id"), int)
    assert notebook.value("[other.status, other.why]") == ["cancelled", "one is enough"]


def test_progress_messages_conversation_and_usage_are_of_the_whole_task(notebook: Notebook, server: MessagesServer) -> None:
    steps = [{"title": "Read", "status": "done"}, {"title": "Fit", "status": "active"}, {"title": "Tell", "status": "pending"}]
    server.about("progressing").will_use(say="Reading first.", plan={"steps": steps})
    server.about("progressing").will_say("That is all.")

    assert notebook.give("progressing") == "idle"

    assert notebook.value("task.progress") == [1, 3]
    assert notebook.value("[[m.who, m.text] for m in task.messages]") == [
        ["you", "progressing"],
        ["agent", "Reading first."],
        ["agent", "That is all."],
    ]
    sent = calls(server, "progressing")[-1].messages
    assert notebook.value("task.conversation[:-1]") == sent
    assert notebook.value("task.conversation[-1]") == {"role": "assistant", "content": [{"type": "text", "text": "That is all."}]}
    usage = notebook.value("task.usage")
    assert set(usage) == {"input", "output", "cache_read", "cache_write", "cost_usd"}
    assert usage["cost_usd"] == pytest.approx((usage["input"] * 1000 + usage["output"] * 2000) / 1e6)
    assert notebook.value("list(task.steps)") == []


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


def test_the_tools_are_those_of_the_contract_as_strict_json_schema(notebook: Notebook, server: MessagesServer) -> None:
    server.about("schemas").will_say("Done.")

    notebook.give("schemas")

    tools = {tool["name"]: tool["input_schema"] for tool in calls(server, "schemas")[0].body["tools"]}
    parts = {name: (set(schema["properties"]), set(schema["required"])) for name, schema in tools.items()}
    assert parts == {
        "define": ({"title", "code", "slots", "realm", "result", "explanation"}, {"title", "code", "slots", "realm"}),
        "form": ({"title", "fields"}, {"title", "fields"}),
        "request": ({"title", "label", "type", "result"}, {"title", "label", "result"}),
        "plan": ({"steps"}, {"steps"}),
        "list_names": (set(), set()),
        "lookup": ({"name"}, {"name"}),
        "store": ({"name", "value"}, {"name", "value"}),
        "finish": ({"summary", "results"}, {"summary"}),
    }
    for schema in tools.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False
    assert tools["define"]["properties"]["title"]["maxLength"] == 80


def test_a_definition_is_told_in_full_when_it_has_run(notebook: Notebook, server: MessagesServer) -> None:
    code = (
        "from IPython.display import Image, display\nimport base64\nprint('half way')\n"
        f"display(Image(base64.b64decode({PNG!r})))\n{{'total': sum(values) * rate}}"
    )
    server.about("in full").will_use(
        say="I propose this.", define=definition(code, values="numbers to add", rate={"label": "a rate", "type": "float"}, result="total")
    )
    server.about("in full").will_say("It is 3.")
    notebook.do("values = [10, 20]")

    assert notebook.give("in full") == "waiting"
    number = notebook.card()
    card = notebook.value(f"[(c.number, c.kind, c.task.id == task.id, c.title, c.code, c.slots, c.realm) for c in [endo.inbox[{number}]]][0]")
    assert card[:4] == [number, "definition", True, "Compute"]
    assert card[4] == code
    assert card[5] == {
        "values": {"label": "numbers to add", "type": None, "from": None},
        "rate": {"label": "a rate", "type": "float", "from": None},
    }
    assert card[6] == "notebook"
    assert len(notebook.value(f"endo.inbox[{number}].digest")) == 64
    assert notebook.value(f"[endo.inbox[{number}].state, {number} in [c.number for c in endo.inbox]]") == ["open", True]

    assert notebook.value(f"endo.endow({number}, values=values, rate=0.1)") == {"total": 3.0}

    assert notebook.value("task.wait(20)") == "idle"
    (block,) = told(server, "in full")
    said, image = block["content"]
    assert "is_error" not in block
    assert json.loads(said["text"]) == {
        "status": "done",
        "result": "total",
        "value": {"json": {"total": 3.0}},
        "output": "half way\n",
    }
    assert image == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    assert notebook.value(f"[endo.inbox[{number}].state, {number} in [c.number for c in endo.inbox], len(task.steps)]") == ["done", False, 1]
    assert notebook.value("[endo['total'], 'total' in endo.names, endo.names['total']]")[:2] == [{"total": 3.0}, True]


def test_what_code_raises_reaches_the_cell_and_the_agent(notebook: Notebook, server: MessagesServer) -> None:
    server.about("raises").will_use(define=definition("print('first')\n1 / 0"))
    server.about("raises").will_say("I see.")
    notebook.give("raises")

    reply = notebook.page.run(f"endo.endow({notebook.card()})")["content"]

    assert reply["ename"] == "ZeroDivisionError"
    notebook.value("task.wait(20)")
    (block,) = told(server, "raises")
    assert block["is_error"] is True
    said = result(block)
    assert (said["status"], said["error"], said["output"]) == ("failed", "ZeroDivisionError: division by zero", "first\n")
    assert "1 / 0" in said["traceback"]


def test_text_that_cannot_be_sent_reaches_the_agent_spelled_out(notebook: Notebook, server: MessagesServer) -> None:
    server.about("unsendable").will_use(define=definition(r"print('\ud800'); raise ValueError('half \udc80')"))
    server.about("unsendable").will_say("I see.")
    notebook.give("unsendable")

    notebook.page.run(f"endo.endow({notebook.card()})")

    assert notebook.value("task.wait(20)") == "idle"
    said = result(told(server, "unsendable")[0])
    assert (said["error"], said["output"]) == (r"ValueError: half \udc80", "\\ud800\n")


def test_a_card_can_be_approved_with_changes_and_the_agent_is_told(notebook: Notebook, server: MessagesServer) -> None:
    server.about("changes").will_use(define=definition("x + 1", "confined", x="a number", result="plus"))
    server.about("changes").will_say("As you wish.")
    notebook.give("changes")

    given = notebook.value(f"endo.endow({notebook.card()}, x=20, _code='x + 2', _realm='notebook', _name='changed-by-me')")

    assert given == 22
    notebook.value("task.wait(20)")
    said = result(told(server, "changes")[0])
    assert said["code"] == "x + 2"
    assert said["result"] == "changed-by-me"
    assert notebook.value("endo['changed-by-me']") == 22


def test_bad_edits_name_what_would_have_worked_and_run_nothing(notebook: Notebook, server: MessagesServer) -> None:
    server.about("bad edits").will_use(define=definition("x + 1", "confined", x="a number"))
    notebook.give("bad edits")
    number = notebook.card()

    assert "'confined' or 'notebook'" in notebook.refused(f"endo.endow({number}, x=1, _realm='cloud')")[1]
    assert "'my-result'" in notebook.refused(f"endo.endow({number}, x=1, _name='My Result')")[1]
    assert "line 1" in notebook.refused(f"endo.endow({number}, x=1, _code='x +')")[1]
    assert notebook.value(f"[endo.inbox[{number}].state, len(task.steps)]") == ["open", 0]


def test_a_rejection_reaches_the_agent_with_its_reason(notebook: Notebook, server: MessagesServer) -> None:
    server.about("rejection").will_use(define=definition("1"))
    server.about("rejection").will_say("Then not.")
    notebook.give("rejection")

    notebook.do(f"endo.reject({notebook.card()}, 'use the cleaned table')")

    assert notebook.value("task.wait(20)") == "idle"
    (block,) = told(server, "rejection")
    assert block["is_error"] is True
    assert result(block) == {"status": "rejected", "reason": "use the cleaned table"}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("define", definition("1", **{"my data": "a table"}), "'my_data'"),
    ("define", definition("1", **{"class": "a table"}), "'class' is not a slot name"),
    ("define", definition("1", **{"_code": "some code"}), "'_code' is not a slot name"),
    ("define", definition("x ="), "line 1"),
    ("define", definition("%matplotlib inline"), "IPython syntax"),
    ("define", definition("   "), "empty"),
    ("define", definition("x", x={"label": "x", "from": "never-made"}), "never-made"),
    ("define", definition("1", "cloud"), "'confined', 'notebook'"),
    ("define", definition("import numpy\n1", "confined"), "'numpy'"),
    ("define", definition("1", title="t" * 81), "81 characters"),
    ("define", definition("1", result="My Result"), "'My Result'"),
    ("define", {"title": "t", "code": "1", "realm": "notebook"}, "'slots' is a required property"),
    ("define", {**definition("1"), "timeout": 5}, "'timeout' was unexpected"),
    ("define", definition("x", x={"type": "int"}), "'label' is a required property"),
    ("define", {**definition("1"), "slots": []}, "is not object"),
    ("form", {"title": "t", "fields": {}}, "at least one field"),
    ("form", {"title": "t", "fields": {"n": {"label": "n", "type": "date"}}}, "'date'"),
    ("form", {"title": "t", "fields": {"n": {"label": "n", "type": "choice"}}}, "choices"),
    ("form", {"title": "t", "fields": {"n": {"label": "n", "type": "number", "default": "ten"}}}, "default"),
    ("form", {"title": "t", "fields": {"n": {"label": "n", "type": "choice", "choices": ["a"], "default": "b"}}}, "default"),
    ("form", {"title": "t", "fields": {"my field": {"label": "n", "type": "string"}}}, "'my_field'"),
    ("request", {"title": "t", "label": "a table"}, "'result' is a required property"),
    ("request", {"title": "t", "label": "a table", "result": "Table"}, "'Table'"),
    ("plan", {"steps": [{"title": "t", "status": "started"}]}, "'started'"),
    ("list_names", {"all": True}, "'all' was unexpected"),
    ("lookup", {"name": "never-made"}, "never-made"),
    ("store", {"name": "Bad Name", "value": 1}, "'Bad Name'"),
    ("store", {"name": "good"}, "'value' is a required property"),
    ("finish", {"summary": "all"}, "only tool use"),
    ("run", {"code": "1"}, "there is no tool 'run'"),
]


def test_a_bad_call_gets_a_result_that_says_what_is_wrong_and_opens_no_card(notebook: Notebook, server: MessagesServer) -> None:
    server.about("bad calls").will_turn([use(tool, arguments) for tool, arguments, _ in BAD])
    server.about("bad calls").will_use_unreadable("define", '{"title": "cut off')
    server.about("bad calls").will_use_unreadable("store", "[1, 2]")
    server.about("bad calls").will_use(finish={"summary": "all", "results": ["never-made"]})
    server.about("bad calls").will_say("I see.")

    assert notebook.give("bad calls") == "idle"

    first, cut, listed, finish = [call.messages[-1]["content"] for call in calls(server, "bad calls")[1:]]
    for (tool, arguments, words), block in zip(BAD, first, strict=True):
        assert block.get("is_error") is True, (tool, arguments, block)
        assert words in block["content"][0]["text"], (tool, arguments, block)
    for (block,), words in ((cut, "not JSON"), (listed, "not an object"), (finish, "never-made")):
        assert block["is_error"] is True
        assert words in block["content"][0]["text"]
    assert notebook.value("[len(task.cards), task.progress, task.status]") == [0, None, "idle"]


def test_the_tools_that_need_nobody_answer_at_once(notebook: Notebook, server: MessagesServer) -> None:
    script = server.about("nobody")
    script.will_turn([use("store", {"name": "rates", "value": {"a": [1, 2.5, None]}}), use("list_names"), use("lookup", {"name": "rates"})])
    script.will_use(finish={"summary": "All done.", "results": ["rates"]})

    assert notebook.give("nobody") == "done"

    stored, names, found = map(result, told(server, "nobody"))
    assert stored == {"status": "done", "result": "rates"}
    assert [(row["name"], sorted(row)) for row in names["names"]] == [("rates", ["name", "origin", "type"])]
    assert found == {"name": "rates", "json": {"a": [1, 2.5, None]}}
    assert notebook.value("task.status") == "done"


def test_a_form_gives_its_values(notebook: Notebook, server: MessagesServer) -> None:
    fields = {
        "threshold": {"label": "From which value?", "type": "number", "default": 0.1},
        "model": {"label": "Which model?", "type": "choice", "choices": ["ridge", "lasso"]},
        "title": {"label": "Title", "type": "string", "default": ""},
        "plot": {"label": "With a plot?", "type": "boolean", "default": False},
    }
    server.about("a form").will_use(form={"title": "Settings", "fields": fields})
    server.about("a form").will_say("Thank you.")
    assert notebook.give("a form") == "waiting"
    number = notebook.card()
    assert notebook.value(f"endo.inbox[{number}].kind") == "form"

    assert "'threshold'" in notebook.refused(f"endo.answer({number}, model='ridge', threshold='high')")[1]
    assert "'ridge', 'lasso'" in notebook.refused(f"endo.answer({number}, model='tree')")[1]
    assert "model=..." in notebook.refused(f"endo.answer({number}, threshold=1)")[1]
    assert "'model'" in notebook.refused(f"endo.answer({number}, modell='ridge')")[1]
    assert "endo.answer" in notebook.refused(f"endo.endow({number})")[1]
    notebook.do(f"endo.answer({number}, threshold=0.5, model='ridge')")

    assert notebook.value("task.wait(20)") == "idle"
    assert result(told(server, "a form")[0]) == {"threshold": 0.5, "model": "ridge", "title": "", "plot": False}


def test_a_request_gives_the_name_and_a_summary(notebook: Notebook, server: MessagesServer) -> None:
    server.about("a request").will_use(request={"title": "Your data", "label": "the table", "type": "list", "result": "my-table"})
    server.about("a request").will_say("Thank you.")
    notebook.give("a request")
    number = notebook.card()
    assert notebook.value(f"endo.inbox[{number}].kind") == "request"

    assert f"endo.answer({number}" in notebook.refused(f"endo.answer({number})")[1]
    assert "list" in notebook.refused(f"endo.answer({number}, 'text')")[1]
    notebook.do(f"endo.answer({number}, [1, 2, 3])")

    notebook.value("task.wait(20)")
    said = result(told(server, "a request")[0])
    assert (said["status"], said["result"], said["value"]) == ("done", "my-table", {"json": [1, 2, 3]})


def test_two_definitions_of_one_turn_are_both_endowed_before_either_has_run(notebook: Notebook, server: MessagesServer) -> None:
    first = definition("table * 2", table="a number", result="doubled")
    second = definition("x + 1", x={"label": "the double", "from": "doubled"}, result="more")
    server.about("both").will_turn([use("define", second), use("define", first)])
    server.about("both").will_say("Done.")
    assert notebook.give("both") == "waiting"
    one, two = notebook.value("[card.number for card in sorted(task.cards, key=lambda card: card.result == 'more')]")

    assert notebook.value(f"endo.endow({two})") is None
    assert notebook.value(f"endo.inbox[{two}].state") == "approved"
    assert notebook.value(f"endo.endow({one}, table=20)") == 40

    assert notebook.value("task.wait(20)") == "idle"
    assert notebook.value("endo['more']") == 41
    assert [result(block)["result"] for block in told(server, "both")] == ["more", "doubled"]


def test_what_needs_a_result_that_will_not_come_is_settled_with_an_error(notebook: Notebook, server: MessagesServer) -> None:
    first = definition("1", result="never")
    second = definition("x", x={"label": "the first", "from": "never"})
    server.about("needs a result").will_turn([use("define", first), use("define", second)])
    server.about("needs a result").will_say("I see.")
    notebook.give("needs a result")
    one = notebook.card(0)

    notebook.do(f"endo.reject({one}, 'no')")

    assert notebook.value("task.wait(20)") == "idle"
    blocks = told(server, "needs a result")
    assert [block["is_error"] for block in blocks] == [True, True]
    assert f"card {one} was rejected" in result(blocks[1])["reason"]


def test_plain_data_crosses_by_value_and_anything_else_must_be_a_facet(notebook: Notebook, server: MessagesServer) -> None:
    code = "[type(value).__name__ for value in values] + [sorted(values[2]), values[3].year, counter.incr(), counter.read()]"
    server.about("crosses").will_use(define=definition(code, "confined", values="plain data", counter="a counter"))
    server.about("crosses").will_say("Done.")
    notebook.do(
        "class Counter:\n    n = 0\n    def incr(self):\n        self.n += 1\n        return self.n\n"
        "    def read(self):\n        return self.n\n    def reset(self):\n        self.n = 0\ncounter = Counter()\n"
        "values = [(1,), b'b', {2, 1}, datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2), {'a': None}, 1.5, True]"
    )
    notebook.give("crosses")
    number = notebook.card()

    name, words = notebook.refused(f"endo.endow({number}, values=values, counter=counter)")
    assert name == "BadBinding"
    assert "endo.facet" in words
    assert "'counter'" in words
    assert "read" in notebook.refused("endo.facet(counter, 'raed')")[1]
    given = notebook.value(f"endo.endow({number}, values=values, counter=endo.facet(counter, 'incr', 'read'))")

    kinds = ["tuple", "bytes", "set", "date", "datetime", "dict", "float", "bool"]
    assert given == [*kinds, [1, 2], 2026, 1, 1]
    assert notebook.value("counter.n") == 1


def test_a_facet_has_only_what_it_lists(notebook: Notebook, server: MessagesServer) -> None:
    server.about("only what").will_use(define=definition("box.reset()", "confined", box="a box"))
    server.about("only what").will_say("I see.")
    notebook.do("class Box:\n    n = 3\n    def read(self):\n        return self.n\n    def reset(self):\n        self.n = 0\nbox = Box()")
    notebook.give("only what")

    reply = notebook.page.run(f"endo.endow({notebook.card()}, box=endo.facet(box, 'read'))")["content"]

    assert reply["ename"] == "AttributeError"
    assert "allows read" in reply["evalue"]
    assert notebook.value("box.n") == 3


def test_a_result_that_cannot_enter_the_confined_realm_is_told_before_anything_is_decided(
    notebook: Notebook, server: MessagesServer
) -> None:
    server.about("cannot enter").will_use(define=definition("class Thing:\n    pass\nThing()", result="thing"))
    server.about("cannot enter").will_use(define=definition("1", "confined", thing={"label": "the thing", "from": "thing"}))
    notebook.give("cannot enter")
    notebook.do(f"endo.endow({notebook.card()})")
    notebook.value("task.wait(20)")
    number = notebook.card()

    name, words = notebook.refused(f"endo.endow({number})")

    assert (name, "endo.facet" in words) == ("BadBinding", True)
    assert notebook.value(f"endo.inbox[{number}].state") == "open"


def test_in_the_notebook_realm_every_slot_is_the_live_object_itself(notebook: Notebook, server: MessagesServer) -> None:
    server.about("live object").will_use(define=definition("thing.append(4)\nthing", thing="a list", result="grown"))
    server.about("live object").will_say("Done.")
    notebook.do("live = [1, 2, 3]")
    notebook.give("live object")

    assert notebook.value(f"endo.endow({notebook.card()}, thing=live) is live")
    assert notebook.value("live") == [1, 2, 3, 4]


def test_every_wrong_binding_names_the_slot_and_nothing_runs(notebook: Notebook, server: MessagesServer) -> None:
    slots = {"table": {"label": "the table", "type": "DataFrame"}, "rate": {"label": "a rate", "type": "float"}}
    server.about("wrong bindings").will_use(define=definition("ran.append(1)", ran="a list", **slots))
    server.about("wrong bindings").will_say("Done.")
    notebook.do("ran = []")
    notebook.give("wrong bindings")
    number = notebook.card()

    name, words = notebook.refused(f"endo.endow({number}, ran=ran)")
    assert name == "BadBinding"
    assert "'table' (the table)" in words
    assert f"endo.endow({number}, table=..., rate=...)" in words
    name, words = notebook.refused(f"endo.endow({number}, ran=ran, tabel=1, rate=1.0)")
    assert (name, "'tabel'" in words, "'table'" in words) == ("BadBinding", True, True)
    name, words = notebook.refused(f"endo.endow({number}, ran=ran, table=[1], rate=1.0)")
    assert (name, "'table'" in words, "DataFrame" in words) == ("BadBinding", True, True)
    name, words = notebook.refused("endo.endow(100_000)")
    assert (name, "100000" in words) == ("CardUnknown", True)
    assert notebook.value(f"[ran, endo.inbox[{number}].state]") == [[], "open"]


def test_a_second_decision_says_what_was_decided_and_when(notebook: Notebook, server: MessagesServer) -> None:
    server.about("second decision").will_turn([use("define", definition("ran.append(1)", ran="a list")), use("define", definition("1"))])
    server.about("second decision").will_say("Done.")
    notebook.do("ran = []")
    notebook.give("second decision")
    one, two = notebook.card(0), notebook.card(1)
    notebook.do(f"endo.endow({one}, ran=ran)\nendo.reject({two}, 'no')")

    for act in (f"endo.endow({one}, ran=ran)", f"endo.reject({one}, 'late')", f"endo.fail({one}, 'late')", f"endo.resolve({one}, 1)"):
        name, words = notebook.refused(act)
        assert name == "CardDecided"
        assert f"card {one} was already approved at " in words
    assert "already rejected at " in notebook.refused(f"endo.endow({two})")[1]
    assert "already rejected at " in notebook.refused(f"endo.rerun({two})")[1]
    assert notebook.value("ran") == [1]


def test_names_are_stored_read_and_listed_with_types_and_origins(notebook: Notebook) -> None:
    notebook.do("import decimal\nendo['loaded-data'] = {'a': 1}\nendo['price'] = decimal.Decimal('1.5')")

    assert notebook.value("endo['loaded-data']") == {"a": 1}
    assert notebook.value("str(endo['price'])") == "1.5"
    rows = {row["name"]: row for row in notebook.value("endo.names.rows()")}
    assert rows["loaded-data"]["type"]
    assert "stored by you" in rows["loaded-data"]["origin"]
    assert "loaded-data" in notebook.shown("endo.names")["text/plain"]
    name, words = notebook.refused("endo['loaded-dat']")
    assert (name, "'loaded-data'" in words) == ("NameUnknown", True)
    name, words = notebook.refused("endo['Loaded Data'] = 1")
    assert (name, "'loaded-data'" in words) == ("BadName", True)


def test_unknown_tasks_and_empty_words_are_refused_with_what_would_work(notebook: Notebook, server: MessagesServer) -> None:
    server.about("empty words").will_say("Done.")
    notebook.give("empty words")

    name, words = notebook.refused("endo.tasks[4711]")
    assert (name, "4711" in words) == ("TaskUnknown", True)
    assert "endo.task(" in notebook.refused("endo.task('  ')")[1]
    assert "empty" in notebook.refused("task.send('')")[1]
    assert "surrogate" in notebook.refused(r"task.cancel('half \ud800')")[1]
    assert "surrogate" in notebook.refused(r"task.send('half \ud800')")[1]
    assert "surrogate" in notebook.refused(r"endo.task('half \ud800')")[1]
    notebook.do("task.cancel('enough')")
    assert "cancelled" in notebook.refused("task.send('again')")[1]
    assert "cancelled" in notebook.refused("task.resume()")[1]


def test_a_message_waits_for_open_cards_unless_it_withdraws_them(notebook: Notebook, server: MessagesServer) -> None:
    server.about("also").will_use(define=definition("1"))
    server.about("also").will_use(define=definition("2"))
    server.about("also").will_say("Done.")
    notebook.give("also")

    notebook.do("task.send('also try ridge')")
    assert notebook.value("task.status") == "waiting"
    notebook.do(f"endo.endow({notebook.card()})")
    notebook.value("task.wait(20)")
    assert [block["type"] for block in told(server, "also")] == ["tool_result", "text"]
    assert told(server, "also")[1]["text"] == "also try ridge"

    notebook.do("task.send('stop, use the other table', withdraw=True)")
    assert notebook.value("task.wait(20)") == "idle"
    block, said = told(server, "also")
    assert (block["is_error"], result(block)["status"], said["text"]) == (True, "withdrawn", "stop, use the other table")
    assert notebook.value(f"endo.inbox[{notebook.card()}].state") == "withdrawn"


def test_a_follow_up_goes_on_in_the_same_conversation_also_after_the_end(notebook: Notebook, server: MessagesServer) -> None:
    server.about("follow up").will_use(finish={"summary": "All done."})
    server.about("follow up").will_say("Gladly.")
    assert notebook.give("follow up") == "done"

    notebook.do("task.send('one more thing')")

    assert notebook.value("task.wait(20)") == "idle"
    assert told(server, "follow up")[-1] == {"type": "text", "text": "one more thing"}


def test_a_paused_task_calls_no_model_until_it_is_resumed(notebook: Notebook, server: MessagesServer) -> None:
    server.about("pausing").will_use(define=definition("1"))
    server.about("pausing").will_say("Done.")
    notebook.give("pausing")

    notebook.do("task.pause()")
    assert notebook.value("task.status") == "paused"
    notebook.do(f"endo.endow({notebook.card()})")
    assert notebook.value("task.wait(20)") == "paused"
    assert len(calls(server, "pausing")) == 1

    notebook.do("task.resume()")
    assert notebook.value("task.wait(20)") == "idle"


def test_cancelling_withdraws_the_cards(notebook: Notebook, server: MessagesServer) -> None:
    server.about("cancelling").will_use(define=definition("1"))
    notebook.give("cancelling")
    number = notebook.card()

    notebook.do("task.cancel('why')")

    assert notebook.value(f"[task.status, endo.inbox[{number}].state]") == ["cancelled", "withdrawn"]
    assert "already withdrawn" in notebook.refused(f"endo.endow({number})")[1]


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


def test_a_wrong_key_fails_the_task_in_the_apis_words_until_it_is_mended(notebook: Notebook, server: MessagesServer) -> None:
    server.about("wrong key").will_say("Now I can.")
    notebook.do("import os\nright = os.environ['ANTHROPIC_API_KEY']\nos.environ['ANTHROPIC_API_KEY'] = 'sk-ant-wrong-0123456789'")

    assert notebook.give("wrong key") == "failed"

    assert "invalid x-api-key" in notebook.value("task.why")
    notebook.do("os.environ['ANTHROPIC_API_KEY'] = right\ntask.resume()")
    assert notebook.value("task.wait(20)") == "idle"
    assert notebook.value("task.messages[-1].text") == "Now I can."


def test_a_key_that_the_server_echoes_is_not_repeated(notebook: Notebook, server: MessagesServer) -> None:
    server.about("echoes").will_fail(401, f"the key {KEY} is not allowed here", kind="authentication_error")

    assert notebook.give("echoes") == "failed"

    assert KEY not in notebook.value("task.why")
    assert "is not allowed here" in notebook.value("task.why")


def test_a_model_that_fails_for_now_puts_the_task_to_sleep(notebook: Notebook, server: MessagesServer) -> None:
    server.about("overloaded").will_overload(headers={"retry-after": "3600"})
    server.about("overloaded").will_say("Awake.")

    assert notebook.give("overloaded") == "sleeping"

    assert "Overloaded" in notebook.value("task.why")
    notebook.do("task.resume()")
    assert notebook.value("task.wait(20)") == "idle"


def test_tasks_cards_and_lists_display_as_records_with_text(notebook: Notebook, server: MessagesServer) -> None:
    server.about("displays").will_use(define=definition("1 < 2  # <b>bold</b>", title="Look <script>"))
    notebook.give("displays")
    number = notebook.card()

    task = notebook.shown("task")
    assert task["application/vnd.endo.task+json"]["show"]["kind"] == "task"
    assert "waiting" in notebook.shown("endo.tasks")["text/plain"]
    assert "application/vnd.endo.cards+json" in notebook.shown("endo.tasks")
    assert "application/vnd.endo.cards+json" in notebook.shown("endo.inbox")
    card = notebook.shown(f"endo.inbox[{number}]")
    assert "application/vnd.endo.cards+json" in card
    assert "1 < 2  # <b>bold</b>" in card["text/plain"]
    assert "<script>" not in card["text/html"]
    assert "<b>bold</b>" not in card["text/html"]


def test_text_shows_what_code_hides(notebook: Notebook, server: MessagesServer) -> None:
    hidden = "wipe = 1\x1b[2K\r\u202e  # harmless\u200b\n2".replace("\x1b[2K\r", "  # \x1b[2K")
    server.about("hides").will_use(define=definition(hidden, title="A \x1b[31mtitle\u202e"))
    notebook.give("hides")
    assert notebook.value("[task.status, len(task.cards)]") == ["waiting", 1]

    card = notebook.shown(f"endo.inbox[{notebook.card()}]")

    assert notebook.value("task.cards[-1].code") == hidden
    for mime in ("text/plain", "text/html"):
        assert not set("\x1b\u202e\u200b") & set(card[mime]), mime
        assert "wipe" in card[mime]


def test_times_in_machine_readable_output_are_iso_in_utc(server: MessagesServer, notebook: Notebook) -> None:
    server.about("iso").will_use(define=definition("1"))
    notebook.give("iso")

    view = notebook.shown(f"endo.inbox[{notebook.card()}]")["application/vnd.endo.cards+json"]["view"]

    (entry,) = view["entries"].values()
    assert datetime.fromisoformat(entry["at"]).utcoffset() is not None


def test_no_secret_is_in_the_store_the_outputs_or_the_log(notebook: Notebook, store: Path) -> None:
    notebook.do("endo.inbox, endo.tasks, endo.names")
    for each in notebook.value("[task.id for task in endo.tasks]"):
        notebook.shown(f"endo.tasks[{each}]")

    files = [path for path in store.rglob("*") if path.is_file()]

    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        for secret in (KEY, "sk-ant-wrong"):
            assert secret.encode() not in path.read_bytes(), path
    said = json.dumps([message["content"] for message in notebook.page.seen if message["msg_type"] != "execute_input"], default=str)
    assert KEY not in said
    assert KEY.encode() not in notebook.log.read_bytes()


# A model name that is wrong, and budgets


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

    name, words = thrifty.refused("endo.task('no price')")

    assert "c.Endo.prices" in words
    assert "'claude-opus-5-5'" in words
    assert thrifty.value("len(endo.tasks)") == 5


# No key: the rehearsal, the magics, the terminal


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("plain")
    notebook = start(folder / "kernel.log", JPY_SESSION_NAME=str(folder / "My Tour.ipynb"))
    notebook.do(
        "class Counter:\n    n = 0\n    def incr(self):\n        self.n += 1\n    def read(self):\n        return self.n\n"
        "counter = Counter(); f = endo.facet(counter, 'incr', 'read')"
    )
    yield notebook
    notebook.page.close()


def own_store() -> str:
    """The one store of the notebook "My Tour"."""
    (store,) = (Path(jupyter_data_dir()) / "endo").glob("my-tour-*")
    return str(store)


def test_without_a_key_the_rehearsal_plays_and_says_so(plain: Notebook) -> None:
    plain.do("%%endo task\nBuild a counter")

    assert plain.value("endo.tasks[1].wait(20)") == "waiting"
    assert plain.value("endo.tasks[1].model") == "rehearsal"
    thread = plain.shown("endo.tasks[1]")
    assert "rehearsal" in thread["text/plain"].lower()
    assert "rehearsal" in thread["text/html"].lower()


def test_each_notebook_has_a_private_store_of_its_own_in_the_data_directory(plain: Notebook) -> None:
    store = Path(own_store())

    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert plain.value("len(endo.tasks)") >= 1


def test_the_magics_have_the_words_of_the_contract(plain: Notebook) -> None:
    for listing in ("tasks", "inbox", "show 1", "names"):
        assert "text/plain" in plain.shown(f"%endo {listing}")
    plain.do("rate = 0.25")
    plain.do("%endo endow 1 --bind counter:f --as clean-data")
    assert plain.value("[endo.tasks[1].wait(20), endo['clean-data']]") == ["idle", 3]

    plain.do('%endo send 1 now count to ten, it\'s "fun"')
    assert plain.value("endo.tasks[1].wait(20)") == "waiting"
    assert plain.value("endo.tasks[1].messages[-2].text") == 'now count to ten, it\'s "fun"'
    plain.do("%endo reject 2 use the cleaned table")
    assert plain.value("endo.inbox[2].log[-1]['why']") == "use the cleaned table"
    plain.do("endo.tasks[1].wait(20)")
    plain.do("%endo pause 1")
    assert plain.value("endo.tasks[1].status") == "paused"
    plain.do("%endo resume 1")
    assert plain.value("endo.tasks[1].wait(20)") == "idle"
    plain.do("%endo cancel 1 enough of it")
    assert plain.value("[endo.tasks[1].status, endo.tasks[1].why]") == ["cancelled", "enough of it"]


def test_a_magic_binds_a_variable_a_pet_name_or_a_literal(plain: Notebook) -> None:
    plain.do("%%endo task\nBuild a counter")
    plain.do("endo.tasks[2].wait(20)")
    reply = plain.page.run("%endo endow 3 --bind counter:nothing_here")["content"]
    assert (reply["ename"], "nothing_here" in reply["evalue"]) == ("BadBinding", True)
    reply = plain.page.run("%endo endow 3 --bind counter")["content"]
    assert "--bind data:df" in reply["evalue"]

    plain.do("%endo endow 3 --bind counter:f")
    plain.do("%endo send 2 double it")
    plain.do("endo.tasks[2].wait(20)")
    plain.do("%endo endow 4 --bind count:clean-data")

    assert plain.value("[endo.tasks[2].wait(20), endo['doubled']]") == ["idle", 6]


def test_the_terminal_talks_to_the_running_kernel(plain: Notebook) -> None:
    plain.do("endo.task('Build a counter').wait(20)\nsize = 40\nendo['size'] = 50")
    plain.do("endo.endow(5, counter=f)\nendo.tasks[3].wait(20)\nendo.tasks[3].send('double it')\nendo.tasks[3].wait(20)")
    store = own_store()

    tasks = terminal("tasks", "--json", "--store", store)
    assert {row["id"]: row["status"] for row in json.loads(tasks.stdout)} == {1: "cancelled", 2: "idle", 3: "waiting"}
    (card,) = json.loads(terminal("inbox", "--json", "--store", store).stdout)
    assert (card["number"], card["kind"], card["state"]) == (6, "definition", "open")
    unknown = terminal("endow", "6", "--bind", "count:nothing", "--store", store)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "'nothing'" in unknown.stderr
    unsendable = terminal("endow", "6", "--bind", "count:b'x'", "--store", store)
    assert (unsendable.returncode, "JSON" in unsendable.stderr) == (2, True)

    done = terminal("endow", "6", "--bind", "count:size", "--as", "from-terminal", "--json", "--store", store)

    assert json.loads(done.stdout)["card"] == 6, done.stderr
    assert plain.value("[endo.tasks[3].wait(20), endo['from-terminal']]") == ["idle", 80]
    names = json.loads(terminal("names", "--json", "--store", store).stdout)
    assert "from-terminal" in [row["name"] for row in names]


def test_without_a_kernel_the_terminal_reads_the_store(plain: Notebook) -> None:
    store = own_store()
    plain.page.close()

    tasks = terminal("tasks", "--json", "--store", store)
    assert {row["id"]: row["status"] for row in json.loads(tasks.stdout)} == {1: "cancelled", 2: "idle", 3: "idle"}
    shown = json.loads(terminal("show", "6", "--json", "--store", store).stdout)
    assert (shown["number"], shown["state"], shown["code"]) == (6, "done", "count * 2")
    assert "count * 2" in terminal("show", "6", ENDO_STORE=store).stdout
    refused = terminal("cancel", "3", "--store", store)
    assert refused.returncode == 1
    assert "no kernel" in refused.stderr


# A kernel that dies, and starts again


def test_a_card_that_may_have_run_waits_for_the_hosts_word(server: MessagesServer, tmp_path: Path) -> None:
    flag, spin = tmp_path / "flag", "while True:\n    pass"
    die = "import os\nif not os.path.exists(flag):\n    open(flag, 'w').close()\n    os.kill(os.getpid(), 9)\n'ran again'"
    cards = [definition(die, flag="a path", result="ran"), definition(spin, "confined", result="spun"), definition(spin, "confined")]
    server.about("dies").will_turn([use("define", card) for card in cards])
    server.about("dies").will_say("Done.")
    env = {"ENDO_STORE": str(tmp_path / "store"), "ENDO_MODEL": "claude-test", **server.environment()}
    first = start(tmp_path / "kernel.log", **env)
    assert first.give("dies") == "waiting"
    first.do(
        "import threading\nfor number in (2, 3):\n    threading.Thread(target=endo.endow, args=(number,), daemon=True).start()\n"
        "while not {endo.inbox[2].state, endo.inbox[3].state} == {'running'}:\n    pass"
    )
    first.page.start(f"endo.endow(1, flag={str(flag)!r})")
    first.page.manager.provisioner.process.wait(PATIENCE)
    first.page.close()

    second = start(tmp_path / "kernel.log", **env)
    try:
        assert second.value("[(c.number, c.state) for c in endo.inbox]") == [[1, "unknown"], [2, "unknown"], [3, "unknown"]]
        assert "endo.rerun" in second.refused(f"endo.endow(1, flag={str(flag)!r})")[1]
        assert second.value("endo.rerun(1)") == "ran again"
        second.do("endo.resolve(2, {'by': 'hand'})\nendo.fail(3, 'why')")
        assert second.value("[endo.tasks[1].wait(20), endo['ran'], endo['spun']]") == ["idle", "ran again", {"by": "hand"}]
        assert [block.get("is_error", False) for block in told(server, "dies")] == [False, False, True]
        assert second.value("[c.state for c in endo.tasks[1].cards]") == ["done", "done", "failed"]
        assert "why" in result(told(server, "dies")[2])["reason"]
    finally:
        second.page.close()


# An ordinary kernel, and settings that make no sense


def test_an_ordinary_kernel_gets_the_same_object_and_magics(tmp_path: Path) -> None:
    notebook = start(tmp_path / "kernel.log", "python3", ENDO_STORE=str(tmp_path / "store"))
    try:
        notebook.do("%load_ext endo_kernel")
        assert notebook.give("Build a counter") == "waiting"
        assert "counter.incr()" in notebook.shown("%endo show 1")["text/plain"]
        assert set(ATTRIBUTES) <= set(notebook.value("dir(endo.inbox[1])"))
    finally:
        notebook.page.close()


def test_settings_that_make_no_sense_leave_a_python_kernel_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "jupyter_endo_config.py").write_text("c.Endo.prices = {'claude-test': {'inputs': 1}}")
    notebook = start(tmp_path / "kernel.log", ENDO_STORE=str(tmp_path / "store"), JUPYTER_CONFIG_DIR=str(tmp_path))
    try:
        assert notebook.value("1 + 1") == 2
        name, words = notebook.refused("endo.tasks")
        assert (name, "has inputs" in words) == ("EndoError", True)
    finally:
        notebook.page.close()
