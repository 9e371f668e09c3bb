"""What crosses into code, by which rules, and what the host calls it."""

from __future__ import annotations

from tests.loopback import MessagesServer
from tests.outside.notebook import Notebook, definition


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
