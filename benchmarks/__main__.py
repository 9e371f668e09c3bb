"""Measures what the promises cost, and prints one table: `make bench`, or `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.kernels import bench_cells, bench_clicks, bench_start, jupyter_home
from benchmarks.parked import bench_parked
from benchmarks.peers import Peer, find_peer
from benchmarks.report import as_json, machine, markdown
from benchmarks.resuming import bench_resume
from benchmarks.samples import Row
from benchmarks.writing import bench_bytes, bench_loop, bench_steps

GROUPS = ("step", "loop", "bytes", "resume", "parked", "start", "cell", "click")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"what to measure, of {', '.join(GROUPS)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured, round by round")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the figure as SVG")
    parser.add_argument("--peer-python", metavar="PYTHON", help="an interpreter that has langgraph and langgraph-checkpoint-sqlite")
    given = parser.parse_args()
    unknown = set(given.groups) - set(GROUPS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    return given


def measure(folder: Path, given: argparse.Namespace, peer: Peer | None) -> Iterator[list[Row]]:
    quick = given.quick
    rounds = 3 if quick else 7
    sizes = [10, 100, 1000, 5000]
    acts: dict[str, Callable[[], list[Row]]] = {
        "step": lambda: bench_steps(folder, sizes, rounds + 2, peer),
        "loop": lambda: bench_loop(folder, sizes, rounds),
        "bytes": lambda: bench_bytes(peer, quick),
        "resume": lambda: bench_resume(folder, [10, 1000], rounds, peer),
        "parked": lambda: bench_parked(folder, 1000, 3 if quick else 10, 1 if quick else 3),
        "start": lambda: bench_start(folder, rounds),
        "cell": lambda: bench_cells(folder, rounds),
        "click": lambda: bench_clicks(folder, rounds),
    }
    for group in given.groups or GROUPS:
        began = time.monotonic()
        yield acts[group]()
        print(f"{group}: {time.monotonic() - began:.0f} s", file=sys.stderr)


def main() -> None:
    given = read_arguments()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="endo-bench-") as name, jupyter_home(Path(name) / "jupyter"):
        peer = find_peer(given.peer_python, Path(name))
        try:
            for found in measure(Path(name), given, peer):
                rows += found
        finally:
            if peer is not None:
                peer.close()
    print(markdown(rows))
    if peer is None:
        print("- LangGraph was not measured: it is not installed here (--peer-python names an interpreter that has it)")
    print(f"\n{machine()}")
    if given.json:
        given.json.write_text(json.dumps(as_json(rows), indent=1) + "\n", encoding="utf-8")
    if given.figure:
        from benchmarks.figure import draw

        draw(rows, given.figure)


if __name__ == "__main__":
    main()
