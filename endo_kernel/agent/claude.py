"""Claude, and whatever else speaks the Messages API.

Credentials and address are those of the `anthropic` SDK. They are read anew when the environment changes, so that a wrong key can be
mended in a running kernel. The SDK is imported by the first call, in a thread, since that takes seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from endo_kernel.errors import ModelFailed
from endo_kernel.powers import ModelAnswer, ModelRequest

if TYPE_CHECKING:
    from endo_kernel.agent.connection import Connection

_Environment = tuple[tuple[str, str], ...]


class ClaudeModel:
    """A model behind the Messages API. Holds the connections of one event loop, made when they are first needed.

    `first_bytes` is how many seconds a server may think before it sends anything (a local one may read a long prompt for minutes),
    `idle_timeout` how long it may be silent after that: the API pings all the time, so silence means that it is gone.
    """

    def __init__(
        self, *, idle_timeout: float = 90.0, first_bytes: float = 600.0, api_key: str | None = None, base_url: str | None = None
    ) -> None:
        self._idle = idle_timeout
        self._first = first_bytes
        self._key = api_key
        self._url = base_url
        self._made: tuple[_Environment, Connection] | None = None
        self._outdated: list[Connection] = []
        self._making = asyncio.Lock()

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Give the next assistant turn, complete or not at all."""
        connection = await self._connection()
        return await connection.answer(request, on_text)

    async def close(self) -> None:
        """Let go of connections. Twice is harmless, and a later call makes new ones."""
        connections = [*self._outdated, *([self._made[1]] if self._made else [])]
        self._made, self._outdated = None, []
        for connection in connections:
            await connection.close()

    async def _connection(self) -> Connection:
        async with self._making:
            environment = tuple(sorted((key, value) for key, value in os.environ.items() if key.startswith("ANTHROPIC_")))
            if self._made and self._made[0] == environment:
                return self._made[1]
            if self._made:
                self._outdated.append(self._made[1])  # other calls may still use it
                self._made = None
            connection = await asyncio.to_thread(self._connect)
            self._made = environment, connection
            return connection

    def _connect(self) -> Connection:
        try:
            from endo_kernel.agent.connection import Connection  # imports the SDK, which takes seconds
        except ImportError as error:
            raise ModelFailed(f"the anthropic package cannot be imported: {error}") from None
        return Connection(idle=self._idle, first_bytes=self._first, api_key=self._key, base_url=self._url)
