"""A kernel with a toy in the daemon's place: it answers the page, and runs code between cells. Runs in the kernel's process."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from endo_kernel.kernel.compat import Arrival, DirectComms, MainShell, make_context
from endo_kernel.mainthread import MainQueue


class Toy:
    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.gate = threading.Event()
        self.arrivals: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="toy-daemon", daemon=True)
        self.thread.start()
        self.shell = MainShell(kernel)
        self.comms = DirectComms(kernel, self.shell, self.loop)
        self.comms.serve("toy.v1", self.receive)
        self.queue = MainQueue()
        self.queue.nudge = partial(self.shell.between_cells, self.queue.drain, lambda: self.queue.waiting)

    def receive(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival.kind)
        if arrival.kind == "message":
            getattr(self, arrival.data["op"])(arrival.comm, arrival.data)

    def echo(self, comm: Any, data: Any) -> None:
        comm.send({"echo": data["text"], "thread": threading.current_thread().name})

    def open_gate(self, comm: Any, data: Any) -> None:
        self.gate.set()
        comm.send({"opened": True})

    def tell_cell(self, comm: Any, data: Any) -> None:
        cell = self.shell.cell
        comm.send({"cell": [cell.number, cell.id] if cell else None})

    def speak(self, comm: Any, data: Any) -> None:
        print(data["text"], flush=True)  # noqa: T201 - where it lands is the question
        comm.send({"spoke": True})

    def fail(self, comm: Any, data: Any) -> None:
        raise ValueError("a daemon's own mistake")

    def run(self, comm: Any, data: Any) -> None:
        """Run code between cells, in the user's namespace; `tell` in there says something to the page."""
        shell = self.kernel.shell
        names = {"tell": lambda word: comm.send({word: threading.current_thread().name})}

        def job() -> None:
            exec(data["code"], shell.user_ns, names)

        async def follow() -> None:
            try:
                await self.queue.run(job, "the job")
            except Exception as error:  # noqa: BLE001 - whatever the job raised
                comm.send({"ended": str(error)})
            else:
                comm.send({"ended": "well"})

        self._following = self.loop.create_task(follow(), context=make_context(self.kernel))

    def end_daemon(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def close(self) -> None:
        self.comms.close()
        self.shell.close()


def wire(kernel: Any) -> Toy:
    return Toy(kernel)


class ToyKernel(IPythonKernel):
    def start(self) -> None:
        super().start()
        self.shell.user_ns["toy"] = wire(self)


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=ToyKernel)
