"""The same views as a widget, for front ends without the extension; here JupyterLab, with the extension disabled."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Seen
from tests.browser.lab import Lab
from tests.browser.notebook import Notebook


@pytest.fixture(scope="module")
def plain_lab(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Lab]:
    """Give a JupyterLab whose user disabled the extension."""
    with Lab(tmp_path_factory.mktemp("plain"), artifacts / "lab-without-extension.log", disabled=["endo-kernel-lab"]) as server:
        yield server


def test_without_the_extension_a_widget_is_live_also_while_a_cell_runs(plain_lab: Lab, open_page: Open, seen: Seen) -> None:
    gate = plain_lab.folder / "gate"
    os.mkfifo(gate)
    counter = "class Counter:\n    def incr(self): ...\n    def read(self):\n        return 3\n\n\ncounter = Counter()"
    cells = {"counter": counter, "task": "endo.task('Build a counter')", "other": "endo.task('Build a counter')"}
    plain_lab.write("plain.ipynb", {**cells, "inbox": "endo.inbox", "blocking": f"open({str(gate)!r}).read()"})
    notebook = Notebook(open_page(), plain_lab, "plain.ipynb").ready()
    for key in ("counter", "task", "other"):
        notebook.run(key)
    card = notebook.card("task", 1)
    card.choose("counter", "counter")
    card.allow("incr", "read")
    seen(notebook.output("task"), "widget-card")
    card.approve()
    card.expect("done")
    notebook.write("task", "double it")
    double = notebook.titled("task", "Double the count")
    expect(double.button("Approve and run")).to_be_enabled()

    notebook.start("blocking")
    expect(notebook.prompt("blocking")).to_have_text("[*]:")
    double.approve()
    double.expect("done")
    rejected = notebook.card("other", 2)
    rejected.reject("not now")
    rejected.expect("rejected")

    expect(notebook.output("task").get_by_text("Twice the count is 6.")).to_be_visible()
    expect(notebook.prompt("blocking")).to_have_text("[*]:")
    gate.write_text("go on")
    expect(notebook.prompt("blocking")).to_have_text(re.compile(r"\[\d+\]:"))
    seen(notebook.output("task"), "widget-done")
    assert notebook.run("inbox").get_by_role("article").count() == 1
