"""The parts of ipykernel that are not documented do what endo relies on, in our own kernel and in one that loads the extension."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from jupyter_client.session import Session

from endo_kernel.errors import EndoError
from endo_kernel.kernel.compat import PARTS, check_kernel
from tests.kernel.page import Page, start_page

LOAD = "from tests.kernel.toy import wire; toy = wire(get_ipython().kernel)"


@pytest.fixture(scope="module", params=["own kernel", "loaded extension"])
def page(request: pytest.FixtureRequest, toy_kernelspec: str) -> Iterator[Page]:
    page = _start(request.param == "own kernel")
    yield page
    page.close()


@pytest.fixture(params=["own kernel", "loaded extension"])
def mortal_page(request: pytest.FixtureRequest, toy_kernelspec: str) -> Iterator[Page]:
    """A page on a kernel that the test may ruin."""
    page = _start(request.param == "own kernel")
    yield page
    page.close()


def _start(own: bool) -> Page:
    page = start_page("toy" if own else "python3")
    if not own:
        page.run(LOAD)
    return page


def _open(page: Page) -> str:
    comm = page.open_comm("toy.v1")
    page.run("toy.gate.clear()")
    return comm


def _hold_cell(page: Page, code: str = "toy.gate.wait()") -> str:
    """Start a cell that runs until the gate is opened."""
    cell = page.start(code)
    page.wait_for_input(cell)
    return cell


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_kernel_has_each_part_that_endo_leans_on(page: Page, part: str) -> None:
    assert page.evaluate(f"hasattr(get_ipython().kernel, {part!r})") == "True"


def test_a_kernel_that_lacks_a_part_is_refused_with_its_name_and_what_would_work() -> None:
    with pytest.raises(EndoError, match=r"no _main_asyncio_lock \(to keep steps out of the middle of a cell\).*'ipykernel>=7\.1,<8'"):
        check_kernel(SimpleNamespace(**{name: None for name in PARTS if name != "_main_asyncio_lock"}))


def test_the_page_is_heard_while_a_cell_runs(page: Page) -> None:
    comm = _open(page)
    cell = _hold_cell(page)

    page.say(comm, {"op": "open_gate"})

    assert page.hear(comm, "opened") is True
    assert page.reply(cell)["content"]["status"] == "ok"


def test_the_page_is_heard_on_the_daemons_thread(page: Page) -> None:
    comm = _open(page)

    page.say(comm, {"op": "echo", "text": "hello"})

    assert page.hear(comm, "thread") == "toy-daemon"


def test_the_page_is_heard_in_order(page: Page) -> None:
    comm = _open(page)

    for number in range(50):
        page.say(comm, {"op": "echo", "text": number})

    assert [page.hear(comm, "echo") for _ in range(50)] == list(range(50))


def test_a_message_to_a_subshell_is_heard_while_the_main_shell_is_busy(page: Page) -> None:
    comm = _open(page)
    subshell = page.control("create_subshell_request", {})["subshell_id"]
    cell = _hold_cell(page)

    page.say(comm, {"op": "open_gate"}, subshell=subshell)

    assert page.hear(comm, "opened") is True
    page.wait_for_idle(cell)
    page.control("delete_subshell_request", {"subshell_id": subshell})


def test_a_click_on_a_claimed_widget_is_heard_while_a_cell_runs(page: Page) -> None:
    page.run("import ipywidgets; button = ipywidgets.Button(); toy.comms.claim(button.comm, toy.receive); toy.gate.clear()")
    comm = page.evaluate("button.comm.comm_id").strip("'")
    cell = _hold_cell(page)

    page.say(comm, {"method": "custom", "content": {"op": "open_gate"}})

    page.wait_for_idle(cell)


def test_a_claimed_widget_still_takes_its_state_from_the_page(page: Page) -> None:
    page.run("import ipywidgets; slider = ipywidgets.IntSlider(); toy.comms.claim(slider.comm, toy.receive)")
    comm = page.evaluate("slider.comm.comm_id").strip("'")

    page.wait_for_idle(page.say(comm, {"method": "update", "state": {"value": 7}, "buffer_paths": []}))

    assert page.evaluate("slider.value") == "7"


def test_a_released_widget_gets_its_clicks_back(page: Page) -> None:
    page.run(
        "import ipywidgets; clicks = []; button = ipywidgets.Button(); button.on_click(clicks.append)\n"
        "toy.comms.claim(button.comm, toy.receive); toy.comms.release(button.comm)"
    )
    comm = page.evaluate("button.comm.comm_id").strip("'")

    page.wait_for_idle(page.say(comm, {"method": "custom", "content": {"event": "click"}}))

    assert page.evaluate("len(clicks)") == "1"


def test_somebody_elses_comm_works_as_without_us(page: Page) -> None:
    page.run(
        "got = []\n"
        "def opened(comm, message):\n"
        "    comm.on_msg(lambda m: got.append(m['content']['data']))\n"
        "get_ipython().kernel.comm_manager.register_target('other', opened)"
    )
    comm = page.open_comm("other")

    page.wait_for_idle(page.say(comm, {"n": 1}))

    assert page.evaluate("got") == "[{'n': 1}]"


def test_a_message_with_a_wrong_signature_is_not_heard(page: Page) -> None:
    comm = _open(page)
    page.run("before = len(toy.arrivals)")
    forger = Session(key=b"not the key")
    forger.send(page.client.shell_channel.socket, "comm_msg", {"comm_id": comm, "data": {"op": "echo", "text": "forged"}})

    page.say(comm, {"op": "echo", "text": "signed"})

    assert page.hear(comm, "echo") == "signed"
    assert page.evaluate("len(toy.arrivals) - before") == "1"


def test_each_message_of_the_page_is_reported_as_dealt_with(page: Page) -> None:
    comm = _open(page)

    said = page.say(comm, {"op": "echo", "text": ""})
    page.wait_for_idle(said)

    assert [state for state, about in page.statuses() if about == said] == ["busy", "idle"]


def test_a_message_is_reported_as_dealt_with_even_if_the_daemon_made_a_mistake(page: Page) -> None:
    comm = _open(page)

    page.wait_for_idle(page.say(comm, {"op": "fail"}))


def test_the_kernel_shows_as_busy_until_the_running_cell_ends(page: Page) -> None:
    comm = _open(page)
    cell = _hold_cell(page)

    said = page.say(comm, {"op": "echo", "text": ""})
    page.wait_for_idle(said)
    after = page.wait(lambda m: m["msg_type"] == "status")

    assert (after["content"]["execution_state"], after["parent_header"]["msg_id"]) == ("busy", cell)
    page.say(comm, {"op": "open_gate"})
    page.wait_for_idle(cell)


def test_what_the_daemon_prints_lands_in_no_cell(page: Page) -> None:
    comm = _open(page)
    cell = _hold_cell(page)

    page.say(comm, {"op": "speak", "text": "daemon's own words"})
    printed = page.wait(lambda m: m["msg_type"] == "stream" and "daemon's own words" in m["content"]["text"])

    assert printed["parent_header"] == {}
    page.say(comm, {"op": "open_gate"})
    page.wait_for_idle(cell)


def test_the_running_cell_is_known_by_its_number_and_id(page: Page) -> None:
    comm = _open(page)
    number = int(page.evaluate("get_ipython().execution_count"))
    cell = page.start("toy.gate.wait()", cell_id="cell-of-the-notebook")
    page.wait_for_input(cell)

    page.say(comm, {"op": "tell_cell"})

    assert page.hear(comm, "cell") == [number, "cell-of-the-notebook"]
    page.say(comm, {"op": "open_gate"})
    page.wait_for_idle(cell)
    page.say(comm, {"op": "tell_cell"})
    assert page.hear(comm, "cell") is None


def test_the_cell_that_loads_the_extension_is_known(open_page: Callable[..., Page]) -> None:
    page = open_page("python3")

    page.run(LOAD + "; first = toy.shell.cell", cell_id="loader")

    assert page.evaluate("(first.number, first.id)") == "(1, 'loader')"
    assert page.evaluate("toy.shell.latest.number") == "None"


def test_a_job_runs_on_the_main_thread(page: Page) -> None:
    comm = _open(page)

    page.say(comm, {"op": "run", "code": "tell('ran')"})

    assert page.hear(comm, "ran") == "MainThread"


def test_a_job_waits_for_the_cell_that_runs(page: Page) -> None:
    comm = _open(page)
    page.run("order = []")
    cell = _hold_cell(page, "toy.gate.wait(); order.append('cell')")

    page.say(comm, {"op": "run", "code": "order.append('job')"})
    page.say(comm, {"op": "open_gate"})
    page.hear(comm, "ended")

    assert page.reply(cell)["content"]["status"] == "ok"
    assert page.evaluate("order") == "['cell', 'job']"


def test_a_job_waits_for_a_cell_that_awaits(page: Page) -> None:
    comm = _open(page)
    page.run("import asyncio; order = []")
    cell = _hold_cell(page, "while not toy.gate.is_set(): await asyncio.sleep(0)\norder.append('cell')")

    page.say(comm, {"op": "run", "code": "order.append('job')"})
    page.say(comm, {"op": "open_gate"})
    page.hear(comm, "ended")

    assert page.reply(cell)["content"]["status"] == "ok"
    assert page.evaluate("order") == "['cell', 'job']"


def test_the_kernel_shows_as_busy_while_a_job_runs(page: Page) -> None:
    comm = _open(page)
    said = page.say(comm, {"op": "run", "code": "tell('began'); toy.gate.wait()"})
    page.hear(comm, "began")
    page.wait_for_idle(said)

    page.wait_for_idle(page.say(comm, {"op": "echo", "text": ""}))
    after = page.wait(lambda m: m["msg_type"] == "status")

    assert after["content"]["execution_state"] == "busy"
    job = after["parent_header"]["msg_id"]
    page.say(comm, {"op": "open_gate"})
    page.wait_for_idle(job)


def test_an_interrupt_reaches_a_job_and_ends_there(page: Page) -> None:
    comm = _open(page)
    page.say(comm, {"op": "run", "code": "tell('began')\nwhile True: toy.gate.wait(0.01)"})
    page.hear(comm, "began")

    page.manager.interrupt_kernel()

    assert page.hear(comm, "ended") == "the job was interrupted by the host"
    assert page.run("1")["content"]["status"] == "ok"


def test_an_interrupt_between_jobs_and_cells_does_no_harm(page: Page) -> None:
    comm = _open(page)
    page.say(comm, {"op": "run", "code": "pass"})
    page.hear(comm, "ended")

    page.manager.interrupt_kernel()

    assert page.run("1")["content"]["status"] == "ok"


def test_what_was_put_in_can_be_taken_out_again(mortal_page: Page) -> None:
    page = mortal_page
    comm = _open(page)

    page.run("toy.close(); before = len(toy.arrivals)")
    page.wait_for_idle(page.say(comm, {"op": "echo", "text": ""}))

    assert [m["content"]["comm_id"] for m in page.seen if m["msg_type"] == "comm_close"] == [comm]
    assert page.evaluate("len(toy.arrivals) - before") == "0"
    handler = "get_ipython().kernel.shell_handlers['execute_request'] == get_ipython().kernel.execute_request"
    assert page.evaluate(handler) == "True"


def test_a_page_that_speaks_to_an_ended_daemon_is_not_left_waiting(mortal_page: Page) -> None:
    page = mortal_page
    comm = _open(page)
    page.run("toy.end_daemon()")

    page.wait_for_idle(page.say(comm, {"op": "echo", "text": ""}))

    assert page.run("1")["content"]["status"] == "ok"


def test_closing_a_comm_is_heard_once(page: Page) -> None:
    comm = _open(page)
    page.run("before = len(toy.arrivals)")

    page.wait_for_idle(page.send("comm_close", {"comm_id": comm, "data": {}}))
    page.wait_for_idle(page.say(comm, {"op": "echo", "text": "to nobody"}))

    assert json.loads(page.evaluate("toy.arrivals[before:]").replace("'", '"')) == ["close"]
