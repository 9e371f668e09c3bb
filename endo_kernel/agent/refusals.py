"""What a refusal of the Messages API means for a task: try again later, or not unless something changes.

A refusal is told in the API's own words. No key, nor a piece of one, is ever part of them.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

from endo_kernel.errors import ModelFailed, ModelUnavailable
from endo_kernel.powers import Json

# As the SDK retries them; 425 and 499 say of themselves that the request was not looked at.
_PASSING_STATUS = frozenset({408, 409, 425, 429, 499})
_LASTING_TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
    }
)
OUTGROWN = (
    "The conversation no longer fits the model's window. Start another task with endo.task(...), and bind in it what this one made: "
    "endo.names lists it"
)
"""What to do about a conversation that has outgrown a model that does not compact."""

# In the words of the Messages API, llama.cpp and vLLM.
_TOO_LONG = re.compile(r"prompt is too long|(available|maximum) context|context (size|length|window)", re.IGNORECASE)
_WORDS = 500
_FRAGMENT = 6
_KEY_SHAPED = re.compile(r"\b(sk|pk|key)-[\w*.\-]{4,}")
_RUN = re.compile(rf"[\w\-]{{{_FRAGMENT},}}")


def refused(
    status: int, *, kind: str | None, words: str, request_id: str | None, headers: Mapping[str, str]
) -> ModelFailed | ModelUnavailable:
    """Make the error for an answer of the API with an error status."""
    told = ", ".join([*([kind] if kind else []), f"status {status}", *([f"request {request_id}"] if request_id else [])])
    said = _bounded(words)
    if _passes(status, headers):
        return ModelUnavailable(f"the model is not available for now: {said} ({told})", retry_after=retry_after(headers))
    return ModelFailed(f"the model refused the request: {said} ({told}){_advice(said)}")


def _passes(status: int, headers: Mapping[str, str]) -> bool:
    # The API may overrule the status: a spending limit is a 429 that waiting does not lift.
    asked = headers.get("x-should-retry")
    if asked in ("true", "false"):
        return asked == "true"
    return status in _PASSING_STATUS or status >= 500


def refused_in_stream(error: Json) -> ModelFailed | ModelUnavailable:
    """Make the error for an error event inside a stream."""
    body = error if isinstance(error, dict) else {}
    kind, words = str(body.get("type") or "error"), _bounded(str(body.get("message") or "no reason was given"))
    if kind in _LASTING_TYPES:
        return ModelFailed(f"the model refused the request: {words} ({kind}){_advice(words)}")
    return ModelUnavailable(f"the model broke its answer off: {words} ({kind})")


def _advice(words: str) -> str:
    return f". {OUTGROWN}" if _TOO_LONG.search(words) else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds the server asks to wait, from a number or an HTTP date; None where it does not say."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    asked = headers.get("retry-after")
    seconds = _number(asked)
    if seconds is None and asked is not None:
        until = _timestamp(asked)
        # The server's own clock, where it tells it, makes the two computers' difference harmless.
        now = _timestamp(headers.get("date", "")) or time.time()
        seconds = until - now if until is not None else None
    return None if seconds is None else max(0.0, seconds)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _timestamp(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Give the text without these secrets, without pieces of them, and without whatever else has the shape of a key."""
    held = [secret for secret in secrets if secret]
    for secret in held:
        text = text.replace(secret, "[key]")
    text = _KEY_SHAPED.sub("[key]", text)
    return _RUN.sub(lambda run: "[key]" if any(run[0] in secret for secret in held) else run[0], text)


def _bounded(words: str) -> str:
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= _WORDS else one_line[: _WORDS - 4] + " ..."
