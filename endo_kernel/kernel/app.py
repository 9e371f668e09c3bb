"""The kernel `endo`: an IPython kernel that opens a daemon when it starts, and closes it however it ends.

It stays a drop-in Python kernel. Whatever goes wrong with the daemon, cells run; `endo_kernel.kernel.extension` says what went wrong.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

from endo_kernel.kernel.config import Endo

_CLOSING_SECONDS = 1.0
"""How long an ending kernel waits for the daemon. All that matters is on disk already, and Jupyter kills after five."""


class EndoKernel(IPythonKernel):
    """A Python kernel with a daemon inside, which lives from `start` to the end of the process."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._attached_in: list[int] = []

    @property
    def kernel_info(self) -> dict[str, Any]:
        """Say that this kernel has a daemon: the page looks for the feature `endo`."""
        info = super().kernel_info
        return {**info, "supported_features": [*info["supported_features"], "endo"]}

    def start(self) -> None:
        """Start to listen, and open the daemon."""
        super().start()
        self._attach()
        with contextlib.suppress(ValueError):  # signals belong to the main thread; an embedded kernel may run on another
            signal.signal(signal.SIGTERM, self._on_sigterm)
        atexit.register(self._detach)

    def do_shutdown(self, restart: bool) -> Any:
        """Close the daemon, then end as an IPython kernel does."""
        self._detach()
        return super().do_shutdown(restart)

    def _attach(self) -> None:
        try:
            from endo_kernel.kernel.extension import attach

            self._attached_in.append(os.getpid())
            attach(self.shell, self)
        except Exception:  # whatever became of the daemon, broken installations included, cells must run; the log has the whole of it
            self.log.exception("Endo did not start; this kernel works as a Python kernel without it")

    def _detach(self) -> None:
        """Close the daemon, once, waiting no longer than an ending kernel can."""
        try:
            process = self._attached_in.pop()
        except IndexError:
            return
        if process != os.getpid():
            return  # a fork of the kernel ends: the daemon is its parent's
        closing = threading.Thread(target=self._close_daemon, name="endo-closing", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # too late in the interpreter's life for a thread
            self._close_daemon()
        else:
            closing.join(_CLOSING_SECONDS)

    def _close_daemon(self) -> None:
        from endo_kernel.kernel.extension import detach

        detach()

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        """Close the daemon, then die of the signal, so that whoever sent it sees that it worked."""
        self._detach()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


class EndoKernelApp(IPKernelApp):
    """The kernel's application: reads `ipython_kernel_config.py` and the command line, as ipykernel's does."""

    classes = [*IPKernelApp.classes, EndoKernel, Endo]  # noqa: RUF012 - traitlets wants a plain list here


def main() -> None:
    """Run the kernel until it is told to end."""
    EndoKernelApp.launch_instance(kernel_class=EndoKernel)
