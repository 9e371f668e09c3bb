"""What an agent is told about the end of each of its tool uses: JSON text, bounded, and images as image blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from endo_kernel.conversation import Result
from endo_kernel.powers import Failure, Json

_TEXT = 4_000
_IMAGES = 4
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def done(
    tool_use: str,
    *,
    name: str | None,
    summary: Mapping[str, Json],
    output: Iterable[Mapping[str, Json]] = (),
    code: str | None = None,
    note: str | None = None,
) -> Result:
    """Tell that approved code ran: the result's name, a bounded summary, what it printed; and the code, where the host edited it."""
    shown = dict(summary)
    image = shown.pop("image", None)
    images = [image] if image else []
    told: dict[str, Json] = {"status": "done", "result": name, "value": shown, "output": printed(output)}
    if code is not None:
        told["code"] = code
        told["note"] = "The host changed the code before running it; this is the code that ran."
    if note:
        told["note"] = note
    return Result(tool_use, [_json(told), *_images([*images, *pictures(output)])])


def failed(tool_use: str, failure: Failure, output: Iterable[Mapping[str, Json]] = (), code: str | None = None) -> Result:
    """Tell that approved code failed, with the traceback of that code."""
    told = {
        "status": "failed",
        "error": f"{failure.type}: {failure.message}",
        "traceback": _cut(failure.traceback),
        "output": printed(output),
    }
    if code is not None:
        told["code"] = code
    return Result(tool_use, [_json(told)], is_error=True)


def refused(tool_use: str, status: str, reason: str) -> Result:
    """Tell that a card ended without running: rejected, withdrawn, expired, or for want of its input."""
    return Result(tool_use, [_json({"status": status, "reason": reason})], is_error=True)


def wrong(tool_use: str, sentence: str) -> Result:
    """Tell what is wrong with a call, so that the agent can change it."""
    return Result(tool_use, [_block(sentence)], is_error=True)


def told(tool_use: str, value: Mapping[str, Json]) -> Result:
    """Tell the outcome of a tool that needs nobody."""
    shown = dict(value)
    image = shown.pop("image", None)
    return Result(tool_use, [_json(shown), *_images([image] if image else [])])


def printed(output: Iterable[Mapping[str, Json]]) -> str:
    """Give what code printed or displayed as text, bounded."""
    parts = []
    for item in output:
        if item["kind"] == "stream":
            parts.append(item["text"])
        elif not any(kind in item["data"] for kind in _IMAGE_TYPES):
            parts.append(str(item["data"].get("text/plain", "")) + "\n")
    return _cut("".join(parts))


def pictures(output: Iterable[Mapping[str, Json]]) -> list[dict[str, str]]:
    """Give the images that code displayed."""
    found = []
    for item in output:
        if item["kind"] == "display":
            kind = next((kind for kind in _IMAGE_TYPES if kind in item["data"]), None)
            if kind:
                found.append({"media_type": kind, "data": "".join(item["data"][kind].split())})
    return found


def _images(images: list[dict[str, Any]]) -> list[dict[str, Json]]:
    return [
        {"type": "image", "source": {"type": "base64", "media_type": image["media_type"], "data": image["data"]}}
        for image in images[:_IMAGES]
    ]


def _json(value: Mapping[str, Json]) -> dict[str, Json]:
    return _block(json.dumps(value, ensure_ascii=False))


def _block(text: str) -> dict[str, Json]:
    """Make a text block. Half of a surrogate pair, which code can print and nothing can send, becomes a question mark."""
    return {"type": "text", "text": text.encode("utf-8", "replace").decode()}


def _cut(text: str) -> str:
    if len(text) <= _TEXT:
        return text
    half = _TEXT // 2
    return f"{text[:half]}\n... {len(text) - _TEXT:,} characters left out ...\n{text[-half:]}"
