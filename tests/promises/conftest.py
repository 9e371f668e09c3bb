"""The world of the promise tests: a daemon on a real folder, with a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running daemon; `world.restart()` ends it and starts another on the same folder."""
    world = World(tmp_path / "store")
    yield world
    world.close()
