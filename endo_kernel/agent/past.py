"""What a conversation says has happened: read from its raw messages alone, as a model has to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from endo_kernel.errors import ModelFailed
from endo_kernel.powers import Json

Message = Mapping[str, Json]
_WITHOUT_HOST = ("plan", "store", "list_names", "lookup")
_UNDONE = ("rejected", "withdrawn", "expired", "failed")


@dataclass(frozen=True, slots=True)
class Happened:
    """What one user message told: how the last proposals ended, why, and what the host wrote.

    `outcome` is "said" where nothing was proposed, else "done" where all of it was done, else how the first of the others ended.
    """

    outcome: str
    reason: str
    host: str


@dataclass(slots=True)
class Told:
    """What the results so far have told. `names` maps what the agent called a result to what it is called now."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Json] = field(default_factory=dict)

    def read(self, message: Message, uses: Sequence[Mapping[str, Json]]) -> Happened:
        """Read a user message that answers these tool uses."""
        by_id = {block["tool_use_id"]: block for block in blocks(message) if block.get("type") == "tool_result"}
        outcome, reason = "said" if not uses else "done", ""
        for use in uses:
            ended, words = self._settle(use, by_id[use["id"]])
            if ended != "done" and outcome == "done" and use["name"] not in _WITHOUT_HOST:
                outcome, reason = ended, words
        return Happened(outcome, reason, host_text(message))

    def _settle(self, use: Mapping[str, Json], result: Mapping[str, Json]) -> tuple[str, str]:
        text = _text(blocks({"content": result.get("content", "")}))
        told = _object(text)
        if result.get("is_error"):
            status = str(told.get("status") or next((word for word in _UNDONE if word in text.lower()), "failed"))
            return status if status in _UNDONE else "failed", str(told.get("reason") or told.get("error") or text)
        if use["name"] == "form":
            self.values["answers"] = told.get("values", told)
        elif use["name"] in ("define", "request"):
            value = told.get("value")
            self.values["value"] = value["json"] if isinstance(value, dict) and "json" in value else value
            self.values["output"] = str(told.get("output") or "").strip()
            asked = use["input"].get("result")
            if asked:
                self.names[asked] = str(told.get("result") or asked)
                self.values[asked] = self.values["value"]
        return "done", ""


def blocks(message: Message) -> list[Mapping[str, Json]]:
    """Give the content blocks of a message, also where its content is a plain string."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def tool_uses(message: Message) -> list[Mapping[str, Json]]:
    """Give the tool uses of an assistant message."""
    return [block for block in blocks(message) if block.get("type") == "tool_use"] if message["role"] == "assistant" else []


def host_text(message: Message) -> str:
    """Give what the host wrote in a user message."""
    return _text(blocks(message))


def check_conversation(messages: Sequence[Message]) -> None:
    """Raise ModelFailed where the Messages API would not take the conversation."""
    if not messages or messages[0]["role"] != "user" or messages[-1]["role"] != "user":
        raise ModelFailed("the conversation must begin and end with a user message")
    before: Message = {"role": "assistant", "content": []}
    for index, message in enumerate(messages):
        found = blocks(message)
        if not found or any(block.get("type") == "text" and not block["text"] for block in found):
            raise ModelFailed(f"messages.{index}: content must not be empty")
        results = [block.get("tool_use_id") for block in found if block.get("type") == "tool_result"]
        asked = [use["id"] for use in tool_uses(before)]
        if sorted(map(str, results)) != sorted(map(str, asked)):
            raise ModelFailed(f"messages.{index}: each tool_use needs one tool_result in the next message: asked {asked}, got {results}")
        if any(block.get("type") != "tool_result" for block in found[: len(results)]):
            raise ModelFailed(f"messages.{index}: tool results come before text")
        before = message


def _text(found: Iterable[Mapping[str, Json]]) -> str:
    return "\n".join(str(block["text"]) for block in found if block.get("type") == "text")


def _object(text: str) -> dict[str, Json]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
