"""Several facts that belong together are durable together, or not at all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from endo_kernel.errors import StoreUnwritable
from endo_kernel.store import Store, open_store

Beside = Callable[[str], "subprocess.Popen[str]"]


def test_an_exception_undoes_every_write_in_every_table(store: Store) -> None:
    """Also tables that the transaction itself brought into being."""
    store.table("cards").insert({"state": "open"})

    def fails() -> None:
        with store.transaction():
            store.table("cards").update({"state": "approved"}, doc_ids=[1])
            store.table("steps").insert({"card": 1})
            store.table("scratch").insert({"n": 1})
            raise KeyError

    with pytest.raises(KeyError):
        fails()

    assert store.table("cards").all() == [{"state": "open"}]
    assert store.table("steps").all() == []
    assert store.table("scratch").all() == []
    assert store.table("scratch").insert({"n": 2}) == 1
    assert store.commits == 2


def test_an_inner_transaction_is_durable_only_with_the_outer(store: Store) -> None:
    """It joins: when the outer fails later, it is undone as well."""

    def fails() -> None:
        with store.transaction():
            with store.transaction():
                store.table("cards").insert({"n": 1})
            assert store.commits == 0
            raise KeyError

    with pytest.raises(KeyError):
        fails()

    assert store.table("cards").all() == []


def test_an_inner_failure_that_is_caught_undoes_the_inner_writes_only(store: Store) -> None:
    """The outer decides whether to go on."""

    def fails() -> None:
        with store.transaction():
            store.table("cards").insert({"n": 2})
            raise KeyError

    with store.transaction():
        store.table("cards").insert({"n": 1})
        with pytest.raises(KeyError):
            fails()
        store.table("cards").insert({"n": 3})

    assert [doc["n"] for doc in store.table("cards")] == [1, 3]
    assert store.commits == 1


def test_a_transaction_sees_its_own_writes_and_a_reader_does_not_yet(store: Store) -> None:
    """Visible after durable."""
    with open_store(store.folder, readonly=True) as reader, store.transaction():
        store.table("cards").insert({"n": 1})

        assert len(store.table("cards")) == 1
        assert len(reader.table("cards")) == 0


def test_a_full_disk_undoes_the_transaction_and_leaves_the_store_usable(store: Store) -> None:
    """What was acknowledged stays; when there is room again, writing works."""
    store.table("turns").insert({"n": 1})
    (limit,) = store._database.row("PRAGMA max_page_count") or (0,)
    (pages,) = store._database.row("PRAGMA page_count") or (0,)
    store._database.row(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StoreUnwritable, match="Make room"), store.transaction():
        store.table("turns").insert_multiple([{"n": 2}, {"text": "x" * 50_000}])
    with pytest.raises(StoreUnwritable, match="Make room"):
        store.table("turns").insert({"text": "x" * 50_000})

    assert store.table("turns").all() == [{"n": 1}]
    store._database.row(f"PRAGMA max_page_count = {limit}")
    store.table("turns").insert({"text": "x" * 50_000})
    assert (len(store.table("turns")), store.commits) == (2, 2)


def test_going_on_after_the_disk_undid_a_transaction_is_refused(store: Store) -> None:
    """A write that follows a swallowed disk error does not slip out as a transaction of its own."""

    def goes_on() -> None:
        with store.transaction():
            store.table("cards").insert({"n": 1})
            store._database._connection.execute("ROLLBACK")
            store.table("cards").insert({"n": 2})

    with pytest.raises(StoreUnwritable, match="undone"):
        goes_on()
    with pytest.raises(StoreUnwritable, match="undone"), store.transaction():
        store._database._connection.execute("ROLLBACK")

    assert store.table("cards").all() == []
    store.table("cards").insert({"n": 3})
    assert store.table("cards").all()[0]["n"] == 3


def test_a_disk_that_refuses_bytes_loses_nothing_that_was_acknowledged(beside: Beside) -> None:
    """A limit on the size of files stands for the disk: the write fails in the operating system."""
    told = beside("""
import resource
from endo_kernel.errors import StoreUnwritable
store = open_store(folder)
turns = store.table("turns")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
kept = 0
try:
    for n in range(1000):
        turns.insert({"n": n, "text": "x" * 1000})
        kept += 1
except StoreUnwritable:
    pass
try:
    store.blobs.put(b"x" * 300_000)
except StoreUnwritable as error:
    print(str(error).startswith(str(folder / "blobs")), list((folder / "blobs").iterdir()))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.blobs.put(b"x" * 300_000)
turns.insert({"n": "again"})
store.close()
store = open_store(folder)
print(0 < kept < 1000, [doc["n"] for doc in store.table("turns")] == [*range(kept), "again"])
""")

    out, error = told.communicate()

    assert (out, error) == ("True []\nTrue True\n", "")
