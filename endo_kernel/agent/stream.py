"""The streamed events of one answer, gathered into one assistant turn.

Blocks are kept as the API gave them, also those of kinds that this program does not know. An answer exists only when the stream
has said that it is complete; whatever ends before that, or does not follow the protocol, raises ModelUnavailable.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping

from endo_kernel.agent.refusals import refused_in_stream
from endo_kernel.errors import ModelFailed, ModelUnavailable
from endo_kernel.powers import Json, ModelAnswer

_USAGE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}
_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}
_SHOWN = 80


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Give the data of each server-sent event; an event that is cut off is not given."""
    pending = b""
    data: list[bytes] = []
    async for chunk in chunks:
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" ").rstrip(b"\r"))
            elif not line.rstrip(b"\r") and data:
                yield _decoded(b"\n".join(data))
                data = []


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ModelUnavailable(f"the model's answer is not readable: {error}") from None


class Gathering:
    """One answer while its events arrive. Lives for one call."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._started = False
        self._blocks: dict[int, _Block] = {}
        self._open: set[int] = set()
        self._usage: dict[str, Json] = {}
        self._stop: dict[str, Json] = {}
        self.complete = False

    def feed(self, data: str) -> None:
        """Take the data of one event; raises ModelUnavailable where it does not follow the protocol."""
        if data == "[DONE]":  # some gateways end every stream so
            return
        try:
            text = self._take(_parsed(data))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise ModelUnavailable(f"the model's answer broke off in a malformed event: {data[:_SHOWN]!r}") from None
        if text:
            self._on_text(text)

    def _take(self, event: Mapping[str, Json]) -> str:
        kind = event["type"]
        if kind == "error":
            raise refused_in_stream(event.get("error"))
        if kind == "message_start":
            self._start(event["message"])
        elif kind == "content_block_start":
            return self._begin(event["index"], event["content_block"])
        elif kind == "content_block_delta":
            return self._block(event["index"]).take(event["delta"])
        elif kind == "content_block_stop":
            self._block(event["index"])
            self._open.remove(event["index"])
        elif kind == "message_delta":
            self._stop.update({key: value for key, value in event["delta"].items() if value is not None})
            self._count(event.get("usage"))
        elif kind == "message_stop":
            self._finish()
        return ""  # pings, and kinds of events that came later than this program, change nothing

    def _start(self, message: Mapping[str, Json]) -> None:
        if self._started:
            raise ValueError("a second message_start")
        self._started = True
        self._count(message.get("usage"))
        for index, block in enumerate(message.get("content") or ()):
            self._blocks[index] = _Block(block)

    def _begin(self, index: Json, block: Mapping[str, Json]) -> str:
        if not self._started or not isinstance(index, int) or index in self._blocks:
            raise ValueError("a block out of order")
        self._blocks[index] = _Block(block)
        self._open.add(index)
        return str(block["text"]) if block["type"] == "text" else ""

    def _block(self, index: int) -> _Block:
        if index not in self._open:
            raise ValueError("no such block is open")
        return self._blocks[index]

    def _count(self, usage: Mapping[str, Json] | None) -> None:
        # Counts of later events are totals: they replace, and what they leave out stays.
        if usage is not None:
            self._usage.update({key: value for key, value in usage.items() if value is not None})

    def _finish(self) -> None:
        if not self._started or self._open or not isinstance(self._stop.get("stop_reason"), str):
            raise ValueError("the message ends before its parts")
        self.complete = True

    def answer(self) -> ModelAnswer:
        """Give the complete answer; raises ModelUnavailable where the stream ended before it was complete."""
        if not self.complete:
            raise ModelUnavailable("the model's answer broke off before its end")
        malformed: dict[str, str] = {}
        content = [self._blocks[index].finished(malformed) for index in sorted(self._blocks)]
        ids = [block.get("id") for block in content if block["type"] == "tool_use"]
        if len(set(ids)) != len(ids) or not _sendable(content):
            raise ModelUnavailable("the model's answer could not be sent back as it is: two tool uses share an id, or its text is broken")
        stop = str(self._stop["stop_reason"])
        if stop == "max_tokens":
            malformed = {use: f"{wrong} (the answer reached max_tokens here)" for use, wrong in malformed.items()}
        return ModelAnswer(
            content=_accepted(content),
            stop_reason=stop,
            usage=_counted(self._usage),
            stop_details=_details(self._stop.get("stop_details")),
            malformed=malformed,
        )


class _Block:
    """One content block while it arrives."""

    def __init__(self, start: Mapping[str, Json]) -> None:
        self._block = dict(start)
        if self._block["type"] == "tool_use" and not (self._block["id"] and self._block["name"]):
            raise ValueError("a tool use without an id or a name")
        self._pieces: dict[str, list[str]] = {}
        self._arguments: list[str] = []

    def take(self, delta: Mapping[str, Json]) -> str:
        """Add a delta; gives the text that it adds for a reader."""
        kind = delta["type"]
        if kind in _TEXTS:
            piece: str = delta[_TEXTS[kind]]
            self._pieces.setdefault(_TEXTS[kind], [self._block[_TEXTS[kind]]]).append(piece)
            return piece if kind == "text_delta" else ""
        if kind == "input_json_delta":
            self._arguments.append(delta["partial_json"])
        elif kind == "signature_delta":
            self._block["signature"] = delta["signature"]
        elif kind == "compaction_delta":
            self._block.update({key: value for key, value in delta.items() if key != "type"})
        elif kind == "citations_delta":
            self._block["citations"] = [*(self._block.get("citations") or []), delta["citation"]]
        else:
            raise ModelFailed(f"the model's answer has a part that this version cannot keep exactly: {kind!r}. A later version may.")
        return ""

    def finished(self, malformed: dict[str, str]) -> dict[str, Json]:
        """Give the whole block; what is wrong with its arguments, if anything, goes into `malformed`."""
        for key, pieces in self._pieces.items():
            self._block[key] = "".join(pieces)
        arguments = "".join(self._arguments)
        if arguments or self._block["type"] == "tool_use":
            given = self._block.get("input")
            parsed, wrong = parse_arguments(arguments) if arguments else _as_object(given if given is not None else {})
            self._block["input"] = parsed
            if wrong:
                malformed[str(self._block.get("id"))] = wrong
        return self._block


def parse_arguments(text: str) -> tuple[dict[str, Json], str | None]:
    """Parse the arguments of a tool use; where they are not a JSON object, give an empty one and what was wrong."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not JSON: {error}"
    return _as_object(value)


