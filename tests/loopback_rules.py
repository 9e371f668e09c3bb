"""The rules of the Messages API that a durable conversation could break, as the loopback server holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]
Message = dict[str, Any]
_BOUND = "bound to a different conversation"


class RefusedError(Exception):
    """The API refuses a request. `recorded` says that a client which keeps the rules never gets this."""

    def __init__(self, words: str, status: int = 400, kind: str = "invalid_request_error", *, recorded: bool = True) -> None:
        super().__init__(words)
        self.status = status
        self.kind = kind
        self.recorded = recorded


class Rules:
    """What the API accepts; remembers the conversations it has answered.

    A conversation is told by its first message. What was once answered may only grow: its system text, tools, model and
    parameters stay, and so does every message.
    """

    def __init__(self) -> None:
        self._answered: list[tuple[dict[str, Any], list[Message]]] = []
        self._given: dict[str, list[str]] = {}
        self._paused: set[str] = set()

    def check(self, body: Mapping[str, Any]) -> None:
        """Raise RefusedError where the API would answer with 400."""
        messages = body.get("messages")
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
            raise RefusedError("max_tokens: Field required")
        if not isinstance(messages, list) or not messages:
            raise RefusedError("messages: at least one message is required")
        if messages[0].get("role") != "user":
            raise RefusedError("messages: first message must use the user role")
        if messages[-1].get("role") == "assistant" and _turn_digest(messages[-1]["content"]) not in self._paused:
            raise RefusedError("This model does not support assistant message prefill. The conversation must end with a user message.")
        _check_tools(body.get("tools") or [])
        for index, message in enumerate(messages):
            _check_content(index, message)
        _check_pairing(messages)
        self._check_prefix(body, messages)
        self._check_assistant(body, messages)

    def _check_prefix(self, body: Mapping[str, Any], messages: list[Message]) -> None:
        known = [(fixed, sent) for fixed, sent in self._answered if _digest(sent[0]) == _digest(messages[0])]
        if not known or len(messages) == 1:
            return
        grown = [fixed for fixed, sent in known if _digest(messages[: len(sent)]) == _digest(sent)]
        if not grown:
            raise RefusedError(f"messages: {_BOUND}: messages that were answered before have changed")
        now = _fixed(body)
        if now not in grown:
            changed = sorted(key for key in now | grown[0] if now.get(key) != grown[0].get(key))
            raise RefusedError(f"{_BOUND}: {', '.join(changed)} changed since it began")

    def _check_assistant(self, body: Mapping[str, Any], messages: list[Message]) -> None:
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            given = self._given.get(_prefix(body, messages[:index]))
            if given is not None and _turn_digest(message["content"]) not in given:
                raise RefusedError(f"messages.{index}: {_BOUND}: this is not what the model answered here")
            for block in _blocks(message):
                if block.get("type") == "thinking" and block.get("signature") != _signature(body, messages[:index], block["thinking"]):
                    raise RefusedError(f"messages.{index}: Invalid signature in thinking block: {_BOUND}")

    def sign(self, body: Mapping[str, Any], blocks: Sequence[Block]) -> list[Block]:
        """Give the blocks with their thinking signed for this place of this conversation."""
        return [
            {**block, "signature": _signature(body, body["messages"], block["thinking"])} if block["type"] == "thinking" else block
            for block in blocks
        ]

    def remember(self, body: Mapping[str, Any], blocks: Sequence[Block], *, paused: bool = False) -> None:
        """Keep what was asked and answered."""
        self._answered.append((_fixed(body), list(body["messages"])))
        digest = _turn_digest(blocks)
        self._given.setdefault(_prefix(body, body["messages"]), []).append(digest)
        if paused:
            self._paused.add(digest)


def check_conversation(messages: Sequence[Message]) -> None:
    """Raise RefusedError where a conversation by itself could not be sent."""
    for index, message in enumerate(messages):
        _check_content(index, message)
    _check_pairing(list(messages))


def _check_tools(tools: Sequence[Mapping[str, Any]]) -> None:
    names = [tool.get("name") for tool in tools]
    if len(set(names)) != len(names):
        raise RefusedError("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if tool.get("input_schema", {}).get("type") != "object":
            raise RefusedError(f"tools.{index}.custom.input_schema.type: Field required")


def _check_content(index: int, message: Message) -> None:
    if message.get("role") not in ("user", "assistant"):
        raise RefusedError(f"messages.{index}.role: Input should be 'user' or 'assistant'")
    blocks = _blocks(message)
    if not blocks:
        raise RefusedError(f"messages.{index}: all messages must have non-empty content")
    texts = [block["text"] for block in blocks if block.get("type") == "text"]
    if any(not words for words in texts):
        raise RefusedError("messages: text content blocks must be non-empty")
    if texts and not any(words.strip() for words in texts):
        raise RefusedError("messages: text content blocks must contain non-whitespace text")
    if any(not isinstance(block.get("input"), dict) for block in blocks if block.get("type") == "tool_use"):
        raise RefusedError(f"messages.{index}.content: tool_use.input: Input should be a valid dictionary")


def _check_pairing(messages: list[Message]) -> None:
    seen: set[str] = set()
    for index, message in enumerate(messages):
        uses = [block["id"] for block in _blocks(message) if block.get("type") == "tool_use"] if message["role"] == "assistant" else []
        if len(set(uses)) != len(uses) or seen & set(uses):
            raise RefusedError(f"messages.{index}: `tool_use` ids must be unique")
        seen |= set(uses)
        _check_results(index, uses, messages[index + 1] if index + 1 < len(messages) else None)
    if any(block.get("type") == "tool_result" for block in _blocks(messages[0])):
        raise RefusedError("messages.0: unexpected `tool_use_id` found in `tool_result` blocks")


def _check_results(index: int, uses: list[str], after: Message | None) -> None:
    blocks = _blocks(after) if after is not None and after["role"] == "user" else []
    results = [block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"]
    missing = [use for use in uses if use not in results]
    if missing:
        raise RefusedError(
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    if after is not None and (len(set(results)) != len(results) or set(results) - set(uses)):
        raise RefusedError(f"messages.{index + 1}: unexpected `tool_use_id` found in `tool_result` blocks")
    if any(block.get("type") != "tool_result" for block in blocks[: len(results)]):
        raise RefusedError(f"messages.{index + 1}: tool_result blocks must come first")


def _blocks(message: Message) -> list[Block]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _fixed(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("messages", "stream", "context_management")}


def _prefix(body: Mapping[str, Any], messages: Sequence[Message]) -> str:
    return _digest([body.get("system"), body.get("tools"), list(messages)])


def _signature(body: Mapping[str, Any], messages: Sequence[Message], words: str) -> str:
    return f"sig.{_digest([_prefix(body, messages), words])}=="


def _turn_digest(content: Sequence[Block] | str) -> str:
    # Blank text may be left out of what is sent back: the API gives it and does not take it.
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return _digest([block for block in blocks if block["type"] != "text" or block["text"].strip()])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
