"""`jupyter endo` talks to the running kernel, also while a cell runs, and reads the store where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from endo_kernel.cli import main
from tests.kernel.page import Page, start_page


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "store"


@pytest.fixture(scope="module")
def page(store: Path) -> Iterator[Page]:
    page = start_page("endo", ENDO_STORE=str(store))
    page.run("data = [3, 1, 2]\ntask = endo.task('Build a counter')\ntask.wait(20)")
    yield page
    page.close()


def endo(capsys: pytest.CaptureFixture[str], store: Path, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--store", str(store)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_lists_are_the_kernels(capsys: pytest.CaptureFixture[str], store: Path, page: Page) -> None:
    code, out, _ = endo(capsys, store, "tasks", "--json")
    assert code == 0
    assert [(task["id"], task["status"]) for task in json.loads(out)] == [(1, "waiting")]

    assert "Count three times" in endo(capsys, store, "inbox")[1]
    assert "counter.incr()" in endo(capsys, store, "show", "1")[1]


def test_a_decision_arrives_while_a_cell_runs(capsys: pytest.CaptureFixture[str], store: Path, page: Page, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    page.run(f"import os; os.mkfifo({str(gate)!r})")
    cell = page.start(f"open({str(gate)!r}).read()")

    code, out, _ = endo(capsys, store, "reject", "1", "not", "that", "way")

    assert (code, out) == (0, "card 1 rejected\n")
    gate.write_text("go on")
    page.reply(cell)
    assert page.evaluate("endo.inbox[1].state") == "'rejected'"


def test_a_terminal_and_a_card_decide_at_once_and_one_of_them_is_told(capsys: pytest.CaptureFixture[str], store: Path, page: Page) -> None:
    page.run("other = endo.task('Build a counter')\nother.wait(20)")
    number = int(page.evaluate("other.cards[-1].number"))
    comm = page.open_comm("endo.v1")

    words = ["reject", str(number), "from the terminal", "--store", str(store)]
    terminal = subprocess.Popen([sys.executable, "-m", "endo_kernel.cli", *words], stderr=subprocess.PIPE, text=True)
    page.say(comm, {"n": 1, "op": "reject", "card": number, "reason": "from the card"})
    card_won = page.hear(comm, "ok")
    _, told = terminal.communicate(timeout=30)

    assert card_won != (terminal.returncode == 0)
    assert page.evaluate(f"endo.inbox[{number}].log[-1]['why']") == repr("from the card" if card_won else "from the terminal")
    assert terminal.returncode == 0 or f"card {number} was already rejected at" in told


def test_a_task_is_given_and_ended_from_a_terminal(capsys: pytest.CaptureFixture[str], store: Path, page: Page) -> None:
    code, out, _ = endo(capsys, store, "task", "Build", "a", "counter", "--json")
    assert code == 0
    number = json.loads(out)["task"]

    assert endo(capsys, store, "pause", str(number))[0] == 0
    assert endo(capsys, store, "resume", str(number))[0] == 0
    assert endo(capsys, store, "cancel", str(number), "enough")[0] == 0

    assert page.evaluate(f"endo.tasks[{number}].status") == "'cancelled'"


def test_errors_are_sentences(capsys: pytest.CaptureFixture[str], store: Path, page: Page) -> None:
    code, _, err = endo(capsys, store, "show", "99")
    assert code == 1
    assert "there is no card 99" in err

    assert main(["fly"]) == 2
    assert "invalid choice" in capsys.readouterr().err


def test_without_a_kernel_the_store_is_read_and_nothing_is_changed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    page = start_page("endo", ENDO_STORE=str(folder))
    page.run("endo.task('Build a counter').wait(20)")
    page.close()

    assert "waiting" in endo(capsys, folder, "tasks")[1]
    code, _, err = endo(capsys, folder, "reject", "1")

    assert code == 1
    assert "no kernel of this notebook is running" in err


def test_no_store_at_all_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = endo(capsys, tmp_path / "nowhere", "tasks")

    assert code == 1
    assert "store" in err
