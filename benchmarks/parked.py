"""A thousand parked tasks: what they hold of memory, threads, timers and CPU, and how soon the inbox lists them.

`python -m benchmarks.parked ACT FOLDER TASKS SECONDS` is a process of its own, so that only these tasks are in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.samples import Aim, Row, Sample

_HUNDREDS = 5


def bench_parked(folder: Path, tasks: int, seconds: float, rounds: int) -> list[Row]:
    """Park tasks in one process, then find them again in another."""
    made = [_ask("park", folder / f"parked-{turn}", tasks, seconds if turn == 0 else 0) for turn in range(rounds)]
    empty = [_ask("open", folder / f"empty-{turn}", 0, 0) for turn in range(rounds)]
    found = [_ask("open", folder / f"parked-{turn}", tasks, seconds if turn == 0 else 0) for turn in range(rounds)]

    held = Sample(tuple(told["rss"] / tasks for told in made), "KiB")
    again = Sample(tuple((one["kib"] - none["kib"]) / tasks for one, none in zip(found, empty, strict=True)), "KiB")
    disk = Sample(tuple(told["disk"] / tasks for told in made), "KiB")
    live = {"threads": [told["threads"] for told in (*made, *found)], "timers": [told["timers"] for told in (*made, *found)]}
    more = max(live["threads"]) - empty[0]["threads"], max(live["timers"]) - empty[0]["timers"]
    cpu = Sample((made[0]["cpu"], found[0]["cpu"]), "%")
    listed, drawn = (Sample(tuple(told[key] for told in found)) for key in ("list", "view"))
    under = Aim("< 8 KiB each", held.median, 8)
    return [
        Row("parked", f"memory of a parked task, {tasks:,} made in this process", held, under),
        Row("parked", f"memory of a parked task, {tasks:,} found by a new one", again, Aim("< 8 KiB each", again.median, 8)),
        Row("parked", "threads and timers that they hold", Sample((float(sum(more)),), "in all"), Aim("none", max(more), 1)),
        Row("parked", f"CPU while they wait, over {seconds:g} s", cpu, Aim("0 %", max(cpu.rounds), 0.5)),
        Row("parked", "disk of a parked task", disk, note="its conversation, its card, and their indexes"),
        Row("inbox", f"inbox over {tasks:,} parked tasks, every card", listed, Aim("< 10 ms", listed.median, 10)),
        Row("inbox", "the same, drawn again for a page: all counted, the first drawn whole", drawn),
    ]


def _ask(act: str, folder: Path, tasks: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.parked", act, str(folder), str(tasks), str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    import psutil

    from benchmarks.stage import opened, propose

    act, folder, tasks, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    process = psutil.Process()
    with opened(folder, lambda request: propose()) as stage:
        if act == "park":
            # What is imported or cached once is not a task's: some tasks go first.
            stage.park(100)
            before = _rss(process)
            for _ in range(_HUNDREDS):
                stage.park(tasks // _HUNDREDS)
            told = {"rss": _rss(process) - before}
        else:
            told = {
                "kib": _rss(process),
                "list": _time(lambda: [card.number for card in stage.endo.inbox]),
                "view": _time(stage.endo.inbox._repr_mimebundle_),
            }
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), stage.daemon.loop).result()
        told |= _idle(process, seconds) | _held(process)
    told["disk"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1024
    if act == "park":
        told["disk"] *= tasks / (tasks + 100)
    print(json.dumps(told))


def _rss(process: Any) -> float:
    gc.collect()
    return float(process.memory_info().rss / 1024)


def _time(act: Callable[[], object]) -> float:
    act()
    figures = []
    for _ in range(15):
        began = time.perf_counter()
        act()
        figures.append((time.perf_counter() - began) * 1e3)
    return median(figures)


def _idle(process: Any, seconds: float) -> dict[str, float]:
    if not seconds:
        return {"cpu": 0.0}
    time.sleep(1)  # what was under way comes to its end
    began = process.cpu_times()
    time.sleep(seconds)
    ended = process.cpu_times()
    return {"cpu": abs(100 * (ended.user + ended.system - began.user - began.system) / seconds)}


def _held(process: Any) -> dict[str, int]:
    found = gc.get_objects()
    timers = sum(isinstance(one, asyncio.TimerHandle) and not one.cancelled() for one in found)
    return {"threads": process.num_threads(), "timers": timers}


if __name__ == "__main__":
    main()
