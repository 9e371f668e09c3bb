"""A store in a folder of its own, opened again at will, and scripts that run beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import endo_kernel.store
from endo_kernel.store import Store, open_store

SOURCES = str(Path(endo_kernel.store.__file__).parents[2])
PREAMBLE = "import os, signal, sys; from pathlib import Path; from endo_kernel.store import open_store, where; folder = Path(sys.argv[1])\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with open_store(folder, {"notebook": "sales.ipynb"}) as store:
        yield store


@pytest.fixture
def reopen(folder: Path, store: Store) -> Iterator[Callable[[], Store]]:
    """Close the store and open it again."""
    opened = [store]

    def again() -> Store:
        opened[-1].close()
        opened.append(open_store(folder))
        return opened[-1]

    yield again
    opened[-1].close()


@pytest.fixture
def beside(folder: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a script in a process of its own, with `folder` at hand; it is killed when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": SOURCES}
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
