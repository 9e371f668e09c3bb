"""A kernel process, and the page that talks to it."""

from __future__ import annotations

import os
import queue
import time
import uuid
from collections.abc import Callable
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

Message = dict[str, Any]
PATIENCE = 30.0


class Page:
    """One client of one kernel. `seen` holds what the kernel published since the page was opened."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.seen: list[Message] = []

    def run(self, code: str, *, cell_id: str | None = None, **options: Any) -> Message:
        """Run a cell to its end, and give its reply."""
        asked = self.start(code, cell_id=cell_id, **options)
        reply = self.reply(asked)
        self.wait_for_idle(asked)
        return reply

    def start(self, code: str, *, cell_id: str | None = None, **options: Any) -> str:
        """Send a cell, and give the id of the request."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "user_expressions": {}, **options}
        return self.send("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})

    def evaluate(self, expression: str) -> str:
        """Give the repr of an expression, without leaving a trace in the history."""
        reply = self.run("", silent=True, user_expressions={"it": expression})
        answer = reply["content"]["user_expressions"]["it"]
        return str(answer["data"]["text/plain"]) if answer["status"] == "ok" else f"{answer['ename']}: {answer['evalue']}"

    def send(self, kind: str, content: Message, *, subshell: str | None = None, metadata: Message | None = None) -> str:
        message = self.client.session.msg(kind, content, metadata=metadata)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def control(self, kind: str, content: Message) -> Message:
        message = self.client.session.msg(kind, content)
        self.client.control_channel.send(message)
        while True:
            reply: Message = self.client.control_channel.get_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(reply["content"])

    def open_comm(self, target: str) -> str:
        comm_id = uuid.uuid4().hex
        self.send("comm_open", {"comm_id": comm_id, "target_name": target, "data": {}})
        return comm_id

    def say(self, comm_id: str, data: Message, *, subshell: str | None = None) -> str:
        return self.send("comm_msg", {"comm_id": comm_id, "data": data}, subshell=subshell)

    def reply(self, asked: str) -> Message:
        while True:
            reply: Message = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == asked:
                return reply

    def hear(self, comm_id: str, key: str) -> Any:
        """Wait until the kernel says something with this key on the comm, and give what."""
        said = self.wait(lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == comm_id and key in _payload(m))
        return _payload(said)[key]

    def wait_for_idle(self, asked: str) -> None:
        """Wait until the kernel is done with a request."""
        if ("idle", asked) not in self.statuses():
            self.wait(lambda m: _is_status(m, "idle") and m["parent_header"].get("msg_id") == asked)

    def wait_for_input(self, asked: str) -> None:
        """Wait until the cell has begun."""
        self.wait(lambda m: m["msg_type"] == "execute_input" and m["parent_header"].get("msg_id") == asked)

    def wait(self, wanted: Callable[[Message], bool]) -> Message:
        """Wait for a message that is wanted; what came before it is in `seen`."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                message: Message = self.client.get_iopub_msg(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the kernel did not say it; it said {[m['msg_type'] for m in self.seen[-20:]]}") from None
            self.seen.append(message)
            if wanted(message):
                return message

    def statuses(self) -> list[tuple[str, str | None]]:
        """Give the statuses seen so far, each with the id of the request that it is about."""
        return [(m["content"]["execution_state"], m["parent_header"].get("msg_id")) for m in self.seen if m["msg_type"] == "status"]

    def printed(self, asked: str) -> str:
        """Give what was printed so far into the output of this request."""
        return "".join(m["content"]["text"] for m in self.seen if m["msg_type"] == "stream" and m["parent_header"].get("msg_id") == asked)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def start_page(kernel_name: str, **env: str) -> Page:
    manager, client = start_new_kernel(kernel_name=kernel_name, env={**os.environ, **env}, startup_timeout=PATIENCE)
    return Page(manager, client)


def _payload(message: Message) -> Message:
    data: Message = message["content"]["data"]
    return dict(data["content"]) if data.get("method") == "custom" else data


def _is_status(message: Message, state: str) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == state)
