"""Imports point one way. Every import counts: at the top, late, or for typing only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import endo_kernel

# Bottom first. A module may import from its own row and from the rows above it in this table, and never in a circle. `x/` is the package x.
LAYERS = (
    ("words", "errors names powers formulas mainthread visible"),
    ("values", "values/ credentials"),
    ("store", "store/"),
    ("graph", "graph"),
    ("parts", "directory mail cards forms conversation replies tasks parts"),
    ("parties", "steps guest host"),
    ("agent", "agent/"),
    ("realms", "realms/"),
    ("daemon", "daemon"),
    ("host's view", "variables offers cardviews views record session handles facade pages verbs"),
    ("widgets", "widgets/"),
    ("kernel", "kernel/"),
    ("entrances", "cli __init__"),
)

HOMES = {
    "IPython": "kernel/",
    "anthropic": "agent/",
    "anywidget": "widgets/",
    "comm": "kernel/",
    "httpx2": "agent/",
    "ipykernel": "kernel/",
    "ipywidgets": "widgets/",
    "jupyter_client": "kernel/",
    "jupyter_core": "kernel/",
    "pydantic_monty": "realms/",
    "sqlite3": "store/",
    "tinydb": "store/",
    "traitlets": "kernel/ widgets/",
}
"""Each package from outside has one home, so that one place changes when it does; traitlets is the language of both Jupyter edges."""

ROOT = Path(endo_kernel.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if not {"static", "labextension"} & set(path.relative_to(ROOT).parts))


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {_name(path): path for path in FILES}


def _place(module: str) -> str:
    """Give the word that stands for a module in the tables."""
    top = module.partition(".")[0]
    return f"{top}/" if (ROOT / top).is_dir() else top


def _imports(module: str) -> Iterator[str]:
    """Give the full name of everything that a module imports."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _inner(module: str) -> set[str]:
    """Give the modules of ours that a module imports."""
    return {_resolve(name) for name in _imports(module) if name.partition(".")[0] == "endo_kernel"}


def _resolve(name: str) -> str:
    """Give the module that an imported name is, or is in."""
    inner = name.removeprefix("endo_kernel").removeprefix(".")
    while inner and inner not in MODULES:
        inner = inner.rpartition(".")[0]
    return inner or "__init__"


def _rows() -> dict[str, int]:
    return {place: row for row, (_, places) in enumerate(LAYERS) for place in places.split()}


def test_every_module_has_a_layer_and_every_layer_its_modules() -> None:
    assert sorted(_rows()) == sorted({_place(module) for module in MODULES})


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    rows = _rows()

    upward = sorted(other for other in _inner(module) if rows[_place(other)] > rows[_place(module)])

    assert upward == [], f"{module} is in {LAYERS[rows[_place(module)]][0]!r}, below {[LAYERS[rows[_place(m)]][0] for m in upward]}"


def test_no_import_goes_in_a_circle() -> None:
    try:
        TopologicalSorter({module: _inner(module) - {module} for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", MODULES)
def test_a_package_from_outside_is_imported_at_its_home_only(module: str) -> None:
    outside = {name.partition(".")[0] for name in _imports(module)} - {"endo_kernel"}
    outside = {name for name in outside if name in HOMES or name not in sys.stdlib_module_names}

    astray = {
        name: HOMES.get(name, "no home: give it one in HOMES") for name in outside if _place(module) not in HOMES.get(name, "").split()
    }

    assert astray == {}
