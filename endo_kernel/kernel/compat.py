"""What endo leans on in ipykernel beyond its documented interface, and the only module that knows those names.

Two things live here from attach to detach, in our own kernel and in a plain ipykernel alike: `MainShell` knows which cell runs and
gives turns between cells; `DirectComms` takes the page's messages off the Shell-channel thread, so that a click arrives while a cell
runs. What the messages mean is elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal, TypeAlias

from endo_kernel.errors import EndoError

Kernel: TypeAlias = Any
"""An ipykernel kernel. Most of what is used of it here is not typed there."""

Message: TypeAlias = Mapping[str, Any]
"""A Jupyter message, signature checked."""

PARTS: Mapping[str, str] = {
    "_main_asyncio_lock": "keep steps out of the middle of a cell",
    "_publish_status": "tell the page that the kernel is busy",
    "_shell_parent": "keep output out of cells that it does not belong to",
    "comm_manager": "talk to the page",
    "io_loop": "run steps on the main thread",
    "post_handler_hook": "survive an interrupt after a step",
    "pre_handler_hook": "let an interrupt reach a step",
    "shell_channel_thread_main": "hear the page while a cell runs",
    "shell_handlers": "know which cell runs",
}
"""The parts of a started kernel that must be there, and what each is for."""

_COMM_MESSAGES = ("comm_open", "comm_msg", "comm_close")
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError)

_log = logging.getLogger(__name__)


def check_kernel(kernel: Kernel) -> None:
    """Raise EndoError, naming what is missing and what would work, where this kernel lacks a part that endo needs."""
    missing = [f"{name} (to {purpose})" for name, purpose in PARTS.items() if not hasattr(kernel, name)]
    if missing:
        raise EndoError(f"ipykernel {version('ipykernel')} has no {', no '.join(missing)}; install 'ipykernel>=7.1,<8'")


def make_context(kernel: Kernel) -> contextvars.Context:
    """Make a context that belongs to no cell, for whatever the daemon's loop is asked to start.

    A callback that inherits the context of the cell that started it would print into that cell for ever.
    """
    context = contextvars.Context()
    context.run(_leave_cell, kernel)
    return context


def _leave_cell(kernel: Kernel) -> None:
    kernel._shell_parent.set({})
    shell = kernel.shell
    for outlet in (shell, shell.displayhook, shell.display_pub, sys.displayhook, sys.stdout, sys.stderr):
        parent = getattr(outlet, "_parent_header", None)
        if isinstance(parent, contextvars.ContextVar):
            parent.set({})


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of one cell.

    `number` is the one in its prompt, None where the run was silent; `id` is the notebook's own, None where the page sent none.
    """

    number: int | None
    id: str | None
    request: Message


