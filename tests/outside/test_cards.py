"""A card is decided once, on what it says; the code runs, and both sides are told what came of it."""

from __future__ import annotations

import json

from tests.loopback import MessagesServer, use
from tests.outside.notebook import Notebook, definition, result, told

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


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
    card = notebook.value(
        f"[(c.number, c.kind, c.task.id == task.id, c.title, c.code, c.slots, c.realm) for c in [endo.inbox[{number}]]][0]"
    )
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
    assert notebook.value(f"[endo.inbox[{number}].state, {number} in [c.number for c in endo.inbox], len(task.steps)]") == [
        "done",
        False,
        1,
    ]
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


def test_text_that_cannot_be_sent_is_told_without_what_cannot(notebook: Notebook, server: MessagesServer) -> None:
    server.about("unsendable").will_use(define=definition(r"print('\ud800'); raise ValueError('half \udc80')"))
    server.about("unsendable").will_say("I see.")
    notebook.give("unsendable")

    notebook.page.run(f"endo.endow({notebook.card()})")

    assert notebook.value("task.wait(20)") == "idle"
    said = result(told(server, "unsendable")[0])
    assert (said["error"], said["output"]) == ("ValueError: half ?", "?\n")


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
