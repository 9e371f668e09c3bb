"""Talking to a running kernel from another process, over the same protocol as a page, also while a cell runs."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from endo_kernel.errors import EndoError
from endo_kernel.powers import Json

TARGET = "endo.v1"
_PATIENCE = 10.0
_KNOCK = 0.3


class KernelClient:
    """One connection to a kernel; lives inside `connected`."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client
        self._comm = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._send("comm_open", {"target_name": TARGET, "data": {"client": "terminal"}})

    def meet(self) -> None:
        """Wait until the kernel is heard: what it says before the subscription has reached it is lost."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._ask(_KNOCK, "ping")
                return
            except EndoError:
                if time.monotonic() > until:
                    raise

    def ask(self, op: str, **parts: Json) -> Any:
        """Send a command and give its result; raises EndoError with the kernel's own words."""
        return self._ask(_PATIENCE, op, **parts)

    def _ask(self, patience: float, op: str, **parts: Json) -> Any:
        number = next(self._numbers)
        self._send("comm_msg", {"data": {"n": number, "op": op, **parts}})
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            try:
                message = self._client.get_iopub_msg(timeout=left)
            except Empty:
                break
            data = self._reply(message)
            if data is not None and data.get("n") == number:
                if data["ok"]:
                    return data["result"]
                raise EndoError(data["error"])
        raise EndoError(f"the kernel did not answer within {patience:g} s; it may be starting, or gone")

    def _reply(self, message: Mapping[str, Any]) -> Mapping[str, Json] | None:
        content = message["content"]
        mine = message["msg_type"] == "comm_msg" and content["comm_id"] == self._comm
        return content["data"] if mine and content["data"].get("type") == "reply" else None

    def _send(self, kind: str, content: Mapping[str, Json]) -> None:
        self._client.shell_channel.send(self._client.session.msg(kind, {"comm_id": self._comm, "data": {}, **content}))

    def close(self) -> None:
        """Say goodbye."""
        self._send("comm_close", {})


@contextmanager
def connected(connection_file: str) -> Iterator[KernelClient]:
    """Connect to the kernel of a connection file."""
    client = BlockingKernelClient(connection_file=connection_file)
    client.load_connection_file()
    client.start_channels(hb=False, stdin=False, control=False)
    try:
        connection = KernelClient(client)
        connection.meet()
        yield connection
        connection.close()
    finally:
        client.stop_channels()
