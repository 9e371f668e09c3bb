"""Kernels: the kernel `endo` beside a plain ipykernel, as a client sees them: start, a cell's round trip, and a click while a cell runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from benchmarks.samples import Aim, Row, Sample, interleave, ratio

OURS, PLAIN = "endo", "plain ipykernel"
_MODULES = {OURS: "endo_kernel.kernel", PLAIN: "ipykernel_launcher"}
_PATIENCE = 60.0
_SLEEPS = 20


class Kernel:
    """A kernel process and a client that has heard it; `started` is the seconds from its launch to its first answer to a cell."""

    def __init__(self, name: str, store: Path) -> None:
        # Sockets that try again every 2 ms: the usual 100 ms would be all that a start is seen by.
        self._context: zmq.Context[Any] = zmq.Context()
        self._context.setsockopt(zmq.RECONNECT_IVL, 2)
        began = time.perf_counter()
        self._manager = KernelManager(kernel_name=name, context=self._context)
        env = {**os.environ, "ENDO_STORE": str(store), "ENDO_MODEL": "rehearsal"}
        self._manager.start_kernel(env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client: BlockingKernelClient = self._manager.client()
        self.client.start_channels(hb=False, stdin=False)
        self.run("1")
        self.started = (time.perf_counter() - began) * 1e3
        self._comm = uuid.uuid4().hex

    def run(self, code: str) -> float:
        """Run a cell to its reply, and give the milliseconds."""
        began = time.perf_counter()
        asked = self.client.execute(code)
        while self.client.get_shell_msg(timeout=_PATIENCE)["parent_header"]["msg_id"] != asked:
            pass
        return (time.perf_counter() - began) * 1e3

    def begin(self, code: str) -> None:
        """Send a cell, and wait until it runs."""
        asked = self.client.execute(code)
        self._wait(lambda message: message["msg_type"] == "execute_input" and message["parent_header"]["msg_id"] == asked)

    def open_comm(self) -> None:
        """Be a page."""
        self.client.wait_for_ready(_PATIENCE)
        self._send("comm_open", {"target_name": "endo.v1", "data": {"client": "jupyterlab"}})

    def ask(self, number: int, op: str, **parts: Any) -> float:
        """Send a command as a page does, and give the milliseconds to its acknowledgement."""
        began = time.perf_counter()
        self._send("comm_msg", {"data": {"n": number, "op": op, **parts}})
        reply = self._wait(lambda message: message["msg_type"] == "comm_msg" and message["content"]["data"].get("n") == number)
        took = (time.perf_counter() - began) * 1e3
        data = reply["content"]["data"]
        if not data["ok"]:
            raise RuntimeError(data["error"])
        return took

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        self.client.shell_channel.send(self.client.session.msg(kind, {"comm_id": self._comm, "data": {}, **content}))

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self.client.get_iopub_msg(timeout=_PATIENCE)
            if wanted(message):
                return message

    def close(self) -> None:
        """End the process."""
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        self._context.destroy(linger=0)


@contextmanager
def jupyter_home(folder: Path) -> Iterator[None]:
    """Give Jupyter folders of this run's own, with both kernels in them, started with the same flags."""
    kept = dict(os.environ)
    # An installed package is compiled once, not at every start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name, module in _MODULES.items():
        spec = folder / "data" / "kernels" / _spec(name)
        spec.mkdir(parents=True)
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", module, "-f", "{connection_file}"]
        told = {"argv": argv, "display_name": name, "language": "python", "kernel_protocol_version": "5.5"}
        (spec / "kernel.json").write_text(json.dumps(told))
    for part in ("data", "config", "runtime"):
        os.environ[f"JUPYTER_{part.upper()}_DIR"] = str(folder / part)
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, [kept.get("PYTHONPATH")])])
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _spec(name: str) -> str:
    return name.replace(" ", "-")


@contextmanager
def started(name: str, store: Path) -> Iterator[Kernel]:
    """Start a kernel for as long as this lasts."""
    kernel = Kernel(_spec(name), store)
    try:
        yield kernel
    finally:
        kernel.close()


def bench_start(folder: Path, rounds: int) -> list[Row]:
    """Start each kernel, on a store that is there, up to its first answer to a cell."""

    def start(name: str) -> float:
        with started(name, folder / "store") as kernel:
            return kernel.started

    for name in _MODULES:
        start(name)
    taken = interleave(rounds, {name: partial(start, name) for name in _MODULES})
    times = ratio(taken[OURS], taken[PLAIN])
    aim = Aim(f"< 1.3x plain ipykernel (is {times:.2f}x)", times, 1.3)
    return [Row("start", "kernel start to the first answered cell", taken[OURS], aim, {PLAIN: taken[PLAIN]})]


def bench_cells(folder: Path, rounds: int) -> list[Row]:
    """Run the smallest cell in both kernels, in turn."""
    with started(OURS, folder / "store") as ours, started(PLAIN, folder / "store") as plain:
        for kernel in (ours, plain):
            _cells(kernel)
        taken = interleave(rounds, {OURS: lambda: _cells(ours), PLAIN: lambda: _cells(plain)})
    mine, theirs = taken[OURS], taken[PLAIN]
    more = mine.median - theirs.median
    # Two samples of the same kernel differ by as much as the rounds of one do.
    spread = max(max(theirs.rounds) - min(theirs.rounds), 0.05 * theirs.median)
    aim = Aim(f"no difference beyond the spread (is {more:+.2f} ms of {spread:.2f})", more, spread)
    return [Row("cell", "a cell's round trip", mine, aim, {PLAIN: theirs})]


def _cells(kernel: Kernel) -> float:
    return median(kernel.run("1") for _ in range(40))


def bench_clicks(folder: Path, rounds: int) -> list[Row]:
    """Decide on cards while a cell sleeps: from the click to the acknowledgement, over the comm that the page uses."""
    store = folder / "clicks"
    count = 10 * rounds
    _park(store, 2 * count)
    with started(OURS, store) as kernel:
        kernel.open_comm()
        kernel.ask(1, "hello", view="bench", show={"kind": "task", "task": 1})
        kernel.begin(f"import time; time.sleep({_SLEEPS})")
        began = time.perf_counter()
        pings = _clicks(kernel, rounds, lambda number: ("ping", {}), 1000)
        rejects = _clicks(kernel, rounds, lambda number: ("reject", {"card": number + 1, "reason": "no"}), 2000)
        endows = _clicks(kernel, rounds, lambda number: ("endow", {"card": count + number + 1, "bindings": {}, "digest": None}), 3000)
        if time.perf_counter() - began > _SLEEPS:
            raise RuntimeError("the cell ended before the clicks did")
    names = {"a ping": pings, "rejecting a card": rejects, "approving a card": endows}
    return [
        Row("click", f"click to acknowledgement while a cell sleeps: {name}", sample, Aim("< 50 ms", sample.median, 50))
        for name, sample in names.items()
    ]


def _clicks(kernel: Kernel, rounds: int, command: Callable[[int], tuple[str, dict[str, Any]]], base: int) -> Sample:
    figures = []
    for turn in range(rounds):
        took = []
        for click in range(10):
            op, parts = command(10 * turn + click)
            took.append(kernel.ask(base + 10 * turn + click, op, **parts))
        figures.append(median(took))
    return Sample(tuple(figures))


def _park(store: Path, tasks: int) -> None:
    from benchmarks.stage import opened, propose

    with opened(store, lambda request: propose()) as stage:
        stage.park(tasks)
