"""What a loopback Messages API is told to say: answers, faults on their way, and their order."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Block = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer, and how it goes wrong on the way, if it does."""

    blocks: Sequence[Block] = ()
    stop_reason: str | None = None
    stop_details: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] | None = None
    status: int = 200
    kind: str = "api_error"
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    garbage_after: int | None = None
    garbage: bytes = b""
    arguments: str | None = None
    hold: threading.Event | None = None

    @property
    def whole(self) -> bool:
        """Whether the client gets all of it."""
        return self.status == 200 and self.cut_after is None and self.stall_after is None and self.garbage_after is None


def text(words: str) -> Block:
    """A text block."""
    return {"type": "text", "text": words}


def use(tool: str, arguments: Mapping[str, Any] | None = None, key: str | None = None) -> Block:
    """A tool use block with an id of its own."""
    return {"type": "tool_use", "id": key or f"toolu_{uuid4().hex[:24]}", "name": tool, "input": dict(arguments or {})}


def thinking(words: str) -> Block:
    """A thinking block; the server signs it, and checks the signature when it comes back."""
    return {"type": "thinking", "thinking": words, "signature": ""}


def redacted(data: str = "c2VjcmV0") -> Block:
    """A redacted thinking block."""
    return {"type": "redacted_thinking", "data": data}


class Script:
    """What will be said, in order."""

    def __init__(self) -> None:
        self._coming: deque[Answer | Callable[[dict[str, Any]], Answer]] = deque()
        self._always: Callable[[dict[str, Any]], Answer] | None = None

    def will_turn(self, blocks: Sequence[Block], **how: Any) -> None:
        """Answer with these blocks; the rest are fields of Answer."""
        self._coming.append(Answer(list(blocks), **how))

    def will_say(self, words: str, **how: Any) -> None:
        """Answer with a text."""
        self.will_turn([text(words)], **how)

    def will_use(self, *, say: str = "", how: Mapping[str, Any] | None = None, **tools: Mapping[str, Any]) -> None:
        """Answer with one use of each of these tools, after a text where one is given."""
        blocks = [text(say)] if say else []
        self.will_turn([*blocks, *(use(tool, arguments) for tool, arguments in tools.items())], **(how or {}))

    def will_use_many(self, count: int, tool: str, arguments: Callable[[int], Mapping[str, Any]]) -> None:
        """Answer with many uses of one tool in one turn."""
        self.will_turn([use(tool, arguments(index)) for index in range(count)])

    def will_use_unreadable(self, tool: str, arguments: str, **how: Any) -> None:
        """Answer with a tool use whose arguments are this text, JSON or not."""
        self.will_turn([use(tool)], arguments=arguments, **how)

    def will_fail(
        self, status: int, message: str = "", *, kind: str = "api_error", retry_after: float | str | None = None, times: int = 1, **how: Any
    ) -> None:
        """Answer with an error status, so many times."""
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        said = message or f"status {status} was asked for"
        self._coming.extend([Answer(status=status, message=said, kind=kind, headers={**headers, **how.pop("headers", {})}, **how)] * times)

    def will_overload(self, times: int = 1, **how: Any) -> None:
        """Answer that the API is overloaded."""
        self.will_fail(529, "Overloaded", kind="overloaded_error", times=times, **how)

    def will_cut(self, blocks: Sequence[Block] | None = None, *, after: int = 3) -> None:
        """Close the connection after so many events."""
        self.will_turn(blocks or [text("This sentence has no")], cut_after=after)

    def will_stall(self, blocks: Sequence[Block] | None = None, *, after: int = 3) -> None:
        """Fall silent after so many events, and keep the connection."""
        self.will_turn(blocks or [text("This sentence has no")], stall_after=after)

    def will_babble(self, garbage: bytes = b'event: content_block_delta\ndata: {"type": "content_bl\n\n', *, after: int = 3) -> None:
        """Send bytes that are no event after so many events, then go on."""
        self.will_turn([text("This sentence is broken.")], garbage_after=after, garbage=garbage)

    def will_break_off(self, kind: str = "overloaded_error", message: str = "Overloaded", *, after: int = 3) -> None:
        """Send an error event after so many events."""
        error = {"type": "error", "error": {"type": kind, "message": message}}
        self.will_babble(sse("error", error), after=after)

    def will_refuse(self, explanation: str = "this could do harm", category: str | None = "cyber") -> None:
        """Stop with a refusal."""
        self.will_turn([], stop_reason="refusal", stop_details={"type": "refusal", "category": category, "explanation": explanation})

    def will_run_out(self, tool: str = "define", arguments: str = '{"title": "Half a def') -> None:
        """Reach max_tokens inside a tool use."""
        self.will_use_unreadable(tool, arguments, stop_reason="max_tokens")

    def will_outgrow(self, blocks: Sequence[Block] = ()) -> None:
        """Stop because the context window is full."""
        self.will_turn(blocks, stop_reason="model_context_window_exceeded")

    def will_pause(self, words: str = "I have to take a breath.") -> None:
        """Stop with pause_turn: the same content, sent back, goes on."""
        self.will_turn([text(words)], stop_reason="pause_turn")

    def will_say_nothing(self) -> None:
        """Answer with an empty turn."""
        self.will_turn([])

    def will_answer(self, answer: Callable[[dict[str, Any]], Answer]) -> None:
        """Answer every request that no other answer waits for with a function of its body."""
        self._always = answer

    def next(self, body: dict[str, Any]) -> Answer | None:
        """Give the answer to a request, or None where nothing was told."""
        if self._coming:
            coming = self._coming.popleft()
            return coming(body) if callable(coming) else coming
        return self._always(body) if self._always else None

    @property
    def left(self) -> int:
        """How many answers have not been given yet."""
        return len(self._coming)


def sse(name: str, data: Mapping[str, Any]) -> bytes:
    """Give one server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
