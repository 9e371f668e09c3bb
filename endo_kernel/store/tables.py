"""TinyDB's tables over SQLite: one row per document, written singly.

A document is what JSON can say: tuples come back as lists, keys as strings; NaN is refused. Every document handed out is a fresh copy.
Ids count up and are never used again, not even after `truncate`.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, cast, overload

from tinydb.queries import QueryLike
from tinydb.storages import Storage
from tinydb.table import Document, Table

from endo_kernel.store.conditions import counts_exactly, find_equalities
from endo_kernel.store.database import Database, damaged
from endo_kernel.store.schema import field_sql, table_sql

Fields = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def check_table_name(name: str) -> None:
    """Raise ValueError for a name that cannot be a table. SQLite does not tell upper from lower case, so there is only lower."""
    if not _NAME.fullmatch(name) or name.startswith("sqlite_") or name == "store":
        raise ValueError(f"{name!r} cannot name a table: use lower-case letters, digits and _, and not 'store' or 'sqlite_...'")


class _RowsOnly(Storage):
    """Stands where TinyDB expects a storage that reads and writes whole databases; here nothing does."""

    def read(self) -> NoReturn:
        raise NotImplementedError("A store is read by its tables, row by row")

    def write(self, data: object) -> NoReturn:
        raise NotImplementedError("A store is written by its tables, row by row")


class SqlTable(Table):
    """One table of a store. Lives as long as the store is open; whoever holds it can read and write all of it."""

    def __init__(self, database: Database, name: str, indexed: frozenset[str] | None = None) -> None:
        """`indexed` holds the fields that have an index; None means that the schema does not declare this table."""
        super().__init__(_RowsOnly(), name, cache_size=0)
        self._database = database
        self._indexed = indexed or frozenset()
        self._declared = indexed is not None
        self._select = f'SELECT id, doc FROM "{name}"'
        self._insert = f'INSERT INTO "{name}" (id, doc) VALUES (?, ?)'
        self._set = f'UPDATE "{name}" SET doc = ? WHERE id = ?'
        self._delete = f'DELETE FROM "{name}"'

    def __repr__(self) -> str:
        return f"<SqlTable {self.name!r} in {self._database.path}>"

    def insert(self, document: Mapping[str, Any]) -> int:
        """Add a document and give its id. A `Document` keeps its own id, and ValueError says if that is taken."""
        if not isinstance(document, Mapping):
            raise ValueError("Document is not a Mapping")  # as TinyDB does
        doc_id = document.doc_id if isinstance(document, Document) else None
        try:
            cursor = self._write(self._insert, (doc_id, _to_text(document)))
        except sqlite3.IntegrityError as error:
            raise ValueError(f"Document with ID {doc_id} already exists") from error
        return cast("int", cursor.lastrowid)

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add documents, all or none, and give their ids."""
        with self._database.transaction():
            return [self.insert(document) for document in documents]

    def all(self) -> list[Document]:
        """Give every document, in the order of ids."""
        return [Document(doc, doc_id) for doc_id, doc in self._pairs()]

    def search(self, cond: QueryLike, *, limit: int | None = None, before: int | None = None, newest: bool = False) -> list[Document]:
        """Give the documents that match, in the order of ids.

        `newest` turns the order round. `before` keeps to ids below it, and `limit` stops after that many, so that
        `search(cond, newest=True, limit=50, before=oldest_shown)` gives the next page of a history read backwards.
        """
        found: list[Document] = []
        if limit is not None and limit <= 0:
            return found
        for doc_id, doc in self._pairs(cond, before=before, newest=newest):
            found.append(Document(doc, doc_id))
            if len(found) == limit:
                break
        return found

    def last(self, cond: QueryLike) -> Document | None:
        """Give the newest document that matches, or None. Where an index answers the condition, this reads one row."""
        found = self.search(cond, newest=True, limit=1)
        return found[0] if found else None

    @overload  # type: ignore[override]  # TinyDB has eight overloads for these three
    def get(self, cond: QueryLike) -> Document | None: ...
    @overload
    def get(self, cond: QueryLike | None = None, *, doc_id: int) -> Document | None: ...
    @overload
    def get(self, cond: QueryLike | None = None, doc_id: None = None, *, doc_ids: list[int]) -> list[Document]: ...
    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """Give the document of an id, or the first that matches, or None; with `doc_ids`, the list of those that there are."""
        if doc_id is not None:
            doc = self._find(doc_id)
            return None if doc is None else Document(doc, int(doc_id))
        if doc_ids is not None:
            there = ((int(one), self._find(one)) for one in sorted(set(doc_ids)))
            return [Document(doc, one) for one, doc in there if doc is not None]
        if cond is not None:
            found = self.search(cond, limit=1)
            return found[0] if found else None
        raise RuntimeError("You have to pass either cond or doc_id or doc_ids")

    def ids(self, field: str, *words: str) -> list[int]:
        """Give the ids of the documents whose indexed field is one of these words, in order, from the index alone.

        For fields that hold one word of a fixed set, such as a state: the documents themselves are not read.
        """
        if field not in self._indexed:
            raise ValueError(f"{field!r} of {self.name!r} has no index; the ones with one are {', '.join(sorted(self._indexed))}")
        if not self._there():
            return []
        marks = ", ".join("?" for _ in words)
        rows = self._database.rows(f'SELECT id FROM "{self.name}" WHERE {field_sql(field)} IN ({marks})', words)
        return sorted(row[0] for row in rows)

    def count(self, cond: QueryLike, *, before: int | None = None) -> int:
        """Count the documents that match, among ids below `before`. Equality of indexed integers is counted in the index alone."""
        if self._there() and counts_exactly(cond, self._indexed):
            where, values = self._narrow(cond, before)
            row = self._database.row(f'SELECT count(*) FROM "{self.name}"{where}', values)
            return int(row[0]) if row else 0
        return sum(1 for _ in self._pairs(cond, before=before))

    def update(self, fields: Fields, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Set fields, or call a function that changes the document, in the documents that match; all or none. Gives their ids."""
        if doc_ids is not None:
            ids = list(doc_ids)
            found = ((doc_id, self._find(doc_id)) for doc_id in dict.fromkeys(ids))
            docs = {doc_id: doc for doc_id, doc in found if doc is not None}
            ids = [doc_id for doc_id in ids if doc_id in docs]
        else:
            docs = dict(self._pairs(cond))
            ids = list(docs)
        for doc_id in ids:
            _change(docs[doc_id], fields)
        self._replace(docs)
        return ids

    def update_multiple(self, updates: Iterable[tuple[Any, QueryLike]]) -> list[int]:
        """Apply each (fields, condition) to the documents that match it, all or none. Gives their ids."""
        pairs = list(updates)
        docs = dict(self._pairs())
        changed: list[int] = []
        for doc_id, doc in docs.items():
            for fields, cond in pairs:
                if cond(doc):
                    changed.append(doc_id)
                    _change(doc, fields)
        self._replace({doc_id: docs[doc_id] for doc_id in changed})
        return changed

    def upsert(self, document: Mapping[str, Any], cond: QueryLike | None = None) -> list[int]:
        """Update the documents that match, or insert this one; together."""
        with self._database.transaction():
            return super().upsert(document, cond)

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove documents, all or none, and give the ids of those that were there."""
        if doc_ids is not None:
            ids = [doc_id for doc_id in dict.fromkeys(doc_ids) if self._find(doc_id) is not None]
        elif cond is not None:
            ids = [doc_id for doc_id, _ in self._pairs(cond)]
        else:
            raise RuntimeError("Use truncate() to remove all documents")
        if ids:
            with self._database.transaction():
                for doc_id in ids:
                    self._write(f"{self._delete} WHERE id = ?", (doc_id,))
        return ids

    def truncate(self) -> None:
        """Remove all documents."""
        self._write(self._delete)

    def __len__(self) -> int:
        if not self._there():
            return 0
        row = self._database.row(f'SELECT count(*) FROM "{self.name}"')
        return int(row[0]) if row else 0

    def __iter__(self) -> Iterator[Document]:
        """Go through the documents that are there now; the loop may write."""
        return iter(self.all())

    def _read_table(self) -> dict[str, Mapping[str, Any]]:
        return {str(doc_id): doc for doc_id, doc in self._pairs()}

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        """Carry out a change of a whole table; TinyDB's own methods that are not overridden here come to this."""
        before = {doc_id: _to_text(doc) for doc_id, doc in self._pairs()}
        table: dict[int, Mapping[str, Any]] = {doc_id: self._parse(doc_id, text) for doc_id, text in before.items()}
        updater(table)
        after = {doc_id: _to_text(doc) for doc_id, doc in table.items()}
        with self._database.transaction():
            for doc_id in before.keys() - after.keys():
                self._write(f"{self._delete} WHERE id = ?", (doc_id,))
            for doc_id, text in after.items():
                if doc_id not in before:
                    self._write(self._insert, (doc_id, text))
                elif before[doc_id] != text:
                    self._write(self._set, (text, doc_id))

    def _pairs(
        self, cond: QueryLike | None = None, *, before: int | None = None, newest: bool = False
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give (id, document) of what matches, reading no more rows than the caller takes."""
        if not self._there():
            return
        where, values = self._narrow(cond, before)
        for doc_id, text in self._database.rows(f"{self._select}{where} ORDER BY id{' DESC' if newest else ''}", values):
            doc = self._parse(doc_id, text)
            if cond is None or cond(doc):
                yield doc_id, doc

    def _narrow(self, cond: QueryLike | None, before: int | None) -> tuple[str, list[object]]:
        """Give the SQL that leaves out what an index can tell not to match."""
        equal = find_equalities(cond, self._indexed) if cond is not None else []
        tests = [f"{field_sql(name)} IS ?" for name, _ in equal]
        values: list[object] = [value for _, value in equal]
        if before is not None:
            tests.append("id < ?")
            values.append(before)
        return f" WHERE {' AND '.join(tests)}" if tests else "", values

    def _find(self, doc_id: int) -> dict[str, Any] | None:
        if not self._there() or not -(2**63) <= int(doc_id) < 2**63:
            return None
        row = self._database.row(f"{self._select} WHERE id = ?", (doc_id,))
        return None if row is None else self._parse(row[0], row[1])

    def _parse(self, doc_id: int, text: str) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", _decode(text)[0])
        except ValueError as error:
            raise damaged(self._database.path, f"document {doc_id} of {self.name!r} is not JSON") from error

    def _replace(self, docs: Mapping[int, Mapping[str, Any]]) -> None:
        texts = [(_to_text(doc), doc_id) for doc_id, doc in docs.items()]
        if len(texts) == 1:
            self._write(self._set, texts[0])
        elif texts:
            with self._database.transaction():
                for pair in texts:
                    self._write(self._set, pair)

    def _there(self) -> bool:
        return self._declared or self._database.has_table(self.name)

    def _write(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if self._there():
            return self._database.write(sql, values)
        with self._database.transaction():
            self._database.write(table_sql(self.name))
            return self._database.write(sql, values)


def _change(doc: dict[str, Any], fields: Fields) -> None:
    if callable(fields):
        fields(doc)
    else:
        doc.update(fields)


def _to_text(doc: Mapping[str, Any]) -> str:
    text = _encode(dict(doc))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair is legal in JSON and in Python, but not in UTF-8.
            return _encode_ascii(dict(doc))
    return text
