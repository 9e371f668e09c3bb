"""Keeps the tests away from the developer's own Jupyter, IPython, stores and keys."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import endo_kernel

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOREIGN = ("ANTHROPIC_", "ENDO_", "JPY_", "JUPYTER_", "IPYTHON")
"""What the names of environment variables begin with that could reach a network, a store or a configuration from outside."""


@pytest.fixture(scope="session", autouse=True)
def isolated_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give Jupyter folders of this run's own, with the kernelspec `endo` in them."""
    home = tmp_path_factory.mktemp("jupyter")
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    for folder in ("data", "config", "runtime"):
        os.environ[f"JUPYTER_{folder.upper()}_DIR"] = str(home / folder)
    os.environ["IPYTHONDIR"] = str(home / "ipython")
    os.environ["PYTHONPATH"] = str(ROOT)
    shutil.copytree(Path(endo_kernel.__file__).parent / "kernel" / "spec", home / "data" / "kernels" / "endo")
    yield home
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a browser for tests of the page; a machine without one fails them, since a skip would look like a pass."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(
            "this test needs a browser: `apt-get install chromium`, or name one: `make test CHROMIUM=/path/to/chromium`", pytrace=False
        )
    return found
