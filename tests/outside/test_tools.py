"""Each tool of the agent: what a good call gives, and what a bad one is told."""

from __future__ import annotations

from typing import Any

import jsonschema

from tests.loopback import MessagesServer, use
from tests.outside.notebook import Notebook, calls, definition, result, told

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("define", definition("1", **{"my data": "a table"}), "'my_data'"),
    ("define", definition("1", **{"class": "a table"}), "'class' is not a slot name"),
    ("define", definition("1", _code="some code"), "'_code' is not a slot name"),
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
