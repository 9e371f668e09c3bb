"""A store of an earlier version is brought up to date, and kept as it was beside it."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from endo_kernel.errors import StoreError
from endo_kernel.store import open_store, where
from endo_kernel.store.database import connect
from endo_kernel.store.schema import Schema


def rename_state(connection: sqlite3.Connection) -> None:
    """A made-up change of version 2: what was `state` is `status`."""
    for doc_id, text in connection.execute("SELECT id, doc FROM cards").fetchall():
        doc = json.loads(text)
        doc["status"] = doc.pop("state")
        connection.execute("UPDATE cards SET doc = ? WHERE id = ?", (json.dumps(doc), doc_id))


def fail(connection: sqlite3.Connection) -> None:
    raise KeyError("a migration with a mistake")


OLD = Schema({"cards": ("state",)})
NEW = Schema({"cards": ("status",), "turns": ("task",)}, (rename_state,))
NEWEST = Schema(NEW.tables, (rename_state, lambda connection: connection.execute("DELETE FROM cards WHERE id = 1") and None))


def version(path: Path) -> int:
    with closing(connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_documents_are_migrated_and_the_old_database_is_kept(folder: Path) -> None:
    """The copy opens as the old version did; new tables and indexes are there."""
    with open_store(folder, schema=OLD) as store:
        store.table("cards").insert({"state": "open"})
        identity = store.id

    with open_store(folder, schema=NEW) as store:
        assert store.table("cards").search(where("status") == "open") == [{"status": "open"}]
        assert store.table("turns").insert({"task": 1}) == 1
        assert store.id == identity

    copy = folder / "store.sqlite.v1"
    assert (version(copy), version(folder / "store.sqlite")) == (1, 2)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(connect(copy)) as connection:
        assert connection.execute("SELECT doc FROM cards").fetchall() == [('{"state":"open"}',)]


def test_migrations_run_in_order_from_the_version_that_is_there(folder: Path) -> None:
    """From 1 to 3 in one opening, from 2 to 3 only the last."""
    with open_store(folder, schema=OLD) as store:
        store.table("cards").insert_multiple([{"state": "a"}, {"state": "b"}])

    with open_store(folder, schema=NEWEST) as store:
        assert store.table("cards").all() == [{"status": "b"}]
    with open_store(folder, schema=NEWEST) as store:
        assert store.table("cards").all() == [{"status": "b"}]
    assert version(folder / "store.sqlite") == 3


def test_a_migration_that_fails_leaves_the_store_as_it_was(folder: Path) -> None:
    """All migrations are one transaction; a copy of an earlier attempt is never overwritten."""
    with open_store(folder, schema=OLD) as store:
        store.table("cards").insert({"state": "open"})

    for _ in range(2):
        with pytest.raises(KeyError):
            open_store(folder, schema=Schema(NEW.tables, (rename_state, fail)))

    with open_store(folder, schema=OLD) as store:
        assert store.table("cards").all() == [{"state": "open"}]
    assert sorted(path.name for path in folder.glob("store.sqlite*")) == ["store.sqlite", "store.sqlite.v1", "store.sqlite.v1.2"]


def test_a_reader_does_not_migrate(folder: Path) -> None:
    """It says who has to."""
    open_store(folder, schema=OLD).close()

    with pytest.raises(StoreError, match="Open it once for writing"):
        open_store(folder, readonly=True, schema=NEW)
    assert version(folder / "store.sqlite") == 1


def test_a_new_index_needs_no_migration(folder: Path) -> None:
    """It is made when the store is opened next."""
    with open_store(folder, schema=OLD) as store:
        store.table("cards").insert({"task": 7})

    with open_store(folder, schema=Schema({"cards": ("state", "task")})) as store:
        assert store.table("cards").get(where("task") == 7) == {"task": 7}
        assert store._database.row("SELECT 1 FROM sqlite_master WHERE name = 'cards_by_task'") == (1,)
