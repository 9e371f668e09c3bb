"""The magics and the terminal say the same words, with and without a key, a kernel or a usable configuration."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_data_dir

from tests.outside.notebook import Notebook, start, terminal

ATTRIBUTES = ("number", "kind", "task", "title", "code", "slots", "realm", "digest", "state")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder = tmp_path_factory.mktemp("plain")
    notebook = start(folder / "kernel.log", JPY_SESSION_NAME=str(folder / "My Tour.ipynb"))
    notebook.do(
        "class Counter:\n    n = 0\n    def incr(self):\n        self.n += 1\n    def read(self):\n        return self.n\n"
        "counter = Counter(); f = endo.facet(counter, 'incr', 'read')"
    )
    yield notebook
    notebook.page.close()


def own_store() -> str:
    """The one store of the notebook "My Tour"."""
    (store,) = (Path(jupyter_data_dir()) / "endo").glob("my-tour-*")
    return str(store)


def test_without_a_key_the_rehearsal_plays_and_says_so(plain: Notebook) -> None:
    plain.do("%%endo task\nBuild a counter")

    assert plain.value("endo.tasks[1].wait(20)") == "waiting"
    assert plain.value("endo.tasks[1].model") == "rehearsal"
    thread = plain.shown("endo.tasks[1]")
    assert "rehearsal" in thread["text/plain"].lower()
    assert "rehearsal" in thread["text/html"].lower()


def test_each_notebook_has_a_private_store_of_its_own_in_the_data_directory(plain: Notebook) -> None:
    store = Path(own_store())

    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert plain.value("len(endo.tasks)") >= 1


def test_the_magics_have_the_words_of_the_contract(plain: Notebook) -> None:
    for listing in ("tasks", "inbox", "show 1", "names"):
        assert "text/plain" in plain.shown(f"%endo {listing}")
    plain.do("rate = 0.25")
    plain.do("%endo endow 1 --bind counter:f --as clean-data")
    assert plain.value("[endo.tasks[1].wait(20), endo['clean-data']]") == ["idle", 3]

    plain.do('%endo send 1 now count to ten, and say "ten"')
    assert plain.value("endo.tasks[1].wait(20)") == "waiting"
    assert plain.value("endo.tasks[1].messages[-2].text") == 'now count to ten, and say "ten"'
    plain.do("%endo reject 2 use the cleaned table")
    assert plain.value("endo.inbox[2].log[-1]['why']") == "use the cleaned table"
    plain.do("endo.tasks[1].wait(20)")
    plain.do("%endo pause 1")
    assert plain.value("endo.tasks[1].status") == "paused"
    plain.do("%endo resume 1")
    assert plain.value("endo.tasks[1].wait(20)") == "idle"
    plain.do("%endo cancel 1 enough of it")
    assert plain.value("[endo.tasks[1].status, endo.tasks[1].why]") == ["cancelled", "enough of it"]


def test_a_magic_binds_a_variable_a_pet_name_or_a_literal(plain: Notebook) -> None:
    plain.do("%%endo task\nBuild a counter")
    plain.do("endo.tasks[2].wait(20)")
    reply = plain.page.run("%endo endow 3 --bind counter:nothing_here")["content"]
    assert (reply["ename"], "nothing_here" in reply["evalue"]) == ("BadBinding", True)
    reply = plain.page.run("%endo endow 3 --bind counter")["content"]
    assert "--bind data:df" in reply["evalue"]

    plain.do("%endo endow 3 --bind counter:f")
    plain.do("%endo send 2 double it")
    plain.do("endo.tasks[2].wait(20)")
    plain.do("%endo endow 4 --bind count:clean-data")

    assert plain.value("[endo.tasks[2].wait(20), endo['doubled']]") == ["idle", 6]


def test_the_terminal_talks_to_the_running_kernel(plain: Notebook) -> None:
    plain.do("endo.task('Build a counter').wait(20)\nsize = 40\nendo['size'] = 50")
    plain.do("endo.endow(5, counter=f)\nendo.tasks[3].wait(20)\nendo.tasks[3].send('double it')\nendo.tasks[3].wait(20)")
    store = own_store()

    tasks = terminal("tasks", "--json", "--store", store)
    assert {row["id"]: row["status"] for row in json.loads(tasks.stdout)} == {1: "cancelled", 2: "idle", 3: "waiting"}
    (card,) = json.loads(terminal("inbox", "--json", "--store", store).stdout)
    assert (card["number"], card["kind"], card["state"]) == (6, "definition", "open")
    unknown = terminal("endow", "6", "--bind", "count:nothing", "--store", store)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "'nothing'" in unknown.stderr
    unsendable = terminal("endow", "6", "--bind", "count:b'x'", "--store", store)
    assert (unsendable.returncode, "JSON" in unsendable.stderr) == (2, True)

    done = terminal("endow", "6", "--bind", "count:size", "--as", "from-terminal", "--json", "--store", store)

    assert json.loads(done.stdout)["card"] == 6, done.stderr
    assert plain.value("[endo.tasks[3].wait(20), endo['from-terminal']]") == ["idle", 80]
    names = json.loads(terminal("names", "--json", "--store", store).stdout)
    assert "from-terminal" in [row["name"] for row in names]


def test_without_a_kernel_the_terminal_reads_the_store(plain: Notebook) -> None:
    store = own_store()
    plain.page.close()

    tasks = terminal("tasks", "--json", "--store", store)
    assert {row["id"]: row["status"] for row in json.loads(tasks.stdout)} == {1: "cancelled", 2: "idle", 3: "idle"}
    shown = json.loads(terminal("show", "6", "--json", "--store", store).stdout)
    assert (shown["number"], shown["state"], shown["code"]) == (6, "done", "count * 2")
    assert "count * 2" in terminal("show", "6", ENDO_STORE=store).stdout
    refused = terminal("cancel", "3", "--store", store)
    assert refused.returncode == 1
    assert "no kernel" in refused.stderr


def test_an_ordinary_kernel_gets_the_same_object_and_magics(tmp_path: Path) -> None:
    notebook = start(tmp_path / "kernel.log", "python3", ENDO_STORE=str(tmp_path / "store"))
    try:
        notebook.do("%load_ext endo_kernel")
        assert notebook.give("Build a counter") == "waiting"
        assert "counter.incr()" in notebook.shown("%endo show 1")["text/plain"]
        assert set(ATTRIBUTES) <= set(notebook.value("dir(endo.inbox[1])"))
    finally:
        notebook.page.close()


def test_settings_that_make_no_sense_leave_a_python_kernel_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "jupyter_endo_config.py").write_text("c.Endo.prices = {'claude-test': {'inputs': 1}}")
    notebook = start(tmp_path / "kernel.log", ENDO_STORE=str(tmp_path / "store"), JUPYTER_CONFIG_DIR=str(tmp_path))
    try:
        assert notebook.value("1 + 1") == 2
        name, words = notebook.refused("endo.tasks")
        assert (name, "has inputs" in words) == ("EndoError", True)
    finally:
        notebook.page.close()
