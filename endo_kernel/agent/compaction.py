"""What is done when a conversation outgrows its model's window: the API is asked to compact it, where the model has that.

The API then summarises what came before in a block, which is kept and sent back as it came. The record keeps every message, and every
message is still sent; the model reads from the newest such block on. Below the threshold nothing of this is sent, so that a plain server
never hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from endo_kernel.conversation import Turn

THRESHOLD = 100_000
"""Tokens that a model has read for one answer, from which on compaction is asked for: half of the smallest window of these models."""

BETA = "compact-2026-01-12"
EDITS: dict[str, Any] = {"edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": THRESHOLD}}]}
"""What a request says so that the API compacts it by itself."""


def has_outgrown(turns: Iterable[Turn]) -> bool:
    """Tell whether a conversation has grown so far. Once it has, it stays so: the blocks that it then holds are known to the beta alone."""
    return any(turn.read >= THRESHOLD or turn.compacted for turn in turns)
