"""Finding an interpreter that has LangGraph with its SQLite saver, and asking it to do the same as we do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).with_name("peer.py")
_PROBE = "import langgraph.checkpoint.sqlite, langgraph.graph"


class Peer:
    """One peer process, which answers a line at a time; lives until `close`."""

    def __init__(self, python: str, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._process = subprocess.Popen(
            [python, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "BENCH_FOLDER": str(folder)}
        )
        self._hear()

    def ask(self, line: str) -> float:
        """Have the peer do something, and give its figure."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return float(self._hear())

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer's process ended")
        return str(json.loads(line))

    def resume(self, path: Path) -> float:
        """Resume a parked approval in a fresh process, and give its milliseconds without imports."""
        done = subprocess.run([self._python, str(SCRIPT), "resume", str(path)], check=True, capture_output=True, text=True)
        return float(done.stdout)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait(10)


def find_peer(python: str | None, folder: Path) -> Peer | None:
    """Start the peer in this interpreter or the one that is named; None where neither has it. Raises for a named one that lacks it."""
    chosen = python or sys.executable
    if subprocess.run([chosen, "-c", _PROBE], check=False, capture_output=True).returncode == 0:
        return Peer(chosen, folder)
    if python:
        raise SystemExit(f"{python} has no langgraph with langgraph-checkpoint-sqlite")
    return None
