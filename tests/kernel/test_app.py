"""The kernel `endo` has the daemon from its start, and is a Python kernel whatever becomes of the daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

import endo_kernel
from tests.kernel.page import Page

SPEC = Path(endo_kernel.__file__).parent / "kernel" / "spec"


def test_the_kernelspec_is_what_jupyter_shows_and_starts() -> None:
    spec = KernelSpecManager().get_kernel_spec("endo")

    assert spec.display_name == "Python 3 (Endo)"
    assert spec.interrupt_mode == "signal"
    assert spec.argv[:1] == ["python"]
    assert {file.name for file in SPEC.iterdir()} == {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_the_kernelspec_promises_what_the_kernel_says_of_itself(open_page: Callable[..., Page]) -> None:
    page = open_page("endo")
    promised = json.loads((SPEC / "kernel.json").read_text())["metadata"]["supported_features"]

    info = page.client.kernel_info(reply=True, timeout=30)["content"]

    assert set(promised) <= set(info["supported_features"])
    assert info["implementation"] == "ipython"


def test_endo_is_there_before_any_cell_runs(open_page: Callable[..., Page]) -> None:
    page = open_page("endo")

    assert page.evaluate("type(endo).__name__") == "'Endo'"


def test_a_start_imports_nothing_that_only_a_task_needs(open_page: Callable[..., Page]) -> None:
    page = open_page("endo")
    late = ["anthropic", "httpx2", "pydantic_monty", "pydantic", "ipywidgets", "anywidget", "pandas", "numpy", "matplotlib"]

    assert page.evaluate(f"[name for name in {late} if name in __import__('sys').modules]") == "[]"


def test_a_store_that_cannot_be_used_leaves_a_python_kernel_that_says_why(open_page: Callable[..., Page], tmp_path: Path) -> None:
    blocked = tmp_path / "a-file-where-the-folder-should-be"
    blocked.write_text("")

    page = open_page("endo", ENDO_STORE=str(blocked))

    assert page.evaluate("1 + 1") == "2"
    reply = page.run("endo.tasks")
    assert reply["content"]["ename"].startswith(("EndoError", "Store"))
    assert str(blocked) in reply["content"]["evalue"]


def test_a_configuration_that_cannot_be_read_leaves_a_python_kernel(open_page: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "jupyter_endo_config.py").write_text("c.Endo.max_tokens = 'many'")

    page = open_page("endo", JUPYTER_CONFIG_DIR=str(tmp_path))

    assert page.evaluate("1 + 1") == "2"
