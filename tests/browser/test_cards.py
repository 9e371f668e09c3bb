"""Deciding on cards in JupyterLab and Notebook, in every way and at every moment at which a person may want to."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Seen
from tests.browser.lab import Lab
from tests.browser.notebook import Card, Notebook
from tests.browser.sight import illegible, nameless

COUNTER = """\
class Counter:
    def __init__(self):
        self.count = 0

    def incr(self, by=1):
        self.count += by

    def read(self):
        return self.count


counter = Counter()
"""
TASK = "endo.task('Build a counter')"
TASKS = ("reason", "edited", "keys", "busy", "idle", "places", "sight", "reloaded", "kept", "other-app")


@pytest.fixture(scope="module")
def gate(lab: Lab) -> Path:
    """Give a pipe on which a cell waits until something is written to it."""
    path = lab.folder / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def desk(open_page: Open, lab: Lab, gate: Path) -> Notebook:
    """Give a notebook with a counter, and a cell for a task of each test."""
    cells = {"about": "# A desk", "counter": COUNTER, **dict.fromkeys(TASKS, TASK)}
    lab.write("desk.ipynb", {**cells, "inbox": "endo.inbox", "blocking": f"open({str(gate)!r}).read()"})
    notebook = Notebook(open_page(), lab, "desk.ipynb").ready()
    notebook.run("counter")
    return notebook


def begin(desk: Notebook, key: str) -> Card:
    """Begin a task, and fill the slot of its card."""
    desk.run(key)
    card = desk.titled(key, "Count three times")
    fill(card)
    return card


def fill(card: Card) -> None:
    card.choose("counter", "counter")
    card.allow("incr", "read")


def focus(page: Page) -> str:
    """Tell where the focus is: the name of the card and of the control."""
    return str(
        page.evaluate("""() => {
            const at = document.activeElement;
            const card = at?.closest('article')?.getAttribute('aria-label') ?? 'elsewhere';
            return `${card} / ${at?.getAttribute('aria-label') ?? at?.closest('label')?.textContent ?? at?.textContent}`;
        }""")
    )


def tab_to(page: Page, wanted: str, key: str = "Tab") -> None:
    for _ in range(60):
        page.keyboard.press(key)
        if wanted in focus(page):
            return
    raise AssertionError(f"Tab does not reach {wanted!r}; the focus is at {focus(page)!r}")


def test_a_reason_for_no_reaches_the_agent_and_stays_on_the_card(desk: Notebook) -> None:
    card = begin(desk, "reason")

    card.reject("it may only read")

    card.expect("rejected")
    expect(card.node).to_contain_text("it may only read")
    expect(desk.thread("reason")).to_contain_text("You rejected it: “it may only read”")
    desk.titled("reason", "Read the counter").expect("waits for you")


def test_code_that_was_edited_on_its_card_is_what_runs(desk: Notebook, seen: Seen) -> None:
    card = begin(desk, "edited")
    card.button("Edit").click()
    card.node.get_by_role("textbox", name="Code").fill("counter.incr(39)\ncounter.read() + 3")
    seen(desk.output("edited"), "cards-edited")
    card.button("Approve as edited").click()

    card.expect("done")
    expect(card.node).to_contain_text("approved with edits by you")
    expect(desk.thread("edited")).to_contain_text("The counter says 42.")


def test_a_card_is_decided_by_keyboard_and_the_notebook_does_not_take_the_keys(desk: Notebook) -> None:
    desk.run("keys")
    card = desk.titled("keys", "Count three times")
    expect(card.picker("counter")).to_be_visible()
    desk.cell("keys").locator(".jp-InputArea-editor").click()
    page = desk.page
    page.keyboard.press("Escape")

    expect(card.picker("counter").locator("option:checked")).to_have_text("counter — Counter")
    for member in ("incr(by=1)", "read()"):
        tab_to(page, f"Count three times, waits for you / {member}")
        page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    card.expect("done")
    assert "Count three times, done" in focus(page)
    for key in "ddxab":
        page.keyboard.press(key)

    tab_to(page, "Message to this task")
    page.keyboard.type("now count to ten")
    page.keyboard.press("Enter")
    further = desk.titled("keys", "Count to 10")
    expect(further.picker("counter")).to_be_visible()
    tab_to(page, "Count to 10, waits for you /", key="Shift+Tab")
    page.keyboard.press("r")
    page.keyboard.type("I add no more")
    page.keyboard.press("Enter")
    further.expect("rejected")
    assert "Count to 10, rejected" in focus(page)
    expect(further.node).to_contain_text("I add no more")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(TASKS) + 4)


def test_cards_are_decided_while_a_cell_runs(desk: Notebook, gate: Path, seen: Seen) -> None:
    begin(desk, "idle").approve()
    expect(desk.thread("idle")).to_contain_text("The counter says")
    desk.write("idle", "double it")
    double = desk.titled("idle", "Double the count")
    expect(double.button("Approve and run")).to_be_enabled()
    busy = begin(desk, "busy")
    desk.start("blocking")
    expect(desk.prompt("blocking")).to_have_text("[*]:")

    busy.reject("not while a cell runs")
    expect(desk.thread("busy")).to_contain_text("You rejected it: “not while a cell runs”")
    double.approve()
    double.expect("done")
    expect(desk.thread("idle")).to_contain_text("Twice the count is")
    live = desk.titled("busy", "Read the counter")
    live.choose("counter", "counter")
    live.allow("read")
    live.approve()
    expect(live.node).to_have_accessible_name(re.compile(", (approved|running)$"))
    seen(desk.output("busy"), "cards-while-a-cell-runs")

    expect(desk.prompt("blocking")).to_have_text("[*]:")
    expect(desk.page.get_by_role("button", name=re.compile(r"\| Busy$"))).to_be_visible()
    gate.write_text("go on")
    expect(desk.output("blocking")).to_contain_text("go on")
    live.expect("done")


def test_one_decision_shows_wherever_the_card_is(desk: Notebook) -> None:
    card = begin(desk, "places")
    desk.run("inbox")
    inbox = desk.card("inbox", card.number)
    fill(inbox)

    inbox.approve()

    card.expect("done")
    expect(inbox.node).to_have_count(0)


def test_a_reloaded_page_is_live_again(desk: Notebook, lab: Lab) -> None:
    begin(desk, "reloaded")
    desk.save()
    desk.page.reload()
    desk.ready()
    card = desk.titled("reloaded", "Count three times")
    fill(card)

    card.approve()

    card.expect("done")
    expect(desk.thread("reloaded")).to_contain_text("The counter says")


def test_the_notebook_app_shows_the_same_thread_live(desk: Notebook, lab: Lab, open_page: Open, seen: Seen) -> None:
    in_lab = begin(desk, "other-app")
    desk.save()
    there = Notebook(open_page(), lab, "desk.ipynb", app="notebooks").drawn()
    card = there.titled("other-app", "Count three times")
    fill(card)
    seen(there.output("other-app"), "notebook-7")
    card.approve()

    card.expect("done")
    in_lab.expect("done")
    there.page.close()


def test_every_control_has_a_name_and_every_text_stands_out_in_light_and_dark(desk: Notebook, seen: Seen) -> None:
    begin(desk, "sight").reject("show the other card")
    expect(desk.titled("sight", "Read the counter").button("Approve and run")).to_be_visible()
    desk.titled("sight", "Count three times").node.get_by_text("Count three times").click()
    views = {"thread": desk.output("sight"), "inbox": desk.run("inbox")}
    expect(views["inbox"].get_by_role("article").first).to_be_visible()

    assert {name: nameless(view) for name, view in views.items()} == {"thread": [], "inbox": []}
    assert {name: illegible(view) for name, view in views.items()} == {"thread": [], "inbox": []}
    desk.menu("Settings", "Theme", "JupyterLab Dark")
    expect(desk.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    for name, view in views.items():
        seen(view, f"dark-{name}")
    dim = {name: illegible(view) for name, view in views.items()}
    desk.menu("Settings", "Theme", "JupyterLab Light")
    expect(desk.page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    assert dim == {"thread": [], "inbox": []}


def test_a_notebook_without_a_kernel_shows_the_record_and_offers_no_act(desk: Notebook, lab: Lab, open_page: Open, seen: Seen) -> None:
    begin(desk, "kept")
    desk.save()
    saved = json.loads(desk.path.read_text())
    saved["metadata"]["kernelspec"] = {"name": "gone", "display_name": "Gone", "language": "python"}
    (lab.folder / "record.ipynb").write_text(json.dumps(saved))
    record = Notebook(open_page(), lab, "record.ipynb")
    record.confirm("No Kernel")

    kept, done = record.titled("kept", "Count three times"), record.titled("edited", "Count three times")
    expect(kept.node).to_contain_text("counter.incr()")
    expect(record.thread("edited")).to_contain_text("The counter says 42.")
    done.expect("done")
    expect(record.output("kept")).to_contain_text("Start the kernel to")
    for name in ("Approve and run", "Edit", "Reject…"):
        expect(kept.button(name)).to_be_disabled()
    expect(record.thread("kept").get_by_role("textbox", name="Message to this task")).to_be_disabled()
    seen(record.output("kept"), "record-without-kernel")
    record.page.close()
