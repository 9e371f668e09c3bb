"""What a step shows in a real kernel is the step's: displays, updates, figures; and afterwards the kernel shows as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.kernel.page import Page

SETUP = """
import asyncio, functools, json, threading
from endo_kernel.kernel.capture import capture_displays
from endo_kernel.mainthread import MainQueue
from endo_kernel.powers import Evaluation
from endo_kernel.realms.notebook import NotebookRealm
main = MainQueue()
realm = NotebookRealm(main, functools.partial(capture_displays, get_ipython()))
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
def step(code, **slots):
    outcome = main.serve(asyncio.run_coroutine_threadsafe(realm.evaluate(Evaluation("card 7", code, slots)), loop))
    if outcome.exception is not None:
        raise outcome.exception
    return json.dumps([item.get("data") or item["text"] for item in outcome.output]) if outcome.output else outcome.value
"""


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    page = open_page("python3")
    page.run(SETUP)
    return page


def shown(page: Page, code: str) -> Any:
    text = page.evaluate(f"step({code!r})")
    assert text.startswith("'"), text
    return json.loads(eval(text))


def test_displays_of_a_step_are_caught_and_those_after_it_are_not(page: Page) -> None:
    code = "from IPython.display import display, HTML\nprint('a')\ndisplay(HTML('<b>b</b>'))"

    assert shown(page, code) == ["a\n", {"text/plain": "<IPython.core.display.HTML object>", "text/html": "<b>b</b>"}]
    assert not [message for message in page.seen if message["msg_type"] == "display_data"]

    page.run("display('outside')")

    assert [message for message in page.seen if message["msg_type"] == "display_data"]


def test_a_display_that_is_updated_shows_its_last_state_and_a_cleared_one_is_gone(page: Page) -> None:
    code = (
        "from IPython.display import display, HTML, clear_output\nprint('gone')\nclear_output()\n"
        "handle = display(HTML('one'), display_id='x')\nhandle.update(HTML('two'))"
    )

    assert [data["text/html"] for data in shown(page, code)] == ["two"]


def test_a_figure_shown_by_the_inline_backend_is_caught_once(page: Page) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.figure()\nplt.plot([2, 1])"

    assert [sorted(data) for data in shown(page, code)] == [["image/png", "text/plain"]] * 2
    assert page.evaluate("__import__('matplotlib.pyplot').pyplot.get_fignums()") == "[]"


def test_a_step_awaits_while_the_cell_that_started_it_awaits_too(page: Page) -> None:
    page.run("await asyncio.sleep(0)\nnumber = step('import asyncio\\nawait asyncio.sleep(0, 5)')\nagain = await asyncio.sleep(0, 6)")

    assert (page.evaluate("number"), page.evaluate("again")) == ("5", "6")


def test_the_kernel_goes_on_after_a_step_that_exits(page: Page) -> None:
    page.run("step('raise SystemExit')")

    assert page.evaluate("1 + 1") == "2"
