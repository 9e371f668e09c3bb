"""The contract of a table, kept by TinyDB's own tables in memory and by ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tinydb import TinyDB
from tinydb.storages import MemoryStorage
from tinydb.table import Table

from endo_kernel.store import open_store
from tests.contracts.store_contract import StoreContract


class TestMemory(StoreContract):
    """TinyDB in memory: the reference."""

    @pytest.fixture
    def table(self) -> Table:
        return TinyDB(storage=MemoryStorage).table("cards")


class TestDeclared(StoreContract):
    """A table of the schema, with indexes."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Iterator[Table]:
        with open_store(tmp_path / "store") as store:
            yield store.table("cards")


class TestUndeclared(StoreContract):
    """A table that comes to be when it is first written."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Iterator[Table]:
        with open_store(tmp_path / "store") as store:
            yield store.table("scratch")


class TestInATransaction(StoreContract):
    """Everything holds before the commit, too."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Iterator[Table]:
        with open_store(tmp_path / "store") as store, store.transaction():
            yield store.table("cards")


class TestTinyDbsOwnWrites(StoreContract):
    """TinyDB's unchanged code on our rows: what a later TinyDB adds to its tables works on ours."""

    @pytest.fixture
    def table(self, tmp_path: Path) -> Iterator[Table]:
        with open_store(tmp_path / "store") as store:
            ours = store.table("cards")
            for name in ("update", "update_multiple", "remove", "truncate"):
                setattr(ours, name, getattr(Table, name).__get__(ours))
            yield ours
