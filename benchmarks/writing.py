"""Writing: one durable step as the conversation grows, one turn of the agent's loop, and the bytes that stay on the disk."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.floors import TEXT, WARM, jsonl_fsync, sqlite_append
from benchmarks.peers import Peer
from benchmarks.samples import Aim, Row, Sample, interleave, ratio
from benchmarks.stage import Stage, opened, say, use
from endo_kernel.names import TaskId
from endo_kernel.powers import ModelAnswer, ModelRequest

PEER = "LangGraph, SqliteSaver"
SQLITE = "raw SQLite append"
JSONL = "JSONL + fsync"
STEP = "one message made durable"
LOOP = "one turn of the agent's loop"
_MESSAGES = 1000


def bench_steps(folder: Path, sizes: list[int], rounds: int, peer: Peer | None) -> list[Row]:
    """Make messages durable, one commit each, in conversations of growing length. All lengths take part in each round."""
    steps = 50
    with opened(folder / "steps") as stage:
        _warm(stage)
        runs: dict[str, Callable[[], float]] = {}
        for size in sizes:
            # Each length has floors of its own, right beside it: a disk is not as quick at one moment as at the next.
            runs[f"{SQLITE} {size}"] = sqlite_append(folder / f"{size}.sqlite", steps)
            runs[f"{STEP}, at {size:,} messages"] = _appending(stage, size, steps)
            runs[f"{JSONL} {size}"] = jsonl_fsync(folder / f"{size}.jsonl", steps)
        if peer is not None:
            runs |= {f"{PEER} {size}": partial(_ask, peer, f"steps {size} {20 if size < 1000 else 5}") for size in sizes}
        taken = interleave(rounds, runs)
    rows = [_step(size, taken) for size in sizes]
    growth = ratio(rows[-1].sample, rows[0].sample)
    name = f"its growth from {sizes[0]:,} to {sizes[-1]:,} messages"
    return [*rows, Row("step", name, Sample((growth,), "x"), Aim("flat: < 1.5x", growth, 1.5))]


def _step(size: int, taken: Mapping[str, Sample]) -> Row:
    name = f"{STEP}, at {size:,} messages"
    beside = {other: taken[f"{other} {size}"] for other in (SQLITE, JSONL, PEER) if f"{other} {size}" in taken}
    times = ratio(taken[name], beside[SQLITE])
    return Row("step", name, taken[name], Aim(f"< 2x raw SQLite (is {times:.2f}x)", times, 2), beside)


def _ask(peer: Peer, line: str) -> float:
    figure = peer.ask(line)
    if hasattr(os, "sync"):
        os.sync()  # what the peer has left to write is not to be paid for by the next round
    return figure


def _warm(stage: Stage) -> None:
    """Fill the log once, as the floor's was: a log that grows is slower to sync than one that is written over."""
    _appending(stage, 0, WARM)()


def _appending(stage: Stage, size: int, steps: int) -> Callable[[], float]:
    task = stage.make_task()
    stage.wait({task}, "idle")
    stage.fill(task, size)

    def append() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            stage.daemon.conversations.append_answer(task, say())
        return (time.perf_counter() - began) * 1e3 / steps

    return lambda: stage.daemon.call(append)


def bench_loop(folder: Path, sizes: list[int], rounds: int) -> list[Row]:
    """Let the agent use a tool that needs no host, again and again: the time from one call of the model to the next."""
    rows = []
    for size in sizes:
        sample = Sample(tuple(_loop(folder / f"loop-{size}", size, rounds, 10)))
        note = "two messages, three commits, and composing the next request, which holds the whole conversation"
        rows.append(Row("loop", f"{LOOP}, at {size:,} messages", sample, note=note if size == sizes[0] else ""))
    return rows


def _loop(folder: Path, size: int, rounds: int, turns: int) -> list[float]:
    called: list[float] = []
    ready = threading.Event()

    def answer(request: ModelRequest) -> ModelAnswer:
        if not ready.is_set():
            return say()
        called.append(time.perf_counter())
        return use("list_names", {}) if len(called) <= (rounds + 1) * turns else say()

    with opened(folder, answer) as stage:
        task = stage.make_task()
        stage.wait({task}, "idle")
        stage.fill(task, size)
        ready.set()
        stage.daemon.call(lambda: stage.daemon.host.send(task, TEXT))
        stage.wait({task}, "idle")
    # The first turns pay for what is imported when it is first needed.
    return [(called[at + turns] - called[at]) * 1e3 / turns for at in range(turns, (rounds + 1) * turns, turns)]


def bench_bytes(peer: Peer | None, quick: bool) -> list[Row]:
    """Let host and agent write to each other, and weigh the folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "store"
        _converse(folder, _MESSAGES)
        kib = _weigh(folder)
    each = kib / _MESSAGES
    beside = {}
    if peer is not None:
        count = 100 if quick else _MESSAGES
        beside[f"{PEER}, {count:,} steps"] = Sample((peer.ask(f"bytes {count}"),), "KiB")
    aim = Aim(f"< 1.5 KiB a message of 400 characters (is {each:.2f})", each, 1.5)
    return [Row("bytes", "on disk after 1,000 messages, all tables and indexes", Sample((kib,), "KiB"), aim, beside)]


def _converse(folder: Path, messages: int) -> None:
    left = messages // 2 - 1

    def answer(request: ModelRequest) -> ModelAnswer:
        nonlocal left
        if left > 0:
            left -= 1
            stage.daemon.host.send(TaskId(1), TEXT)
        return say()

    with opened(folder, answer) as stage:
        stage.wait({stage.make_task()}, "idle")


def _weigh(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1024
