"""The database file from its making to its opening: whole or absent, of the right version, and not visibly damaged.

Nothing here opens the file except through SQLite: closing any other handle on it would drop the locks of this process's connections.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from endo_kernel.errors import StoreError, StoreTooNew
from endo_kernel.store.database import connect, damaged
from endo_kernel.store.folder import BLOBS, keep_private, sync_folder, unwritable
from endo_kernel.store.schema import APPLICATION_ID, Schema, make_tables, migrate

SMALL = 32 << 20
"""Up to this many bytes every page of a database is checked when it is opened, at about 1 ms a megabyte."""


def open_database(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open the database for writing, making or migrating it first. The caller holds the writer's lock.

    Raises StoreDamaged, StoreTooNew, StoreUnwritable or sqlite3.Error.
    """
    if not path.exists():
        _make(path, schema)
    _check_size(path)
    if not os.access(path, os.W_OK):
        # SQLite would open it for reading without a word, and fail at the first write.
        raise unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    connection = connect(path)
    try:
        for setting in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "cell_size_check = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {setting}")
        version = _check(connection, path, schema)
        _prepare(connection, path, schema, version)
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


def open_readonly(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open the database for reading beside its writer.

    A reader of a write-ahead log takes part in its locks, so it needs the right to write the folder. Where it has none, there
    is no writer either (or it cannot be seen), and the file is read as it stands.
    """
    _check_size(path)
    try:
        return _open_reader(path, schema, "mode=rw")
    except sqlite3.OperationalError:
        return _open_reader(path, schema, "mode=ro&immutable=1")


def _open_reader(path: Path, schema: Schema, query: str) -> sqlite3.Connection:
    connection = connect(path, query)
    try:
        connection.execute("PRAGMA query_only = ON")
        version = _check(connection, path, schema)
        if version < schema.version:
            raise StoreError(f"{path} was written by an earlier version. Open it once for writing to bring it up to date.")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path, schema: Schema) -> None:
    """Make an empty database under another name and move it into place, so that an empty or half-made file is never ours."""
    if path.with_name(f"{path.name}-wal").exists() or any(path.with_name(BLOBS).glob("*")):
        raise damaged(path, f"{path.name} is missing, but other files of the store are there")
    new = path.with_name(f".new-{path.name}")
    try:
        for name in (new.name, f"{new.name}-journal", f"{new.name}-wal", f"{new.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            with _transaction(connection):
                make_tables(connection, schema)
                connection.execute("INSERT INTO store VALUES ('id', ?)", (str(uuid.uuid4()),))
                connection.execute(f"PRAGMA user_version = {schema.version:d}")
        os.replace(new, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size < 512:
        raise damaged(path, f"{path.name} holds {size} bytes, less than any database")


def _check(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """Look for damage where looking is cheap, and give the database's version.

    A damaged page in the middle of a large file is found when it is read.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise damaged(path, f"{path.name} is a database of another program")
    if version > schema.version:
        raise StoreTooNew(
            f"{path} was written by a later version (format {version}; this one reads up to {schema.version}). Upgrade endo-kernel."
        )
    _check_pages(connection, path)
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "store" not in present or connection.execute("SELECT value FROM store WHERE key = 'id'").fetchone() is None:
        raise damaged(path, "it has lost its own id")
    for table in present & schema.tables.keys():
        for order in ("", " DESC"):
            _check_row(path, table, connection.execute(f'SELECT id, doc FROM "{table}" ORDER BY id{order} LIMIT 1').fetchone())
    return int(version)


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    log = path.with_name(f"{path.name}-wal")
    if pages * page_size > path.stat().st_size and not (log.exists() and log.stat().st_size):
        raise damaged(path, f"{path.name} has been cut short")
    if pages * page_size <= SMALL:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise damaged(path, str(verdict).replace("\n", " "))


def _check_row(path: Path, table: str, row: tuple[int, str] | None) -> None:
    if row is not None:
        try:
            json.loads(row[1])
        except (TypeError, ValueError) as error:
            raise damaged(path, f"document {row[0]} of {table!r} is not JSON") from error


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema, version: int) -> None:
    if version < schema.version:
        _copy(connection, path, version)
    with _transaction(connection):
        if version < schema.version:
            migrate(connection, schema, version)
        make_tables(connection, schema)


def _copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Keep the database as it was before a migration, beside it, under a name that no earlier copy has."""
    names = (f"{path.name}.v{version}{f'.{n}' if n > 1 else ''}" for n in count(1))
    copy = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    part = path.with_name(f".part-{path.name}")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(connect(part)) as target:
        connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    keep_private(part)
    os.replace(part, copy)
    sync_folder(path.parent)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
