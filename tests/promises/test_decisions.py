"""A card is decided once, on what was shown, with every slot bound; nothing runs otherwise."""

from __future__ import annotations

import pytest

from endo_kernel.errors import BadBinding, CardChanged, CardDecided, CardUnknown, NameUnknown
from tests.world import World, define


def test_nothing_runs_before_the_host_has_endowed(world: World) -> None:
    effects: list[int] = []
    world.model.will_use(define("Add", "log.append(1)\nlen(log)", log="a list", result="count"))

    task = world.endo.task("add")
    assert task.wait(10) == "waiting"
    assert effects == []
    assert world.endo.endow(1, log=effects) == 1

    assert effects == [1]
    assert task.wait(10) == "idle"
    assert world.endo["count"] == 1


def test_the_second_decision_says_what_was_decided_and_when(world: World) -> None:
    world.model.will_use(define("One", "1"))
    world.endo.task("one").wait(10)
    world.endo.endow(1)

    with pytest.raises(CardDecided, match=r"card 1 was already approved at \d\d:\d\d; it is now done"):
        world.endo.endow(1)
    with pytest.raises(CardDecided, match="card 1 was already approved"):
        world.endo.reject(1, "too late")


def test_a_slot_left_out_or_unknown_is_named_and_nothing_runs(world: World) -> None:
    world.model.will_use(define("Sum", "a + b", a="the first", b="the second"))
    world.endo.task("sum").wait(10)

    with pytest.raises(BadBinding, match=r"'b' \(the second\)"):
        world.endo.endow(1, a=1)
    with pytest.raises(BadBinding, match=r"no slot 'c'; .*'a'"):
        world.endo.endow(1, a=1, b=2, c=3)

    assert world.endo.inbox[1].state == "open"
    assert world.endo.endow(1, a=1, b=2) == 3


@pytest.mark.parametrize(
    ("wanted", "given"), [("DataFrame", 5), ("pandas.DataFrame", [1]), ("float", "0.1"), ("list of str", "abc"), ("int", 1.5), ("str", 1)]
)
def test_a_value_of_a_wrong_type_is_named_and_nothing_runs(world: World, wanted: str, given: object) -> None:
    world.model.will_use(define("Use", "x", x={"label": "something", "type": wanted}))
    world.endo.task("use").wait(10)

    with pytest.raises(BadBinding, match=f"slot 'x': it wants {wanted}, and this is"):
        world.endo.endow(1, x=given)

    assert world.endo.inbox[1].state == "open"


def test_a_type_in_free_words_refuses_nothing(world: World) -> None:
    world.model.will_use(define("Use", "x", x={"label": "something", "type": "anything that counts"}))
    world.endo.task("use").wait(10)

    assert world.endo.endow(1, x=5) == 5


def test_a_decision_on_something_else_than_what_would_run_is_refused(world: World) -> None:
    world.model.will_use(define("One", "1"))
    world.endo.task("one").wait(10)
    host = world.daemon.host

    with pytest.raises(CardChanged, match="not what you were shown"):
        world.daemon.submit(host.endow(1, {}, digest="0" * 64)).result(10)

    assert world.endo.inbox[1].state == "open"
    outcome = world.daemon.submit(host.endow(1, {}, digest=world.endo.inbox[1].digest)).result(10)
    assert outcome is not None


def test_there_is_no_card_but_those_that_were_opened(world: World) -> None:
    with pytest.raises(CardUnknown, match="there are no cards yet"):
        world.endo.endow(7)


def test_a_rejection_reaches_the_agent_with_its_reason(world: World) -> None:
    (use,) = world.model.will_use(define("One", "1"))
    task = world.endo.task("one")
    task.wait(10)

    world.endo.reject(1, "use the cleaned table")

    assert task.wait(10) == "idle"
    (result,) = world.sent[-1]["content"]
    assert result["tool_use_id"] == use
    assert result["is_error"]
    assert "use the cleaned table" in result["content"][0]["text"]


def test_both_definitions_of_a_turn_can_be_endowed_before_either_has_run(world: World) -> None:
    world.model.will_use(
        define("Second", "base * 10", result="second", base={"label": "the first result", "from": "first"}),
        define("First", "n + 1", result="first", n="a number"),
    )
    task = world.endo.task("two steps")
    task.wait(10)
    first, second = (next(card for card in world.endo.inbox if card.title == title) for title in ("First", "Second"))

    assert world.endo.endow(second) is None
    assert second.state == "approved"
    assert world.endo.endow(first, n=4) == 5

    assert task.wait(10) == "idle"
    assert second.state == "done"
    assert world.endo["second"] == 50