class MainShell:
    """The shell that runs the user's cells; lives from attach to detach.

    Holding one gives the power to run code on the main thread. `cell` is the cell that runs now, `latest` the last that started.
    """

    def __init__(self, kernel: Kernel) -> None:
        check_kernel(kernel)
        self._kernel = kernel
        self._execute = kernel.shell_handlers["execute_request"]
        self._turns: set[asyncio.Task[None]] = set()
        self.occupant: Message | None = None
        self.cell: Cell | None = None
        self.latest: Cell | None = None
        self._notice_present_cell()
        kernel.shell_handlers["execute_request"] = self._watch

    def between_cells(self, drain: Callable[[], object], due: Callable[[], object] = lambda: True) -> None:
        """Have `drain` called on the main thread when no cell runs, also none that awaits; from any thread.

        An interrupt reaches what `drain` runs, and ends there. `due` is asked right before: where nothing is due any more, the
        page is not told that the kernel is busy.
        """
        loop: asyncio.AbstractEventLoop = self._kernel.io_loop.asyncio_loop
        try:
            loop.call_soon_threadsafe(self._start_turn, drain, due, context=contextvars.Context())
        except RuntimeError:
            _log.debug("no turn between cells: the kernel's loop has ended")

    def close(self) -> None:
        """Stop watching. Twice is harmless."""
        if self._kernel.shell_handlers["execute_request"] == self._watch:
            self._kernel.shell_handlers["execute_request"] = self._execute

    def _notice_present_cell(self) -> None:
        """Take note of the cell that loads the extension, since its request came before the watch."""
        request = self._kernel.get_parent("shell")
        is_cell = request and request["header"]["msg_type"] == "execute_request"
        if is_cell and self._kernel._main_asyncio_lock.locked():
            self._enter(request, len(self._kernel.shell.history_manager.input_hist_raw) - 1)
            self._kernel.io_loop.add_callback(self._leave_in_turn, request)

    async def _leave_in_turn(self, request: Message) -> None:
        async with self._kernel._main_asyncio_lock:
            if self.occupant is request:
                self._leave()

    async def _watch(self, stream: object, ident: object, request: Message) -> None:
        in_subshell = request["header"].get("subshell_id") is not None
        if not in_subshell:
            self._enter(request, self._kernel.execution_count)
        try:
            reply = self._execute(stream, ident, request)
            if inspect.isawaitable(reply):
                await reply
        finally:
            if not in_subshell:
                self._leave()

    def _enter(self, request: Message, number: int) -> None:
        silent = request["content"].get("silent", False)
        self.occupant = request
        self.cell = self.latest = Cell(None if silent else number, request["metadata"].get("cellId"), request)

    def _leave(self) -> None:
        self.occupant = self.cell = None

    def _start_turn(self, drain: Callable[[], object], due: Callable[[], object]) -> None:
        turn = asyncio.get_running_loop().create_task(self._take_turn(drain, due))
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)

    async def _take_turn(self, drain: Callable[[], object], due: Callable[[], object]) -> None:
        async with self._kernel._main_asyncio_lock:
            if due():
                self._run_shown_as_busy(drain)

    def _run_shown_as_busy(self, drain: Callable[[], object]) -> None:
        request = self._kernel.session.msg("endo_step")
        self.occupant = request
        self._kernel._publish_status("busy", "shell", parent=request)
        try:
            self._run_interruptible(drain)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            self._leave()
            self._kernel._publish_status("idle", "shell", parent=request)

    def _run_interruptible(self, drain: Callable[[], object]) -> None:
        """Run with Ctrl-C as in a cell; an interrupt that left here would end the kernel's loop, and the kernel with it."""
        try:
            with contextlib.suppress(ValueError):  # signals belong to the main thread; an embedded kernel may run on another
                self._kernel.pre_handler_hook()
            drain()
        except KeyboardInterrupt:
            _log.info("interrupted between cells")
        finally:
            self._restore_interrupts()

    def _restore_interrupts(self) -> None:
        while True:
            try:
                with contextlib.suppress(ValueError):
                    self._kernel.post_handler_hook()
                return
            except KeyboardInterrupt:
                continue


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that the page sent: it opened a comm, said something, or closed it.

    `data` is JSON as the page gave it; for a widget it is the content of its custom message. `client` names the page's session.
    """

    kind: Literal["open", "message", "close"]
    comm: Any
    data: Any
    client: str


Receive: TypeAlias = Callable[[Arrival], None]


class DirectComms:
    """The page's comms, heard on the daemon's loop even while a cell runs; lives from attach to detach.

    Only comms of a served target, and custom messages of claimed widgets, take the direct way. Every other message goes the way
    that it would go without us. `comm.send` may be called from any thread.
    """

    def __init__(self, kernel: Kernel, shell: MainShell, loop: asyncio.AbstractEventLoop) -> None:
        check_kernel(kernel)
        self._kernel = kernel
        self._shell = shell
        self._loop = loop
        self._context = make_context(kernel)
        self._targets: dict[str, Receive] = {}
        self._open: dict[str, tuple[Any, Receive]] = {}
        self._claimed: dict[str, tuple[Any, Receive]] = {}
        self._hear(self._on_shell_message)

    def serve(self, target: str, receive: Receive) -> None:
        """Have `receive` called, on the daemon's loop, with all that comes over comms that the page opens to this target."""
        self._targets[target] = receive
        self._kernel.comm_manager.register_target(target, self._on_open)

    def claim(self, comm: Any, receive: Receive) -> None:
        """Have `receive` called, on the daemon's loop, with the custom messages of this widget's comm.

        The widget's own handlers are not called for those, except in a kernel without a Shell-channel thread, where only they are.
        """
        self._claimed[comm.comm_id] = (comm, receive)

    def release(self, comm: Any) -> None:
        """Give a widget its custom messages back. Twice is harmless."""
        self._claimed.pop(comm.comm_id, None)

    def close(self) -> None:
        """Close the comms of served targets and let every message go its ordinary way. Twice is harmless."""
        self._hear(self._kernel.shell_channel_thread_main)
        manager = self._kernel.comm_manager
        for target in list(self._targets):
            self._targets.pop(target)
            manager.targets.pop(target, None)
        self._claimed.clear()
        for comm_id, (comm, _) in list(self._open.items()):
            self._open.pop(comm_id, None)
            if comm_id in manager.comms:
                comm.close()

    def _hear(self, on_message: Callable[[Any], object]) -> None:
        thread = self._kernel.shell_channel_thread
        if thread is None:
            _log.warning("this kernel has no Shell-channel thread: the page is heard only between cells")
            return
        stream = self._kernel.shell_stream
        thread.io_loop.add_callback(lambda: stream.closed() or stream.on_recv(on_message, copy=False))

    async def _on_shell_message(self, frames: Any) -> None:
        """Take a message that is ours, or pass it on untouched. On the Shell-channel thread."""
        message = self._parse_ours(frames)
        if message is None:
            await self._kernel.shell_channel_thread_main(frames)
            return
        self._kernel._publish_status("busy", "shell", parent=message)
        self._take(message)
        self._post(self._settle, message, context=self._context)

    def _parse_ours(self, frames: Any) -> Message | None:
        """Give the message where it is for us and rightly signed, else None.

        What is not ours is only peeked at: the session remembers each signature that it checks, and would refuse the message to
        its rightful handler.
        """
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(frames, copy=False)
            kind = session.unpack(parts[1].bytes)["msg_type"]
            if kind not in _COMM_MESSAGES or not self._is_ours(kind, session.unpack(parts[4].bytes)):
                return None
            message: Message = session.deserialize(parts, content=True, copy=False)
        except _MALFORMED:
            return None  # the ordinary way refuses it, and logs why
        return message

    def _is_ours(self, kind: str, content: Message) -> bool:
        comm_id = content["comm_id"]
        if kind == "comm_open":
            return content["target_name"] in self._targets
        if comm_id in self._open:
            return True
        return kind == "comm_msg" and comm_id in self._claimed and content["data"].get("method") == "custom"

    def _take(self, message: Message) -> None:
        manager = self._kernel.comm_manager
        if message["msg_type"] == "comm_open":
            manager.comm_open(None, None, message)
        elif message["msg_type"] == "comm_close":
            manager.comm_close(None, None, message)
        else:
            self._on_message(message)

    def _on_open(self, comm: Any, message: Message) -> None:
        receive = self._targets[message["content"]["target_name"]]
        self._open[comm.comm_id] = (comm, receive)
        comm.on_msg(self._on_message)
        comm.on_close(self._on_close)
        self._deliver(receive, "open", comm, message, message["content"].get("data"))

    def _on_message(self, message: Message) -> None:
        comm_id, data = message["content"]["comm_id"], message["content"]["data"]
        if comm_id not in self._kernel.comm_manager.comms:  # our side closed it, and this crossed the news of that
            self._open.pop(comm_id, None)
            self._claimed.pop(comm_id, None)
        elif comm_id in self._open:
            comm, receive = self._open[comm_id]
            self._deliver(receive, "message", comm, message, data)
        elif comm_id in self._claimed:
            comm, receive = self._claimed[comm_id]
            self._deliver(receive, "message", comm, message, data.get("content"))

    def _on_close(self, message: Message) -> None:
        content = message["content"]
        found = self._open.pop(content["comm_id"], None)
        if found is not None:
            comm, receive = found
            self._deliver(receive, "close", comm, message, content.get("data"))

    def _deliver(self, receive: Receive, kind: Literal["open", "message", "close"], comm: Any, message: Message, data: Any) -> None:
        context = self._context.copy()
        context.run(self._kernel._shell_parent.set, message)  # what is sent in answer names what it answers
        self._post(receive, Arrival(kind, comm, data, message["header"].get("session", "")), context=context)

    def _post(self, callback: Callable[..., None], *args: object, context: contextvars.Context) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args, context=context)
        except RuntimeError:
            _log.warning("the page's message came after the daemon ended")
            if callback == self._settle:
                context.copy().run(callback, *args)

    def _settle(self, message: Message) -> None:
        """Tell the page that its message is dealt with, without letting it think that a running cell has ended.

        JupyterLab shows the last status that came, whatever it was about.
        """
        publish = self._kernel._publish_status
        publish("idle", "shell", parent=message)
        shown = self._shell.occupant
        while shown is not None:
            publish("busy", "shell", parent=shown)
            now = self._shell.occupant
            if now is shown:
                return
            publish("idle", "shell", parent=shown)
            shown = now
