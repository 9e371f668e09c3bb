"""Steps of the notebook realm run like a cell: on the main thread, with their slots, and what they show is theirs."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from contextlib import AbstractContextManager
from typing import Any

import pytest

from endo_kernel.errors import BadDefinition, StepFailed
from endo_kernel.powers import Outcome
from endo_kernel.realms.capture import Outputs, capture_streams
from endo_kernel.realms.notebook import NotebookRealm
from endo_kernel.realms.program import run_to_end
from tests.realms.stage import Stage


@pytest.fixture
def realm(stage: Stage) -> NotebookRealm:
    return NotebookRealm(stage.main, keep=lambda value: (threading.current_thread(), type(value).__name__))


def text_of(outcome: Outcome, name: str = "stdout") -> str:
    return "".join(item["text"] for item in outcome.output if item["kind"] == "stream" and item["name"] == name)


def test_the_last_expression_is_the_result_on_the_main_thread(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(realm, "import threading\ntotal = sum(rows)\ntotal, threading.current_thread()", rows=[1, 2, 3])

    assert outcome.value == (6, threading.current_thread())
    assert outcome.kept == (threading.current_thread(), "tuple")
    assert outcome.failure is None


@pytest.mark.parametrize(
    ("code", "value"), [("x = 1", None), ("'only text'", "only text"), ("x = 1\nx;", 1), ("# nothing but\n1", 1), ("for i in [1]: i", None)]
)
def test_code_without_a_last_expression_gives_none(stage: Stage, realm: NotebookRealm, code: str, value: object) -> None:
    assert stage.run(realm, code).value == value


def test_a_slot_is_the_live_object_itself(stage: Stage, realm: NotebookRealm) -> None:
    rows: list[int] = []

    assert stage.run(realm, "rows.append(1)\nrows", rows=rows).value is rows
    assert rows == [1]


def test_each_step_has_a_fresh_namespace(stage: Stage, realm: NotebookRealm) -> None:
    stage.run(realm, "secret = 1")
    outcome = stage.run(realm, "secret")

    assert outcome.failure is not None
    assert outcome.failure.type == "NameError"


def test_a_slot_may_have_the_name_of_a_builtin(stage: Stage, realm: NotebookRealm) -> None:
    assert stage.run(realm, "list", list=3).value == 3


def test_the_traceback_begins_at_the_agents_code_and_shows_its_lines(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(realm, "def mean(rows):\n    return sum(rows) / len(rows)\n\nmean([])")

    assert outcome.failure is not None
    assert (outcome.failure.type, outcome.failure.message) == ("ZeroDivisionError", "division by zero")
    lines = outcome.failure.traceback.splitlines()
    assert lines[:3] == ["Traceback (most recent call last):", '  File "<card 7>", line 4, in <module>', "    mean([])"]
    assert "    return sum(rows) / len(rows)" in lines
    assert outcome.exception is not None
    assert outcome.exception.__traceback__ is not None
    assert outcome.exception.__traceback__.tb_frame.f_code.co_filename == "<card 7>"


def test_top_level_await_runs_to_its_end(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(
        realm, "import asyncio\nasync def give():\n    await asyncio.sleep(0)\n    return 5\nx = await give()\nx + await give()"
    )

    assert outcome.value == 10


def test_await_works_inside_a_running_loop_and_leaves_it_as_it_was(stage: Stage, realm: NotebookRealm) -> None:
    async def notebook() -> tuple[Any, bool, int]:
        before = asyncio.current_task()
        outcome = stage.run(realm, "import asyncio\nawait asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))")
        same = asyncio.current_task() is before and asyncio.get_running_loop() is loop
        return outcome.value, same, await asyncio.sleep(0, 3)

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(notebook()) == ([1, 2], True, 3)
    finally:
        loop.close()


def test_await_keeps_the_threads_own_event_loop() -> None:
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    try:
        assert run_to_end(asyncio.sleep(0, "done")) == "done"
        assert asyncio.get_event_loop_policy().get_event_loop() is own
    finally:
        asyncio.set_event_loop(None)
        own.close()


def test_dataclasses_with_textual_annotations_work(stage: Stage, realm: NotebookRealm) -> None:
    code = "from __future__ import annotations\nfrom dataclasses import dataclass, asdict\n@dataclass\nclass P:\n    x: int\nasdict(P(2))"

    assert stage.run(realm, code).value == {"x": 2}
    assert not [name for name in sys.modules if name.startswith("endo_card")]


def test_streams_are_caught_in_order_and_given_back(stage: Stage, realm: NotebookRealm) -> None:
    out = sys.stdout
    outcome = stage.run(realm, "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')")

    assert outcome.output == (
        {"kind": "stream", "name": "stdout", "text": "a\n"},
        {"kind": "stream", "name": "stderr", "text": "b\n"},
        {"kind": "stream", "name": "stdout", "text": "c\n"},
    )
    assert sys.stdout is out


def test_text_is_cut_at_the_bound_and_says_so(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(realm, "for n in range(20_000): print('x' * 50)")

    assert len(text_of(outcome)) < 66_000
    assert text_of(outcome).endswith("[output cut after 64 KiB]\n")


def test_new_threads_of_a_step_are_caught_and_older_ones_are_not(
    stage: Stage, realm: NotebookRealm, capsys: pytest.CaptureFixture[str]
) -> None:
    go, gone = threading.Event(), threading.Event()

    def older() -> None:
        go.wait()
        sys.stdout.write("from an older thread\n")
        gone.set()

    thread = threading.Thread(target=older)
    thread.start()
    newer = "import threading\nt = threading.Thread(target=print, args=('from a new thread',))\nt.start()\nt.join()\n"
    outcome = stage.run(realm, newer + "go.set()\ngone.wait()\nNone", go=go, gone=gone)
    thread.join()

    assert text_of(outcome) == "from a new thread\n"
    assert capsys.readouterr().out == "from an older thread\n"


def test_an_interrupt_is_an_outcome_and_the_next_step_runs(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(realm, "print('begun')\nsignal.raise_signal(signal.SIGINT)\nwhile True: pass", signal=signal)

    assert outcome.failure is not None
    assert (outcome.failure.type, outcome.failure.message) == ("KeyboardInterrupt", "interrupted by the host")
    assert text_of(outcome) == "begun\n"
    assert stage.run(realm, "1").value == 1


def test_an_await_can_be_interrupted(stage: Stage, realm: NotebookRealm) -> None:
    code = "import asyncio\nasyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)\nawait asyncio.sleep(600)"
    code = f"async def go():\n    {code.replace(chr(10), chr(10) + '    ')}\nawait go()"
    outcome = stage.run(realm, code, signal=signal)

    assert outcome.failure is not None
    assert outcome.failure.type == "KeyboardInterrupt"


def test_an_exit_is_a_failure_and_never_one_of_the_kernel(stage: Stage, realm: NotebookRealm) -> None:
    outcome = stage.run(realm, "import sys\nsys.exit(3)")

    assert outcome.failure is not None
    assert (outcome.failure.type, outcome.failure.message) == ("SystemExit", "the code called exit (3); a step cannot end the kernel")
    assert isinstance(outcome.exception, StepFailed)


def test_failures_are_bounded_and_survive_broken_exceptions(stage: Stage, realm: NotebookRealm) -> None:
    long = stage.run(realm, "raise ValueError('x' * 1_000_000)")
    broken = stage.run(realm, "class Bad(Exception):\n    def __str__(self): raise RuntimeError\nraise Bad")
    deep = stage.run(realm, "def f(n): return f(n + 1)\nf(0)")

    assert long.failure is not None
    assert len(long.failure.message) < 2_100
    assert len(long.failure.traceback) < 16_200
    assert broken.failure is not None
    assert broken.failure.type == "Bad"
    assert deep.failure is not None
    assert deep.failure.type == "RecursionError"


def test_a_value_that_cannot_be_kept_is_still_the_result(stage: Stage) -> None:
    def keep(value: object) -> None:
        raise ValueError(value)

    outcome = stage.run(NotebookRealm(stage.main, keep=keep), "42")

    assert (outcome.value, outcome.kept, outcome.failure) == (42, None, None)


def test_figures_of_the_step_are_shown_and_closed_and_others_are_left(stage: Stage, realm: NotebookRealm) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    mine = plt.figure()
    outcome = stage.run(realm, "import matplotlib.pyplot as plt\nplt.figure()\nplt.plot([1, 2])\nplt.figure()\nplt.bar([1], [2])\n'drawn'")

    displays = [item["data"] for item in outcome.output if item["kind"] == "display"]
    assert [sorted(data) for data in displays] == [["image/png", "text/plain"]] * 2
    assert displays[0]["image/png"].startswith("iVBORw0KGgo")
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


def test_a_figure_that_cannot_be_drawn_does_not_fail_the_step(stage: Stage, realm: NotebookRealm) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    outcome = stage.run(realm, "import matplotlib.pyplot as plt\nplt.figure()\nplt.title('$\\\\broken{$')\n1")

    assert outcome.value == 1
    assert "a figure could not be drawn" in outcome.output[-1]["data"]["text/plain"]


def test_check_takes_what_runs_and_refuses_the_rest(realm: NotebookRealm) -> None:
    realm.check("x = await y\nx", ["y"])
    realm.admit("anything", object())

    with pytest.raises(BadDefinition, match="IPython syntax"):
        realm.check("%pip install x", [])


def test_displays_are_bounded_in_number_and_size() -> None:
    outputs = Outputs()
    outputs.display({"image/png": b"x" * 900_000, "text/plain": "big"})
    outputs.display({"image/png": b"x" * 9, "text/plain": "small"}, "one")
    outputs.update({"text/plain": "changed"}, "one")
    for n in range(30):
        outputs.display({"text/plain": str(n)})

    shown = outputs.outputs()

    assert shown[0]["data"] == {"text/plain": "big [image/png left out: too large to show]"}
    assert shown[1]["data"] == {"text/plain": "changed"}
    assert sum(item["kind"] == "display" for item in shown) == 20
    assert shown[-1]["text"] == "[12 more displays left out: a step shows 20]\n"


def test_the_capture_power_is_handed_in(stage: Stage) -> None:
    entered: list[int] = []

    def capture() -> AbstractContextManager[Outputs]:
        entered.append(1)
        return capture_streams()

    stage.run(NotebookRealm(stage.main, capture), "1")

    assert entered == [1]
