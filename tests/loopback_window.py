"""The window of a model behind the loopback server: what it reads of a conversation, and how it compacts one when it is asked to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from tests.loopback_rules import RefusedError
from tests.loopback_script import Answer, Block

BETA = "compact-2026-01-12"
EDIT = "compact_20260112"


def read_by_model(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what the model reads: everything from the newest compaction block on."""
    for index in range(len(messages) - 1, -1, -1):
        content = messages[index]["content"]
        places = [place for place, block in enumerate(content) if isinstance(block, dict) and block.get("type") == "compaction"]
        if places:
            return [{**messages[index], "content": content[places[-1] :]}, *messages[index + 1 :]]
    return messages


def tokens(body: Mapping[str, Any]) -> int:
    """Count what the model reads, at four characters a token."""
    return len(json.dumps({**body, "messages": read_by_model(body["messages"])})) // 4


def check_window(body: Mapping[str, Any], headers: Mapping[str, str], window: int | None) -> None:
    """Raise RefusedError for a prompt that is longer than the window, and for what only the beta knows."""
    asked = BETA in headers.get("anthropic-beta", "")
    if not asked and ("context_management" in body or read_by_model(body["messages"]) is not body["messages"]):
        raise RefusedError("context_management: Extra inputs are not permitted")
    if window is not None and tokens(body) > window:
        raise RefusedError(f"prompt is too long: {tokens(body)} tokens > {window} maximum", recorded=False)


def compacted(body: Mapping[str, Any], answer: Answer) -> Answer:
    """Give the answer as it is where the request asks for compaction and has reached its trigger: a summary first."""
    edits = body.get("context_management", {}).get("edits", [])
    triggers = [edit.get("trigger", {}).get("value", 150_000) for edit in edits if edit["type"] == EDIT]
    if answer.status != 200 or not triggers or tokens(body) < triggers[0]:
        return answer
    summary: Block = {
        "type": "compaction",
        "content": f"Summary of {len(body['messages'])} messages.",
        "encrypted_content": uuid4().hex,
    }
    after = {**body, "messages": [{"role": "assistant", "content": [summary]}]}
    beside = {"type": "compaction", "input_tokens": tokens(body), "output_tokens": 100, "cache_read_input_tokens": 0}
    usage = {"input_tokens": tokens(after), "iterations": [beside, {"type": "message"}], **(answer.usage or {})}
    return replace(answer, blocks=[summary, *answer.blocks], usage=usage)