def _as_object(value: Json) -> tuple[dict[str, Json], str | None]:
    if not isinstance(value, dict):
        return {}, f"the arguments are a JSON {type(value).__name__}, not an object"
    if not _sendable(value):
        return {}, "the arguments hold half of a surrogate pair, which is not text"
    return value, None


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not in JSON")


def _parsed(data: str) -> Mapping[str, Json]:
    event = json.loads(data, parse_constant=_refuse_constant)
    if not isinstance(event, dict):
        raise TypeError("an event that is not an object")
    return event


def _sendable(value: Json) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _accepted(content: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Leave out the text blocks that the API itself gives and does not take back.

    It refuses an empty text block anywhere, and blank ones where a message has no other text.
    """
    texts = [block["text"] for block in content if block["type"] == "text"]
    keep_blank = any(text.strip() for text in texts)
    return [block for block in content if block["type"] != "text" or block["text"].strip() or (block["text"] and keep_blank)]


def _details(details: Json) -> str | None:
    if not isinstance(details, dict):
        return None
    told = [str(details[key]) for key in ("category", "explanation") if details.get(key)]
    return ": ".join(told) or None


def _counted(usage: Mapping[str, Json]) -> dict[str, int]:
    """Count the tokens by kind. What a compaction took stands beside the totals, not in them."""
    beside = [one for one in usage.get("iterations") or () if isinstance(one, dict) and one.get("type") == "compaction"]
    return {ours: sum(_tokens(one.get(theirs)) for one in (usage, *beside)) for ours, theirs in _USAGE.items()}


def _tokens(count: Json) -> int:
    return count if isinstance(count, int) else 0
