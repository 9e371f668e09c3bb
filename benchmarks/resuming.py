"""Resuming one parked approval in a fresh process: from the opening of the store to the model's next turn, durable.

`python -m benchmarks.resuming FOLDER` is that process. It says how long it took after its imports, and what the imports took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.floors import MESSAGE
from benchmarks.peers import Peer
from benchmarks.samples import Aim, Row, interleave

_FLOOR = "JSONL journal"
_PEER = "LangGraph interrupt, SqliteSaver"


def bench_resume(folder: Path, sizes: list[int], rounds: int, peer: Peer | None) -> list[Row]:
    """Resume in a new process each time; each has a store of its own, since an approval is resumed once."""
    rows = []
    for size in sizes:
        name = f"resume one approval in a fresh process, at {size:,} messages"
        runs = {name: partial(_resumed, folder, size), _FLOOR: partial(_journal, folder, size)}
        if peer is not None:
            runs[_PEER] = partial(_peer, folder, size, peer)
        taken = interleave(rounds, runs)
        sample = taken.pop(name)
        note = "open, approve, run in the notebook realm, one model turn; without imports, which the kernel's start counts"
        rows.append(Row("resume", name, sample, Aim("< 100 ms", sample.median, 100), taken, note if size == sizes[0] else ""))
    return rows


def _resumed(folder: Path, size: int) -> float:
    from benchmarks.stage import opened, propose, say

    store = folder / f"resume-{size}-{time.monotonic_ns()}"
    ready: list[bool] = []
    with opened(store, lambda request: propose() if ready else say()) as stage:
        task = stage.make_task()
        stage.wait({task}, "idle")
        stage.fill(task, size)
        ready.append(True)
        stage.daemon.call(lambda: stage.daemon.host.send(task, "Go on."))
        stage.wait({task}, "waiting")
    return _ask(store)["ms"]


def _ask(store: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.resuming", str(store)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _peer(folder: Path, size: int, peer: Peer) -> float:
    path = folder / f"peer-{size}-{time.monotonic_ns()}.sqlite"
    peer.ask(f"park {size} {path}")
    try:
        return peer.resume(path)
    finally:
        for part in folder.glob(f"{path.name}*"):
            part.unlink()


def _journal(folder: Path, size: int) -> float:
    """Read a journal of JSON lines, and append what a resumed approval writes: four facts, each synced."""
    path = folder / f"journal-{size}.jsonl"
    path.write_text(f"{MESSAGE}\n" * size)
    began = time.perf_counter()
    with path.open("r+b", buffering=0) as file:
        past = [json.loads(line) for line in file.read().splitlines()]
        for fact in past[:4]:
            file.write(json.dumps(fact).encode() + b"\n")
            os.fsync(file.fileno())
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    from benchmarks.stage import opened
    from endo_kernel.names import TaskId

    began = time.perf_counter()
    with opened(Path(sys.argv[1])) as stage:
        (card,) = stage.endo.inbox
        total = stage.endo.endow(card)
        stage.wait({TaskId(1)}, "idle")
        took = (time.perf_counter() - began) * 1e3
    if total != sum(range(10)):
        raise SystemExit(f"the approved code gave {total!r}")
    print(json.dumps({"ms": took}))


if __name__ == "__main__":
    main()
