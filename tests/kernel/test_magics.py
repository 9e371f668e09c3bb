"""`%endo` and `%%endo` say in a cell what the objects do, and the same in an ordinary kernel after `%load_ext`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.page import Page, start_page

COUNTER = """
class Counter:
    n = 0
    def incr(self):
        self.n += 1
        return self.n
    def read(self):
        return self.n
counter = Counter()
"""


@pytest.fixture(scope="module", params=["endo", "python3"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page on the kernel `endo`, and one on an ordinary kernel that has loaded the extension."""
    page = start_page(request.param, ENDO_STORE=str(tmp_path_factory.mktemp("store") / request.param))
    if request.param == "python3":
        assert page.run("%load_ext endo_kernel")["content"]["status"] == "ok"
    yield page
    page.close()


def wait(page: Page, task: int) -> str:
    return page.evaluate(f"endo.tasks[{task}].wait(20)")


def test_a_task_is_given_bound_and_run_with_the_magics(page: Page) -> None:
    page.run(COUNTER)
    page.run("%%endo task\nBuild a counter")
    assert wait(page, 1) == "'waiting'"

    page.run("f = endo.facet(counter, 'incr', 'read')")
    page.run("%endo endow 1 --bind counter:f --as three")

    assert wait(page, 1) == "'idle'"
    assert page.evaluate("counter.n, endo['three'], 'three' in endo.names") == "(3, 3, True)"


def test_a_follow_up_and_a_rejection_may_hold_an_apostrophe(page: Page) -> None:
    page.run("%endo send 1 now count to ten, it's fun")
    assert wait(page, 1) == "'waiting'"
    page.run("%endo reject 2 that's not what I want")

    assert "that's not what I want" in page.evaluate("endo.inbox[2].log[-1]['why']")


def test_listings_display(page: Page) -> None:
    for verb in ("tasks", "inbox", "names", "show 1", ""):
        reply = page.run(f"%endo {verb}")
        assert reply["content"]["status"] == "ok", verb


def test_a_bad_command_gets_one_sentence(page: Page) -> None:
    reply = page.run("%endo fly")["content"]
    assert reply["ename"] == "UsageError"
    assert "invalid choice: 'fly'" in reply["evalue"]

    reply = page.run("%endo reject 77 no")["content"]
    assert reply["ename"] == "CardUnknown"
    assert len(reply["traceback"]) == 1

    reply = page.run("%endo endow 1 --bind counter")["content"]
    assert "--bind data:df" in reply["evalue"]


def test_what_a_step_raised_is_shown_from_the_cell_to_its_code(page: Page) -> None:
    page.run("broken = endo.task('Build a counter')")
    page.run("broken.wait(20)")
    reply = page.run("endo.endow(broken.cards[0], counter=counter, _code='1 / 0', _realm='notebook')")["content"]

    assert reply["ename"] == "ZeroDivisionError"
    shown = "\n".join(reply["traceback"])
    assert "1 / 0" in shown
    assert "mainthread.py" not in shown


def test_unloading_takes_everything_out_and_loading_brings_the_tasks_back(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page("python3", ENDO_STORE=str(tmp_path / "store"))
    page.run("%load_ext endo_kernel")
    page.run("endo.task('Build a counter').wait(20)")

    page.run("%unload_ext endo_kernel")
    assert page.evaluate("'endo' in globals()") == "False"
    page.run("%load_ext endo_kernel")

    assert page.evaluate("[card.number for card in endo.inbox]") == "[1]"
