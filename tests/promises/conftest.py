"""The world of the promise tests: a daemon on a real folder, with a scripted model; and kernels, which are real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.page import Page, start_page
from tests.loopback import MessagesServer
from tests.promises.claudes import ClaudesWorld
from tests.world import HeldModel, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running daemon; `world.restart()` ends it and starts another on the same folder."""
    world = World(tmp_path / "store")
    yield world
    world.close()


@pytest.fixture
def held_world(tmp_path: Path) -> Iterator[World]:
    """A running daemon whose model answers when the test says so."""
    world = World(tmp_path / "store", HeldModel())
    yield world
    world.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """A Messages API that keeps the rules, and never sees one broken."""
    with MessagesServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
        assert server.complaints == []


@pytest.fixture
def claude(server: MessagesServer, tmp_path: Path) -> Iterator[ClaudesWorld]:
    """A running daemon whose model is Claude behind that API."""
    world = ClaudesWorld(tmp_path / "store", server)
    yield world
    world.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder for the store of a kernel."""
    return tmp_path / "store"


@pytest.fixture
def start_kernel(store: Path) -> Iterator[Callable[..., Page]]:
    """Starts kernels on the store, and gives a page on each; they end with the test."""
    pages: list[Page] = []

    def start(**env: str) -> Page:
        pages.append(start_page("endo", **{"ENDO_STORE": str(store), **env}))
        return pages[-1]

    yield start
    for page in pages:
        page.close()