def test_what_needs_a_rejected_result_ends_with_an_error_that_says_so(world: World) -> None:
    world.model.will_use(
        define("First", "1", result="first"),
        define("Second", "base", base={"label": "the first result", "from": "first"}),
    )
    task = world.endo.task("two steps")
    task.wait(10)
    world.endo.endow(2)

    world.endo.reject(1, "no")

    assert task.wait(10) == "idle"
    assert world.endo.inbox[2].state == "failed"
    told = [block["content"][0]["text"] for block in world.sent[-1]["content"]]
    assert "card 1 was rejected" in told[1]


def test_the_host_may_change_the_code_and_the_agent_is_told(world: World) -> None:
    world.model.will_use(define("One", "1", result="one"))
    task = world.endo.task("one")
    task.wait(10)

    assert world.endo.endow(1, _code="41 + 1", _name="answer") == 42

    task.wait(10)
    told = world.sent[-1]["content"][0]["content"][0]["text"]
    assert "41 + 1" in told
    assert '"result": "answer"' in told
    assert world.endo["answer"] == 42


def test_what_the_code_raised_is_raised_in_the_cell_and_told_to_the_agent(world: World) -> None:
    world.model.will_use(define("Divide", "1 / n", n="a number"))
    task = world.endo.task("divide")
    task.wait(10)

    with pytest.raises(ZeroDivisionError):
        world.endo.endow(1, n=0)

    task.wait(10)
    assert world.endo.inbox[1].state == "failed"
    assert "ZeroDivisionError" in world.sent[-1]["content"][0]["content"][0]["text"]


def test_a_live_object_enters_the_confined_realm_only_as_a_facet(world: World) -> None:
    class Counter:
        n = 0

        def incr(self) -> int:
            self.n += 1
            return self.n

        def reset(self) -> None:
            self.n = 0

    world.model.will_use(define("Count", "counter.incr()\ncounter.incr()", "confined", counter="a counter"))
    world.model.will_use(define("Reset", "counter.reset()", "confined", counter="a counter"))
    task, counter = world.endo.task("count"), Counter()
    task.wait(10)

    with pytest.raises(BadBinding, match=r"endo\.facet"):
        world.endo.endow(1, counter=counter)
    assert world.endo.endow(1, counter=world.endo.facet(counter, "incr")) == 2
    task.wait(10)
    with pytest.raises(Exception, match="reset"):
        world.endo.endow(2, counter=world.endo.facet(counter, "incr"))

    assert counter.n == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (define("Bad", "x +", x="a"), "line 1"),
        (define("Bad", "1", realm="moon"), "confined"),
        (("define", {"title": "Bad", "code": "1", "slots": {"not a name": {"label": "x"}}, "realm": "notebook"}), "not_a_name"),
        (define("Bad", "x", x={"label": "x", "from": "nowhere"}), "not one of your results"),
        (("define", {"title": "Bad"}), "'code' is a required property"),
        (("define", {"title": "Bad", "code": "1", "slots": {}, "realm": "notebook", "run": True}), "'run' was unexpected"),
        (("fly", {}), "there is no tool 'fly'"),
        (("lookup", {"name": "repport"}), "not a name here"),
    ],
)
def test_a_bad_call_gets_an_error_that_says_what_to_change_and_opens_no_card(
    world: World, call: tuple[str, dict[str, object]], words: str
) -> None:
    world.model.will_use(call)

    assert world.endo.task("try").wait(10) == "idle"

    assert len(world.endo.inbox) == 0
    (result,) = world.sent[-1]["content"]
    assert result["is_error"]
    assert words in result["content"][0]["text"]


def test_a_form_gives_values_and_a_request_gives_a_name(world: World) -> None:
    fields = {"threshold": {"label": "how much", "type": "number"}, "kind": {"label": "which", "type": "choice", "choices": ["a", "b"]}}
    world.model.will_use(
        ("form", {"title": "Settings", "fields": fields}),
        ("request", {"title": "Orders", "label": "the orders table", "result": "orders"}),
    )
    world.model.will_use(define("Use it", "len(table)", table={"label": "orders", "from": "orders"}))
    task = world.endo.task("ask")
    task.wait(10)

    with pytest.raises(BadBinding, match="'threshold' of card 1 takes a number, not 'much'"):
        world.endo.answer(1, threshold="much", kind="a")
    with pytest.raises(BadBinding, match="one of 'a', 'b'"):
        world.endo.answer(1, threshold=0.5, kind="c")
    world.endo.answer(1, threshold=0.5, kind="a")
    world.endo.answer(2, {1, 2, 3})

    task.wait(10)
    assert '"threshold": 0.5' in world.sent[-1]["content"][0]["content"][0]["text"]
    assert world.endo.endow(3) == 3
    with pytest.raises(NameUnknown, match="close: 'orders'"):
        _ = world.endo["order"]
