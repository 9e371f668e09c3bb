"""One writer: who is refused and what they are told, and when the lock is free again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from endo_kernel.errors import StoreDamaged, StoreError, StoreLocked
from endo_kernel.store import Store, open_store
from endo_kernel.store.lock import find_owner

Beside = Callable[[str], "subprocess.Popen[str]"]
HOLD = """
store = open_store(folder, {"notebook": "other.ipynb"})
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_kernel_is_told_who_has_the_store(beside: Beside, folder: Path) -> None:
    """By process, host, notebook and since when, and what to do."""
    holder = beside(HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(StoreLocked) as refused:
        open_store(folder)

    said = str(refused.value)
    assert re.search(rf"process {holder.pid} on \S+ for other\.ipynb, since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
    assert "reading only" in said


def test_the_same_process_cannot_open_a_store_twice(store: Store, folder: Path) -> None:
    """Nor under another spelling of the folder."""
    for spelling in (folder, folder / ".." / folder.name):
        with pytest.raises(StoreLocked, match=f"process {os.getpid()} .* for sales.ipynb"):
            open_store(spelling)

    store.table("cards").insert({})


def test_the_lock_is_free_when_its_holder_is_killed(beside: Beside, folder: Path) -> None:
    """And what it had written about itself is not believed any more."""
    holder = beside(HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    assert json.loads((folder / "lock").read_bytes())["pid"] == holder.pid
    assert find_owner(folder) is None
    with open_store(folder) as store:
        assert store.owner is not None
        assert store.owner["pid"] == os.getpid()


def test_a_stale_lock_file_of_any_content_is_no_obstacle(folder: Path) -> None:
    """Not even one that names a process that lives."""
    for content in (b"", b"garbage \xff", b"[]", json.dumps({"pid": os.getppid(), "host": "here"}).encode()):
        folder.mkdir(exist_ok=True)
        (folder / "lock").write_bytes(content)
        open_store(folder).close()


def test_closing_gives_the_store_to_the_next(folder: Path) -> None:
    """A close frees the lock at once, twice is harmless, and the second close does not free another's."""
    first = open_store(folder)
    first.close()

    with open_store(folder):
        first.close()
        with pytest.raises(StoreLocked):
            open_store(folder)


def test_an_opening_that_fails_leaves_the_lock_free(folder: Path) -> None:
    """The refusal is about the damage, the second time as well."""
    folder.mkdir()
    (folder / "store.sqlite").write_bytes(b"not a database" * 100)

    for _ in range(2):
        with pytest.raises(StoreDamaged):
            open_store(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_keep_the_lock_of_a_dead_kernel(beside: Beside, folder: Path) -> None:
    """The kernel dies, its child lives: another kernel can write."""
    kernel = beside("""
store = open_store(folder)
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert kernel.stdout is not None
    child = int(kernel.stdout.readline())
    kernel.wait()

    os.kill(child, 0)
    with open_store(folder) as store:
        store.table("cards").insert({})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_can_neither_use_nor_free_its_parents_store(beside: Beside, folder: Path) -> None:
    """It is told that the store is closed; its own close frees nothing; the parent goes on."""
    kernel = beside("""
from endo_kernel.errors import StoreError, StoreLocked
store = open_store(folder)
store.table("cards").insert({"n": 1})
child = os.fork()
if child == 0:
    try:
        store.table("cards").insert({"n": 2})
    except StoreError as error:
        print("closed" in str(error))
    store.close()
    try:
        open_store(folder)
    except StoreLocked as error:
        print(f"process {os.getppid()} " in str(error), flush=True)
    sys.exit(0)
os.waitpid(child, 0)
store.table("cards").insert({"n": 3})
print([doc["n"] for doc in store.table("cards")])
""")

    assert kernel.communicate() == ("True\nTrue\n[1, 3]\n", "")


def test_a_program_started_by_the_kernel_does_not_inherit_the_lock(folder: Path, beside: Beside) -> None:
    """A shell command that outlives the kernel holds nothing."""
    store = open_store(folder)
    started = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    store.close()

    open_store(folder).close()

    started.communicate(b"\n")


def test_asking_who_has_the_store_disturbs_nobody(folder: Path, store: Store) -> None:
    """A reader sees the writer, then that there is none."""
    with open_store(folder, readonly=True) as reader:
        assert reader.owner is not None
        assert reader.owner["notebook"] == "sales.ipynb"
        assert reader.owner == store.owner
        store.close()

        assert reader.owner is None
        with pytest.raises(StoreError, match="Nobody writes it now"):
            reader.table("cards").insert({})
