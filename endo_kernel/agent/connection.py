"""The one module that touches the `anthropic` SDK: a connection to the Messages API, one streamed answer at a time.

Importing it takes seconds, so only `claude` does, in a thread. Raises nothing but ModelUnavailable and ModelFailed, and those without keys.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import anthropic
import httpx2

from endo_kernel.agent.compaction import BETA, EDITS
from endo_kernel.agent.refusals import refused, without_secrets
from endo_kernel.agent.stream import Gathering, read_events
from endo_kernel.errors import EndoError, ModelFailed, ModelUnavailable
from endo_kernel.powers import ModelAnswer, ModelRequest

_CONNECT = 10.0
_WHOLE = 600.0
_NO_CREDENTIALS = (
    "there are no credentials for Claude: set ANTHROPIC_API_KEY before the kernel starts, or in a cell, where nothing shows it: "
    "import os, getpass; os.environ['ANTHROPIC_API_KEY'] = getpass.getpass(). Then resume the task. Or use the model 'rehearsal'"
)


class Connection:
    """An address, credentials, and the open sockets to it; belongs to one event loop.

    `first_bytes` and `idle` are the seconds of silence to bear before an answer begins and after that.
    """

    def __init__(self, *, idle: float, first_bytes: float, api_key: str | None, base_url: str | None) -> None:
        timeout = httpx2.Timeout(_WHOLE, connect=_CONNECT, read=first_bytes)
        try:
            # The agent tries again by itself, durably.
            self._client = anthropic.AsyncAnthropic(max_retries=0, timeout=timeout, api_key=api_key, base_url=base_url)
            self._messages = self._client.messages  # imports the rest of the SDK, here and not on the loop
        except (anthropic.AnthropicError, httpx2.InvalidURL, ValueError, OSError) as error:
            raise ModelFailed(f"the connection to the model cannot be set up: {error}") from None
        self._idle = idle
        self._first = first_bytes

    async def answer(self, request: ModelRequest, on_text: Callable[[str], None]) -> ModelAnswer:
        """Ask for one answer and read it to its end."""
        gathering = Gathering(on_text)
        try:
            response = await self._send(request)
            try:
                await self._read(response, gathering)
            finally:
                await response.aclose()
        except EndoError as error:
            raise _without_secrets(error, self._secrets()) from None
        return gathering.answer()

    async def close(self) -> None:
        """Close the sockets."""
        await self._client.close()

    async def _send(self, request: ModelRequest) -> httpx2.Response:
        try:
            stream = await (self._compacting(request) if request.compact else self._messages.create(**_parameters(request)))
        except (anthropic.AnthropicError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _refusal(error) from None
        except (TypeError, ValueError) as error:  # raised by the SDK before it sends anything
            words = _NO_CREDENTIALS if "authentication" in str(error) else f"the request cannot be made: {error}"
            raise ModelFailed(words) from None
        response: httpx2.Response = stream.response
        return response

    async def _compacting(self, request: ModelRequest) -> Any:
        messages: Any = await asyncio.to_thread(lambda: self._client.beta.messages)  # imports more of the SDK
        return await messages.create(**_parameters(request), betas=[BETA], context_management=EDITS)

    async def _read(self, response: httpx2.Response, gathering: Gathering) -> None:
        try:
            async with aclosing(self._chunks(response)) as chunks:
                async for data in read_events(chunks):
                    gathering.feed(data)
                    if gathering.complete:
                        return
        except TimeoutError:
            raise ModelUnavailable("the model fell silent in the middle of its answer") from None
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise ModelUnavailable(f"the connection broke in the middle of the model's answer: {_told(error)}") from None

    async def _chunks(self, response: httpx2.Response) -> AsyncGenerator[bytes]:
        limit = self._first
        arriving = response.aiter_bytes()
        while True:
            async with asyncio.timeout(limit):
                chunk = await anext(arriving, None)
            if chunk is None:
                return
            yield chunk
            limit = self._idle

    def _secrets(self) -> list[str]:
        headers = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines()
        return [
            self._client.api_key or "",
            self._client.auth_token or "",
            self._client.base_url.password,
            *(line.partition(":")[2].strip() for line in headers),
        ]


def _parameters(request: ModelRequest) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": request.messages,
        "cache_control": {"type": "ephemeral"},
        "stream": True,
    }
    given = {"system": request.system, "tools": request.tools, "thinking": request.thinking}
    return {**parameters, **{key: value for key, value in given.items() if value}}


def _refusal(error: Exception) -> ModelFailed | ModelUnavailable:
    if isinstance(error, anthropic.APIStatusError):
        return refused(
            error.status_code,
            kind=error.type,
            words=str(error.api_message or error.message),
            request_id=error.request_id,
            headers=error.response.headers,
        )
    cause = error.__cause__ or error
    if isinstance(cause, httpx2.LocalProtocolError | UnicodeError):
        # Its text would quote the header, and with it the key.
        return ModelFailed("the request cannot be sent: the key or a header holds characters that HTTP does not allow")
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return ModelFailed(f"the address of the model cannot be used: {cause}. ANTHROPIC_BASE_URL needs http:// or https://")
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException):
        return ModelUnavailable(f"the model did not answer in time: {_told(cause)}")
    if isinstance(error, anthropic.APIConnectionError | anthropic.RetryableError | httpx2.HTTPError):
        return ModelUnavailable(f"the model cannot be reached: {_told(cause)}")
    return ModelFailed(f"the model cannot be called: {_told(error)}")


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _without_secrets(error: EndoError, secrets: list[str]) -> EndoError:
    words = without_secrets(str(error), secrets)
    return ModelUnavailable(words, retry_after=error.retry_after) if isinstance(error, ModelUnavailable) else ModelFailed(words)
