"""A notebook in a browser's page, and what a person does there: by roles and names, as a screen reader would find them."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Lab, cell_ids

STARTS = 60_000
"""Milliseconds that a page and a kernel may take to start."""


class Card:
    """One card in one view."""

    def __init__(self, node: Locator) -> None:
        self.node = node

    @property
    def number(self) -> int:
        return int(self.node.get_attribute("data-card") or 0)

    def picker(self, slot: str) -> Locator:
        return self.node.get_by_role("combobox", name=slot, exact=True)

    def choose(self, slot: str, value: str) -> None:
        """Choose a value for a slot by the name that the picker offers it by."""
        wanted = re.compile(rf"^{re.escape(value)}( — .*)?$")
        option = self.picker(slot).locator("option").filter(has_text=wanted).first
        self.picker(slot).select_option(value=option.get_attribute("value"))

    def allow(self, *members: str) -> None:
        """Tick what the code may use."""
        for name in members:
            self.node.get_by_role("checkbox", name=re.compile(rf"^{name}\b")).check()

    def button(self, name: str) -> Locator:
        return self.node.get_by_role("button", name=name, exact=True)

    def approve(self) -> None:
        self.button("Approve and run").click()

    def reject(self, why: str) -> None:
        self.button("Reject…").click()
        self.node.get_by_role("textbox", name="Why not? The agent is told.").fill(why)
        self.button("Reject").click()

    def expect(self, state: str) -> None:
        """Wait until the card says this of itself."""
        expect(self.node).to_have_accessible_name(re.compile(rf", {re.escape(state)}$"))


class Notebook:
    """One notebook on one page."""

    def __init__(self, page: Page, lab: Lab, name: str, *, app: str = "lab/tree") -> None:
        self.page = page
        self.path: Path = lab.folder / name
        self._ids = cell_ids(self.path)
        page.goto(f"{lab.url}/{app}/{name}{'?reset' if app == 'lab/tree' else ''}")

    def ready(self) -> Notebook:
        """Wait until the notebook is drawn and its kernel idle, as JupyterLab's status bar says."""
        self.drawn()
        expect(self.page.get_by_role("button", name=re.compile(r"\| Idle$"))).to_be_visible(timeout=STARTS)
        return self

    def drawn(self) -> Notebook:
        """Wait until all cells are there."""
        expect(self.page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(self._ids), timeout=STARTS)
        return self

    def cell(self, key: str) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self._ids.index(key))

    def prompt(self, key: str) -> Locator:
        return self.cell(key).locator(".jp-InputPrompt")

    def start(self, key: str) -> None:
        """Run a cell as a person does, and do not wait for its end."""
        self.cell(key).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")

    def run(self, key: str) -> Locator:
        """Run a cell to its end, and give its output."""
        before = self.prompt(key).inner_text()
        self.start(key)
        expect(self.prompt(key)).not_to_have_text(before)
        expect(self.prompt(key)).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=STARTS)
        return self.output(key)

    def output(self, key: str) -> Locator:
        return self.cell(key).locator(".jp-Cell-outputWrapper")

    def thread(self, key: str) -> Locator:
        """Give the thread in the output of a cell."""
        return self.output(key).get_by_role("region", name=re.compile(r"^Task: "))

    def card(self, key: str, number: int) -> Card:
        """Give a card by its number."""
        return Card(self.output(key).get_by_role("article", name=re.compile(rf"^Card {number}:")))

    def titled(self, key: str, title: str) -> Card:
        """Give the latest card of this title."""
        return Card(self.output(key).get_by_role("article", name=re.compile(rf"^Card \d+: {re.escape(title)},")).last)

    def write(self, key: str, text: str) -> None:
        """Write to a task in the box under its thread."""
        self.thread(key).get_by_role("textbox", name="Message to this task").fill(text)
        self.thread(key).get_by_role("button", name="Send", exact=True).click()

    def menu(self, bar: str, *names: str) -> None:
        """Choose from the menu bar. JupyterLab gives menus that hold others no role."""
        self.page.get_by_role("menubar").get_by_text(bar, exact=True).click()
        for name in names:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()

    def confirm(self, button: str) -> None:
        """Answer the dialog that JupyterLab shows."""
        self.page.get_by_role("dialog").get_by_role("button").filter(has_text=re.compile(rf"^{re.escape(button)}$")).click()

    def save(self) -> None:
        """Save, and wait until the file holds what the page shows."""
        before = self.path.stat().st_mtime_ns
        with self.page.expect_response(lambda answer: answer.request.method == "PUT" and self.path.name in answer.url):
            self.page.keyboard.press("Control+s")
        assert self.path.stat().st_mtime_ns != before
