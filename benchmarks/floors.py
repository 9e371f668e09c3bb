"""The floors: the least that making one message durable can cost on this disk."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

TEXT = ("Four hundred characters of what a model says about a table of customers, their contracts and why they leave. " * 4)[:400]
"""The words of one message."""

WARM = 1100
"""Appends that go before the first that is measured: after a thousand pages SQLite begins to write its log over, which is quicker."""

MESSAGE = json.dumps({"role": "assistant", "content": [{"type": "text", "text": TEXT}]})


def sqlite_append(path: Path, steps: int) -> Callable[[], float]:
    """Give a run of raw SQLite appends, one commit each, that says how many milliseconds one took."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, doc TEXT NOT NULL)")

    for _ in range(WARM):
        connection.execute("INSERT INTO log (doc) VALUES (?)", (MESSAGE,))

    def run() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            connection.execute("INSERT INTO log (doc) VALUES (?)", (MESSAGE,))
        return (time.perf_counter() - began) * 1e3 / steps

    return run


def jsonl_fsync(path: Path, steps: int) -> Callable[[], float]:
    """Give a run of lines appended to a file, one fsync each, that says how many milliseconds one took."""
    file = path.open("ab", buffering=0)

    def run() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            file.write(MESSAGE.encode() + b"\n")
            os.fsync(file.fileno())
        return (time.perf_counter() - began) * 1e3 / steps

    return run
