"""Files that are not what was written: a sentence that says what to do, and not one byte touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from endo_kernel.errors import StoreDamaged, StoreTooNew, StoreUnwritable
from endo_kernel.store import open_store
from endo_kernel.store.database import connect


def overwrite_header(path: Path) -> None:
    path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])


def overwrite_all(path: Path) -> None:
    path.write_bytes(b"hello, this was a database once. " * 1000)


def overwrite_middle(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff" * 8192 + data[len(data) // 2 + 8192 :])


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8192 * 4096])


def tear_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def replace_with_another_programs(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cards (id INTEGER)")


def lose_the_id(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM store")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def break_a_document(path: Path) -> None:
    with closing(connect(path)) as connection:
        connection.execute("DROP INDEX turns_by_task")
        connection.execute("UPDATE turns SET doc = '{\"task\": ' WHERE id = (SELECT max(id) FROM turns)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


DAMAGES = [
    overwrite_header,
    overwrite_all,
    overwrite_middle,
    cut_in_half,
    tear_the_end,
    empty,
    replace_with_another_programs,
    lose_the_id,
    break_a_document,
]


@pytest.mark.parametrize(
    ("damage", "readonly"),
    [(damage, False) for damage in [*DAMAGES, remove]] + [(damage, True) for damage in DAMAGES],
    ids=lambda value: value.__name__ if callable(value) else "reader" if value else "writer",
)
def test_a_damaged_store_says_what_to_do_and_is_left_alone(folder: Path, damage: Callable[[Path], None], readonly: bool) -> None:
    """Every byte of the database and the blobs is what it was before the attempt."""
    with open_store(folder) as store:
        digest = store.blobs.put(b"snapshot")
        with store.transaction():
            for n in range(400):
                store.table("turns").insert({"task": n, "text": "x" * 500})
    damage(folder / "store.sqlite")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}

    with pytest.raises(StoreDamaged) as refused:
        open_store(folder, readonly=readonly)

    assert "Nothing was deleted" in str(refused.value)
    assert "move the folder away" in str(refused.value)
    assert {path: path.read_bytes() for path in before} == before
    assert (folder / "blobs" / digest).exists()


def test_a_log_whose_end_was_torn_off_loses_only_what_was_not_yet_acknowledged(folder: Path) -> None:
    """The power fails while a commit is being written: the store opens with every commit before it."""
    store = open_store(folder)
    for n in range(5):
        store.table("turns").insert({"n": n})
    (log,) = folder.glob("*-wal")
    whole = log.read_bytes()
    database = (folder / "store.sqlite").read_bytes()
    store.close()
    (folder / "store.sqlite").write_bytes(database)
    log.write_bytes(whole[:-100])

    with open_store(folder) as again:
        assert [doc["n"] for doc in again.table("turns")] == [0, 1, 2, 3]


def test_a_database_cut_short_under_its_log_is_noticed(folder: Path) -> None:
    """A log that is not empty does not hide it."""
    store = open_store(folder)
    with store.transaction():
        for n in range(400):
            store.table("turns").insert({"task": n, "text": "x" * 500})
    store.close()
    store = open_store(folder)
    store.table("cards").insert({})
    log = next(folder.glob("*-wal")).read_bytes()
    database = (folder / "store.sqlite").read_bytes()
    store.close()
    (folder / "store.sqlite").write_bytes(database[: len(database) // 8192 * 4096])
    (folder / "store.sqlite-wal").write_bytes(log)

    with pytest.raises(StoreDamaged):
        open_store(folder)


@pytest.mark.parametrize("readonly", [False, True], ids=["writer", "reader"])
def test_a_store_of_a_later_version_is_refused(folder: Path, readonly: bool) -> None:
    """It says to upgrade, and does not touch it."""
    open_store(folder).close()
    with closing(connect(folder / "store.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreTooNew, match=r"later version .format 99.*Upgrade endo-kernel"):
        open_store(folder, readonly=readonly)


def test_a_making_that_died_leaves_no_half_store(folder: Path) -> None:
    """The database appears whole under its name; remains of an attempt are no obstacle."""
    folder.mkdir()
    (folder / ".new-store.sqlite").write_bytes(b"half")

    with open_store(folder) as store:
        store.table("cards").insert({})

    assert not (folder / ".new-store.sqlite").exists()


def test_a_folder_that_is_a_file_says_so(tmp_path: Path) -> None:
    """The words of the operating system, and what to do."""
    (tmp_path / "store").write_text("I am a file")

    with pytest.raises(StoreUnwritable, match=r"File exists.*choose another folder"):
        open_store(tmp_path / "store")
    with pytest.raises(StoreUnwritable, match="Not a directory"):
        open_store(tmp_path / "store" / "inside")
