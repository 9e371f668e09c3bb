"""Steps of the confined realm: plain data by value, live objects by facet, on the real sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import decimal
import enum
import os
import signal
import threading
from collections import Counter as Counts
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from endo_kernel.errors import BadBinding, BadDefinition
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Evaluation, Outcome
from endo_kernel.realms import dialect
from endo_kernel.realms.confined import ConfinedRealm, Limits
from endo_kernel.realms.facets import Facet, facet
from tests.realms.stage import Stage


class BankError(Exception):
    pass


class Counter:
    def __init__(self) -> None:
        self.n = 0
        self.threads: set[threading.Thread] = set()

    def incr(self, by: int = 1) -> int:
        self.threads.add(threading.current_thread())
        self.n += by
        return self.n

    def secret(self) -> str:
        return "secret"

    def fail(self) -> None:
        raise BankError("broke")

    def refuse(self) -> None:
        raise KeyError("k")

    def me(self) -> Counter:
        return self

    def other(self) -> object:
        return Counter()

    def given(self) -> Facet:
        return facet(Counter(), "incr")

    def add_to(self, other: Counter) -> int:
        return other.incr(10)

    async def later(self) -> str:
        await asyncio.sleep(0)
        return "later"

    def interrupted(self) -> None:
        signal.raise_signal(signal.SIGINT)

    @property
    def broken(self) -> int:
        raise BankError("property")

    def kill_the_sandbox(self) -> None:
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)

    def echo(self, value: object) -> object:
        return value


@pytest.fixture
def realm(stage: Stage) -> Iterator[ConfinedRealm]:
    realm = ConfinedRealm(stage.main, keep=lambda value: type(value).__name__, limits=Limits(seconds=1.0))
    yield realm
    stage.do(realm.close())


@pytest.fixture
def counter() -> Counter:
    return Counter()


def words(outcome: Outcome) -> str:
    assert outcome.failure is not None, outcome.value
    return f"{outcome.failure.type}: {outcome.failure.message}"


class Point(NamedTuple):
    x: int


class Grade(enum.IntEnum):
    A = 1


PLAIN = [
    {"a": [1, 2.5, None, True, "é"], "b": {"c": ()}},
    b"bytes",
    (1, (2,)),
    {1, 2},
    frozenset([3]),
    dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
    dt.date(2026, 11, 22),
    dt.timedelta(1, 2, 3),
    decimal.Decimal("1.10"),
    10**100,
    {(1, 2): "tuple key"},
]


@pytest.mark.parametrize("value", PLAIN)
def test_plain_data_goes_in_and_comes_back(stage: Stage, realm: ConfinedRealm, value: object) -> None:
    realm.admit("x", value)
    outcome = stage.run(realm, "x", x=value)

    assert outcome.value == value
    assert type(outcome.value) is type(value)
    assert outcome.kept == type(value).__name__


def test_what_a_subclass_adds_stays_behind(stage: Stage, realm: ConfinedRealm) -> None:
    value = stage.run(realm, "x", x=[Point(1), Grade.A, Counts("aab")]).value

    assert value == [(1,), 1, {"a": 2, "b": 1}]
    assert [type(item) for item in value] == [tuple, int, dict]


def test_a_step_of_plain_data_needs_no_main_thread() -> None:
    async def alone() -> Outcome:
        realm = ConfinedRealm(MainQueue(), keep=lambda value: "kept")
        try:
            return await realm.evaluate(Evaluation("card 7", "x + 1", {"x": 1}))
        finally:
            await realm.close()

    outcome = asyncio.run(alone())

    assert (outcome.value, outcome.kept) == (2, "kept")


@pytest.mark.parametrize("value", [object(), [object()], {"a": {"b": len}}, type, range(3), "\ud800", bytearray(b"x"), os])
def test_anything_else_is_refused_before_it_runs_and_the_error_says_how(realm: ConfinedRealm, value: object) -> None:
    with pytest.raises(BadBinding, match=r"slot 'x': .*endo\.facet\(x, \"method\"\)"):
        realm.admit("x", value)


def test_a_value_that_contains_itself_is_refused(realm: ConfinedRealm) -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(BadBinding, match="contains itself"):
        realm.admit("x", loop)


def test_a_value_that_changed_after_it_was_admitted_is_an_outcome(stage: Stage, realm: ConfinedRealm) -> None:
    assert "BadBinding: a slot cannot enter the confined realm any more" in words(stage.run(realm, "x", x=object()))


def test_listed_methods_are_called_on_the_main_thread(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    outcome = stage.run(realm, "a = counter.incr(2)\nb = counter.incr(by=3)\n[a, b]", counter=facet(counter, "incr"))

    assert outcome.value == [2, 5]
    assert counter.n == 5
    assert counter.threads == {threading.current_thread()}


def test_listed_attributes_are_read(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert stage.run(realm, "counter.incr(4)\ncounter.n", counter=facet(counter, "incr", "n")).value == 4


def test_a_facet_inside_plain_data_works(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert stage.run(realm, "box['all'][0].incr()", box={"all": [facet(counter, "incr")]}).value == 1


def test_what_is_not_listed_does_not_exist(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    for code in ("counter.secret", "counter.n", "getattr(counter, 'secret')"):
        assert words(stage.run(realm, code, counter=facet(counter, "incr"))).startswith(
            "AttributeError: 'Counter' object has no attribute "
        )

    called = words(stage.run(realm, "counter.secret()", counter=facet(counter, "incr")))
    assert called == "AttributeError: counter has no 'secret' here: its facet allows incr"
    assert stage.run(realm, "hasattr(counter, 'secret')", counter=facet(counter, "incr")).value is False
    assert "allows nothing" in words(stage.run(realm, "counter.incr()", counter=facet(counter)))


def test_a_facet_that_comes_back_is_the_same_authority(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    outcome = stage.run(realm, "[counter]", counter=facet(counter, "incr"))

    [back] = outcome.value  # type: ignore[misc]
    assert isinstance(back, Facet)
    assert (back.target, back.names) == (counter, ("incr",))


def test_an_object_that_gives_itself_back_keeps_its_facet(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert stage.run(realm, "counter.me().incr()", counter=facet(counter, "me", "incr")).value == 1
    assert "AttributeError" in words(stage.run(realm, "counter.me().secret()", counter=facet(counter, "me")))


def test_a_method_may_give_a_facet_and_nothing_else_that_lives(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert stage.run(realm, "counter.given().incr(7)", counter=facet(counter, "given")).value == 7

    said = words(stage.run(realm, "counter.other()", counter=facet(counter, "other")))
    assert said.startswith("TypeError: counter.other() gave what cannot cross into the confined realm: it is or holds a Counter")


def test_a_facet_given_to_a_method_arrives_as_the_object(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    second = Counter()

    stage.run(realm, "a.add_to(b)", a=facet(counter, "add_to"), b=facet(second))

    assert second.n == 10


def test_two_types_of_the_same_name_live_side_by_side(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    class Counter:
        def incr(self) -> str:
            return "another"

    assert stage.run(realm, "[a.incr(), b.incr()]", a=facet(counter, "incr"), b=facet(Counter(), "incr")).value == [1, "another"]


def test_an_async_method_is_simply_called(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert stage.run(realm, "counter.later()", counter=facet(counter, "later")).value == "later"


def test_a_method_named_without_a_call_says_what_to_do(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    said = words(stage.run(realm, "f = counter.incr\nf()", counter=facet(counter, "incr")))

    assert "counter.incr is a method: call it where it is named, as counter.incr(...)" in said


@pytest.mark.parametrize("given", ["print", "len", "int", "[f]", "f", "P()"])
def test_nothing_of_the_sandbox_is_given_to_a_live_object(stage: Stage, realm: ConfinedRealm, counter: Counter, given: str) -> None:
    code = f"class P:\n    pass\ndef f(): pass\ncounter.echo({given})"

    assert "TypeError: an argument of counter.echo() cannot leave the sandbox" in words(
        stage.run(realm, code, counter=facet(counter, "echo"))
    )


def test_what_a_method_raises_can_be_caught_there(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    refused = "try:\n    counter.refuse()\nexcept KeyError as e:\n    caught = 'KeyError'\n"
    failed = "try:\n    counter.fail()\nexcept Exception as e:\n    caught += str(e)\ncaught"

    assert stage.run(realm, refused + failed, counter=facet(counter, "fail", "refuse")).value == "KeyErrorbroke"


def test_what_a_method_raises_and_nobody_catches_keeps_its_name(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    outcome = stage.run(realm, "def go():\n    counter.fail()\ngo()", counter=facet(counter, "fail"))

    assert words(outcome) == "BankError: broke"
    assert isinstance(outcome.exception, BankError)
    assert outcome.failure is not None
    assert '  File "<card 7>", line 2, in go' in outcome.failure.traceback
    assert outcome.failure.traceback.rstrip().endswith("BankError: broke")


def test_a_property_that_raises_is_told(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    assert words(stage.run(realm, "counter.broken", counter=facet(counter, "broken"))) == "BankError: property"


def test_an_interrupt_during_a_call_ends_the_step(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    code = "try:\n    counter.interrupted()\nexcept BaseException:\n    pass\ncounter.incr()"
    outcome = stage.run(realm, code, counter=facet(counter, "interrupted", "incr"))

    assert words(outcome) == "KeyboardInterrupt: interrupted by the host"
    assert counter.n == 0
    assert stage.run(realm, "1").value == 1


def test_an_exception_of_the_code_is_a_real_one(stage: Stage, realm: ConfinedRealm) -> None:
    outcome = stage.run(realm, "def f(x):\n    raise ValueError('bad ' + x)\nf('y')")

    assert words(outcome) == "ValueError: bad y"
    assert isinstance(outcome.exception, ValueError)
    assert str(outcome.exception) == "bad y"
    assert outcome.failure is not None
    assert outcome.failure.traceback.startswith("Traceback (most recent call last):\n  File \"<card 7>\", line 3, in <module>\n    f('y')")


def test_output_comes_in_order_and_bounded(stage: Stage, realm: ConfinedRealm) -> None:
    outcome = stage.run(realm, "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')")
    flood = stage.run(realm, "for n in range(100000): print('x' * 100)\n'end'")

    assert [(item["name"], item["text"]) for item in outcome.output] == [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\n")]
    assert flood.value == "end"
    assert flood.output[-1]["text"].endswith("[output cut after 64 KiB]\n")


@pytest.mark.parametrize("code", ["class P:\n    pass\nP()", "len", "lambda: 1", "[print]", "import math\nmath"])
def test_a_result_that_cannot_leave_says_so(stage: Stage, realm: ConfinedRealm, code: str) -> None:
    assert "TypeError: the code ran, and its result cannot leave the sandbox" in words(stage.run(realm, code))


def test_cancelling_stops_the_sandbox(stage: Stage) -> None:
    realm = ConfinedRealm(stage.main, limits=Limits(seconds=600))

    async def cancel() -> tuple[bool, object]:
        step = asyncio.create_task(realm.evaluate(Evaluation("card 7", "while True: pass", {})))
        await asyncio.sleep(0.2)
        step.cancel()
        await asyncio.wait([step])
        return step.cancelled(), (await realm.evaluate(Evaluation("card 8", "1", {}))).value

    assert stage.do(cancel()) == (True, 1)
    stage.do(realm.close())


def test_a_call_that_waits_for_the_main_thread_is_dropped_when_the_step_is_cancelled(
    stage: Stage, realm: ConfinedRealm, counter: Counter
) -> None:
    async def cancel() -> None:
        arrived = asyncio.Event()
        stage.main.nudge = arrived.set
        step = asyncio.create_task(realm.evaluate(Evaluation("card 7", "counter.incr()", {"counter": facet(counter, "incr")})))
        await arrived.wait()
        step.cancel()
        await asyncio.wait([step])

    asyncio.run_coroutine_threadsafe(cancel(), stage.loop).result()

    assert stage.main.waiting == 0
    assert stage.main.drain() == 0
    assert counter.n == 0


def test_an_interrupt_of_the_process_group_does_not_end_the_workers(stage: Stage, realm: ConfinedRealm) -> None:
    stage.run(realm, "1")
    assert realm._pool is not None

    async def pid_after_signal() -> object:
        assert realm._pool is not None
        async with realm._pool.checkout() as first, realm._pool.checkout() as second:
            for sandbox in (first, second):
                assert sandbox.worker_pid is not None
                os.kill(sandbox.worker_pid, signal.SIGINT)
            return [await first.feed_run("1"), await second.feed_run("2")]

    assert stage.do(pid_after_signal()) == [1, 2]


def test_a_worker_that_died_is_replaced(stage: Stage, realm: ConfinedRealm) -> None:
    stage.run(realm, "1")

    async def kill() -> None:
        assert realm._pool is not None
        async with realm._pool.checkout() as sandbox:
            pid = sandbox.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    stage.do(kill())

    assert stage.run(realm, "2").value == 2


def test_a_worker_that_dies_under_the_code_is_a_failure_in_clear_words(stage: Stage, realm: ConfinedRealm, counter: Counter) -> None:
    outcome = stage.run(realm, "counter.kill_the_sandbox()\nwhile True: pass", counter=facet(counter, "kill_the_sandbox"))

    assert words(outcome).startswith("StepFailed: the sandbox process ended while the code ran")
    assert stage.run(realm, "3").value == 3


def children_of(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        # Other processes of the machine end while we look.
        if name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{name}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(name))
    return found


def test_closing_twice_is_harmless_and_a_closed_realm_says_so(stage: Stage) -> None:
    realm = ConfinedRealm(stage.main)
    stage.run(realm, "1")
    stage.do(realm.close())
    stage.do(realm.close())

    assert words(stage.run(realm, "1")).startswith("DaemonClosed: ")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class A(Exception):\n    pass", "line 1: not in the confined realm: class inheritance"),
        ("x = 1\ndef f():\n    yield x", "line 3: .*yield"),
        ("import numpy as np", "there is no module 'numpy'"),
        ("from collections.abc import Mapping", "there is no module 'collections.abc'"),
        ("from . import x", "there is no module '.'"),
        ("from math import *", "an import of \\*"),
        ("x = 1\ndel x", "line 2: .*del"),
        ("with open('f') as f: pass", "line 1: .*there are no files there"),
        ("input()", r"input\(\) does not exist"),
        ("__import__('os')", r"__import__\(\) does not exist"),
        ("counter.n = 3", r"setting an attribute of a slot \(counter.n\)"),
        ("counter.n += 3", "setting an attribute"),
        ("counter.apply(lambda x: x)", r"a function cannot be given to counter.apply\(\)"),
        ("class A:\n    @property\n    def x(self): return 1", r"a decorated method \(A.x\)"),
        ("[x async for x in y]", "an async comprehension"),
        ("1" + "+1" * 3000, "nested|parse"),
        ("%time 1", "IPython syntax"),
    ],
)
def test_code_that_cannot_run_there_is_refused_before_a_card_is_made(realm: ConfinedRealm, code: str, said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        realm.check(code, ["counter"])


@pytest.mark.parametrize(
    "code",
    [
        "counter.incr()",
        "import json, os.path, re\nfrom datetime import datetime\njson.dumps(1)",
        "from __future__ import annotations\ndef f(x: int) -> int: return x\nf(1)",
        "async def f(): return 1\nawait f()",
        "def dir(): return 1\ndir()",
        "match 1:\n    case 1: x = 2\nx",
        "class A:\n    def f(self): self.n = 1\nA().f()",
        "def f(counter):\n    counter.n = 1\nclass B:\n    n = 0\nb = B()\nb.n = 2\nb.n",
        "(x for x in [1])",
        "1 / 0",
    ],
)
def test_code_that_runs_there_is_taken(realm: ConfinedRealm, code: str) -> None:
    realm.check(code, ["counter"])


def test_the_tables_of_the_dialect_are_those_of_the_installed_sandbox(stage: Stage, realm: ConfinedRealm) -> None:
    missing = [name for name in sorted(dialect.MODULES | dialect.SUBMODULES) if stage.run(realm, f"import {name}\n1").value != 1]
    present = [name for name in sorted(dialect.MISSING_BUILTINS) if "NameError" not in words(stage.run(realm, name))]

    assert (missing, present) == ([], [])


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    yield 1",
        "x = 1\ndel x",
        "async def f():\n    async for x in y: pass",
        "async def f():\n    async with x: pass",
        "class A(Exception): pass",
    ],
)
def test_what_the_dialect_refuses_the_sandbox_refuses_too(stage: Stage, realm: ConfinedRealm, code: str) -> None:
    assert "NotImplementedError" in words(stage.run(realm, code))
