"""The stage on which the tests of the realms play."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from endo_kernel.mainthread import MainQueue
from tests.realms.stage import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="daemon")
    thread.start()
    yield Stage(MainQueue(owner=threading.current_thread()), loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
