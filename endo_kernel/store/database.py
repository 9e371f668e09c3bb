"""One SQLite connection, its transactions, and what its failures mean.

A write outside a transaction is a transaction of its own. When a call that committed returns, its bytes are on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from endo_kernel.errors import StoreDamaged, StoreError, StoreLocked, StoreUnwritable

Row = tuple[Any, ...]

_abandoned: list[sqlite3.Connection] = []


def connect(path: Path, query: str = "mode=rw") -> sqlite3.Connection:
    """Open an existing database in autocommit mode. A file that is not there is an error, never a new database."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0, cached_statements=256
    )


def explain(error: sqlite3.Error, path: Path) -> Exception:
    """Give the error of ours that says what this failure of SQLite means for the user."""
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or extended in (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ):
        return damaged(path, str(error))
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreUnwritable(
            f"{path} did not take the write ({error}). What was committed before is safe. "
            "Make room on the disk, or make the folder writable, and try again."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreLocked(f"{path} is being used by another program ({error}). Close that program, and try again.")
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return StoreError(f"The store in {path.parent} is closed. Open it again.")
    return StoreError(f"{path}: {error}")


def damaged(path: Path, why: str) -> StoreDamaged:
    """Say that the files of a store cannot be trusted, and what the user can do about it."""
    return StoreDamaged(
        f"The store in {path.parent} is damaged: {why}. Nothing was deleted. "
        f"Restore {path.name} from a copy, or move the folder away and a new store begins in its place."
    )


class Database:
    """The open database of one store.

    `refusal`, where given, makes every write fail with the error that it returns. `commits` counts the transactions that reached the
    disk since opening; `on_commit` is called with that count right after each.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, refusal: Callable[[], StoreError] | None = None) -> None:
        self.path = path
        self.commits = 0
        self.on_commit: Callable[[int], None] | None = None
        self._connection = connection
        self._refusal = refusal
        self._depth = 0
        self._dirty = False

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """Give the rows of a query as they are asked for."""
        try:
            cursor = self._connection.execute(sql, values)
            try:
                yield from cursor
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Give the first row of a query."""
        try:
            row: Row | None = self._connection.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        return row

    def has_table(self, name: str) -> bool:
        """Say whether there is a table of this name now."""
        return self.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)) is not None

    def write(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement that writes. sqlite3.IntegrityError passes through: only the caller knows what was not unique."""
        self.check_writable()
        try:
            cursor = self._connection.execute(sql, values)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        if self._depth:
            self._dirty = True
        else:
            self._committed()
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside durable together, or none.

        An inner transaction joins the outer one: it is durable when the outermost ends. An exception undoes the writes of the
        block that it leaves. Nothing may be awaited inside: another coroutine's writes would join.
        """
        self.check_writable()
        depth = self._depth
        self._run(f"SAVEPOINT inner_{depth}" if depth else "BEGIN IMMEDIATE")
        self._depth = depth + 1
        try:
            yield
            self.check_writable()
            self._run(f"RELEASE inner_{depth}" if depth else "COMMIT")
        except BaseException:
            self._undo(depth)
            raise
        finally:
            self._depth = depth
        if not depth and self._dirty:
            self._dirty = False
            self._committed()

    def _undo(self, depth: int) -> None:
        # A full disk makes SQLite roll back by itself, and then there is nothing left to undo.
        if self._connection.in_transaction:
            self._run(f"ROLLBACK TO inner_{depth}" if depth else "ROLLBACK")
            if depth:
                self._run(f"RELEASE inner_{depth}")
        if not depth:
            self._dirty = False

    def check_writable(self) -> None:
        """Raise the refusal of a store that is open for reading, or StoreUnwritable where a transaction is broken."""
        if self._refusal is not None:
            raise self._refusal()
        if self._depth and not self._connection.in_transaction:
            raise StoreUnwritable(
                f"{self.path} failed earlier in this transaction, and all of the transaction was undone. Try it again as a whole."
            )

    def _run(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _committed(self) -> None:
        self.commits += 1
        if self.on_commit is not None:
            self.on_commit(self.commits)

    def close(self) -> None:
        """Undo an open transaction, fold the log into the database, and let go of the files. Twice is harmless."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if self._refusal is None:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            # Every commit is already durable in the log; the next opening folds it in.
            pass
        self._connection.close()

    def abandon(self) -> None:
        """Leave the connection alone for good: a forked child must neither use nor close what belongs to its parent."""
        _abandoned.append(self._connection)
        self._connection = sqlite3.connect(":memory:")
        self._connection.close()
