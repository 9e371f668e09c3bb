"""What a store's database holds: its tables, the fields that are indexed, its version, and the way up from earlier versions.

A new table or index needs a line in `TABLES` and no new version. A change in what documents mean needs a function in `MIGRATIONS`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

APPLICATION_ID = 0x656E646F
"""`endo` in ASCII; SQLite's header keeps it, so that another program's database is not taken for a store."""

Migration = Callable[[sqlite3.Connection], None]
"""Takes a database from one version to the next, inside a transaction that it neither opens nor ends."""

Index = str | tuple[str, ...]
"""A top-level field of documents, or several that are asked for together."""

TABLES: Mapping[str, tuple[Index, ...]] = {
    "tasks": ("state",),
    "cards": ("state", ("task", "settled"), ("turn", "tool_use")),
    "turns": ("task",),
    "results": (("turn", "tool_use"),),
    "mail": (("task", "turn"),),
    "names": ("party", ("party", "name")),
    "steps": ("card",),
    "formulas": (),
    "values": (),
    "notes": ("task",),
    "agreements": ("digest",),
}
"""Each table, and the indexes by which it can be searched without a scan; an index also answers for its first field alone."""

MIGRATIONS: tuple[Migration, ...] = ()
"""The first takes version 1 to version 2, and so on."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables and the history of one version of this program."""

    tables: Mapping[str, tuple[Index, ...]] = field(default_factory=lambda: TABLES)
    migrations: tuple[Migration, ...] = MIGRATIONS

    @property
    def version(self) -> int:
        """The version of a database that all migrations have been through; the first was 1."""
        return len(self.migrations) + 1


def table_sql(name: str) -> str:
    """Give the statement that makes a table of documents. AUTOINCREMENT: an id is never used again, even after a removal."""
    return f'CREATE TABLE IF NOT EXISTS "{name}" (id INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL)'


def field_sql(name: str) -> str:
    """Give the expression for a field of a document; a search uses the index only if both say exactly this."""
    return f"json_extract(doc, '$.{name}')"


def fields_of(index: Index) -> tuple[str, ...]:
    """Give the fields of an index."""
    return (index,) if isinstance(index, str) else index


def make_tables(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Make the tables and indexes that are missing, and say whether there were any. The caller holds the transaction."""
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    wanted = {"store": "CREATE TABLE store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"}
    for table, indexes in schema.tables.items():
        wanted[table] = table_sql(table)
        for fields in map(fields_of, indexes):
            name = f"{table}_by_{'_'.join(fields)}"
            wanted[name] = f'CREATE INDEX "{name}" ON "{table}" ({", ".join(map(field_sql, fields))})'
    missing = [statement for name, statement in wanted.items() if name not in present]
    for statement in missing:
        connection.execute(statement)
    return bool(missing)


def migrate(connection: sqlite3.Connection, schema: Schema, version: int) -> None:
    """Bring a database of an earlier version up to this one. The caller holds the transaction."""
    for migration in schema.migrations[version - 1 :]:
        migration(connection)
    connection.execute(f"PRAGMA user_version = {schema.version:d}")
