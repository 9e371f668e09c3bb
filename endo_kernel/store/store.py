"""A store: one folder that holds everything durable of one kernel, opened by one writer and any number of readers."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

from endo_kernel.errors import StoreError, StoreLocked
from endo_kernel.powers import Json
from endo_kernel.store.blobs import Blobs
from endo_kernel.store.database import Database, explain
from endo_kernel.store.files import open_database, open_readonly
from endo_kernel.store.folder import BLOBS, DATABASE, make_private_folder, repair_modes, unwritable
from endo_kernel.store.lock import WriterLock, describe_holder, find_owner, take_lock
from endo_kernel.store.schema import Schema, fields_of
from endo_kernel.store.tables import SqlTable, check_table_name

_open_stores: WeakSet[Store] = WeakSet()


def open_store(folder: Path, owner: Mapping[str, Json] | None = None, *, readonly: bool = False, schema: Schema | None = None) -> Store:
    """Open the store in a folder, making it where there is none.

    The writer is alone: StoreLocked says who has the store. With `readonly` the store is seen as the writer leaves it, commit by
    commit. `owner` (for instance the notebook) is told to whoever is refused. Also raises StoreDamaged, StoreTooNew, StoreUnwritable.
    """
    folder = Path(folder).absolute()
    schema = schema or Schema()
    if readonly:
        return _open_reader(folder, schema)
    make_private_folder(folder)
    lock = take_lock(folder, owner or {})
    try:
        repair_modes(folder)
        connection = open_database(folder / DATABASE, schema)
    except sqlite3.Error as error:
        lock.release()
        raise explain(error, folder / DATABASE) from error
    except OSError as error:
        lock.release()
        raise unwritable(folder, error) from error
    except BaseException:
        lock.release()
        raise
    return Store(folder, Database(connection, folder / DATABASE), schema, lock)


def _open_reader(folder: Path, schema: Schema) -> Store:
    path = folder / DATABASE
    try:
        connection = open_readonly(path, schema)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(f"There is no store in {folder}. A kernel makes one when it opens the folder for writing.") from error
    except OSError as error:
        raise StoreError(f"The store in {folder} cannot be read ({error.strerror or error}).") from error
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return Store(folder, Database(connection, path, lambda: _refusal(folder)), schema, None)


def _refusal(folder: Path) -> StoreError:
    holder = find_owner(folder)
    if holder is not None:
        return StoreLocked(describe_holder(folder, holder))
    return StoreError(f"The store in {folder} is open for reading only. Nobody writes it now: open it again for writing.")


class Store:
    """An open store. Holding it is all authority over what is durable; the daemon holds it, and uses it from one thread."""

    def __init__(self, folder: Path, database: Database, schema: Schema, lock: WriterLock | None) -> None:
        self.folder = folder
        self.readonly = lock is None
        self._database = database
        self._schema = schema
        self._lock = lock
        self._tables: dict[str, SqlTable] = {}
        self.blobs = Blobs(folder / BLOBS, database.check_writable)
        row = database.row("SELECT value FROM store WHERE key = 'id'")
        self.id: str = row[0] if row else ""
        _open_stores.add(self)

    def table(self, name: str) -> SqlTable:
        """Give the table of this name; one that the schema does not declare is made when it is first written."""
        if name not in self._tables:
            check_table_name(name)
            indexes = self._schema.tables.get(name)
            fields = None if indexes is None else frozenset(field for index in indexes for field in fields_of(index))
            self._tables[name] = SqlTable(self._database, name, fields)
        return self._tables[name]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the writes inside durable together when the outermost transaction ends, or undo them if an exception leaves it.

        Blobs are not part of it: one that was put before a rollback stays, unreferenced.
        """
        with self._database.transaction():
            yield

    @property
    def owner(self) -> Mapping[str, Json] | None:
        """Who writes this store now: pid, host, since, and what the writer said of itself. None where nobody does."""
        return self._lock.owner if self._lock is not None else find_owner(self.folder)

    @property
    def commits(self) -> int:
        """How many transactions have reached the disk since opening."""
        return self._database.commits

    @property
    def on_commit(self) -> Callable[[int], None] | None:
        """What is called with `commits` right after each commit is durable."""
        return self._database.on_commit

    @on_commit.setter
    def on_commit(self, call: Callable[[int], None] | None) -> None:
        self._database.on_commit = call

    def close(self) -> None:
        """Let go of the files and the lock. Twice is harmless."""
        _open_stores.discard(self)
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def abandon(self) -> None:
        """Leave files and lock as they are, and be closed: for a forked child, whose parent goes on with them."""
        self._database.abandon()
        if self._lock is not None:
            self._lock.abandon()


def _abandon_in_child() -> None:
    """Keep a forked child off its parent's store: the lock must end with the parent, and SQLite's files do not survive a fork."""
    for store in list(_open_stores):
        store.abandon()
    _open_stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_in_child)
