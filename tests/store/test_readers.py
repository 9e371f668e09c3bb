"""A second opener sees what the writer has committed, as it comes, and changes nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from endo_kernel.errors import StoreError, StoreLocked
from endo_kernel.store import Store, open_store, where

Beside = Callable[[str], "subprocess.Popen[str]"]


def test_a_reader_sees_each_commit_at_once(store: Store, folder: Path) -> None:
    """Without opening again, also in tables that were not there when it opened."""
    with open_store(folder, readonly=True) as reader:
        assert (reader.readonly, reader.id) == (True, store.id)
        store.table("cards").insert({"state": "open"})
        assert reader.table("cards").all() == [{"state": "open"}]
        assert reader.table("scratch").all() == []

        store.table("cards").update({"state": "done"}, doc_ids=[1])
        store.table("scratch").insert({"n": 1})

        assert reader.table("cards").search(where("state") == "done") == [{"state": "done"}]
        assert reader.table("scratch").all() == [{"n": 1}]
        assert reader.blobs.get(store.blobs.put(b"snapshot")) == b"snapshot"


def test_every_write_of_a_reader_is_refused_with_the_name_of_the_writer(store: Store, folder: Path) -> None:
    """In tables, known or not, transactions and blobs."""
    with open_store(folder, readonly=True) as reader:
        acts: list[Callable[[], object]] = [
            lambda: reader.table("cards").insert({}),
            lambda: reader.table("scratch").insert({}),
            lambda: reader.table("cards").insert_multiple([{}]),
            lambda: reader.table("cards").truncate(),
            lambda: reader.transaction().__enter__(),
            lambda: reader.blobs.put(b""),
        ]
        for act in acts:
            with pytest.raises(StoreLocked, match=f"process {os.getpid()} .* for sales.ipynb"):
                act()

    assert store.commits == 0


def test_a_reader_outlives_the_writer(beside: Beside, folder: Path) -> None:
    """The writer is killed: what it had committed can still be read."""
    writer = beside("""
store = open_store(folder)
store.table("cards").insert({"n": 1})
print(flush=True)
sys.stdin.read()
""")
    assert writer.stdout is not None
    writer.stdout.readline()
    with open_store(folder, readonly=True) as reader:
        writer.kill()
        writer.wait()

        assert reader.table("cards").all() == [{"n": 1}]


def test_reading_where_there_is_no_store_says_so_and_makes_none(folder: Path) -> None:
    """Reading leaves nothing behind."""
    with pytest.raises(StoreError, match="There is no store in"):
        open_store(folder, readonly=True)

    assert not folder.exists()


def test_a_store_in_a_folder_that_cannot_be_written_can_be_read_and_says_so_when_written(beside: Beside) -> None:
    """Someone else's archive, on a disk that is mounted read-only, without the rights of root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        with open_store(folder) as store:
            store.table("cards").insert({"n": 1})
        told = beside(f"""
from endo_kernel.errors import StoreUnwritable
folder = Path({str(folder)!r})
if os.geteuid() == 0:
    for path in (folder.parent, folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    os.setuid(65534)
folder.chmod(0o500)
with open_store(folder, readonly=True) as reader:
    print(reader.table("cards").all())
try:
    open_store(folder)
except StoreUnwritable as error:
    print("make the folder writable" in str(error))
folder.chmod(0o700)
(folder / "store.sqlite").chmod(0o400)
try:
    open_store(folder)
except StoreUnwritable as error:
    print("Permission denied" in str(error))
""")

        assert told.communicate() == ("[{'n': 1}]\nTrue\nTrue\n", "")
