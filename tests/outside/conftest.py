"""One notebook on Claude that the tests of this folder share, each with a task of its own in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import MessagesServer
from tests.outside.notebook import PRICES, Notebook, start


@pytest.fixture(scope="package")
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as server:
        yield server
        assert server.complaints == []


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract") / "store"


@pytest.fixture(scope="package")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    (folder / "jupyter_endo_config.py").write_text(
        f"c.Endo.model = 'claude-opus-5-5'\nc.Endo.max_tokens = 4321\nc.Endo.prices = {{'claude-opus-5-5': {PRICES}}}\n"
        "c.Endo.thinking = {'type': 'enabled', 'budget_tokens': 2000}\n"
    )
    return folder


@pytest.fixture(scope="package")
def notebook(server: MessagesServer, store: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    log = tmp_path_factory.mktemp("log") / "kernel.log"
    notebook = start(log, ENDO_STORE=str(store), JUPYTER_CONFIG_DIR=str(config), **server.environment())
    notebook.do("import endo_kernel, datetime")
    yield notebook
    notebook.page.close()
