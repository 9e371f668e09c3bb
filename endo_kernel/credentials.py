"""The credentials that this process holds for the model, kept out of everything that is stored, shown or told to a model.

A step of the notebook realm can read the environment, as any cell can. What it prints or gives back is kept without them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from endo_kernel.powers import Failure, Json, Outcome
from endo_kernel.values import Kept

NAMES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_SHORTEST = 8
_INSTEAD = "[credential]"


def held() -> list[str]:
    """Give the credentials that the environment holds now; what is too short to be one is no secret."""
    return [value for name in NAMES if len(value := os.environ.get(name, "")) >= _SHORTEST]


def without(value: Json, secrets: list[str]) -> Any:
    """Give JSON with each secret in its texts replaced."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _INSTEAD)
        return value
    if isinstance(value, dict):
        return {without(key, secrets): without(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without(item, secrets) for item in value]
    return value


def holds(value: Json) -> bool:
    """Tell whether JSON holds a credential."""
    secrets = held()
    return bool(secrets) and without(value, secrets) != value


def cleaned(outcome: Outcome) -> Outcome:
    """Give an outcome without credentials in what will be kept of it; the live value and exception are as they were."""
    secrets = held()
    if not secrets:
        return outcome
    failure = outcome.failure
    if failure is not None:
        failure = Failure(*(without(text, secrets) for text in (failure.type, failure.message, failure.traceback)))
    kept = outcome.kept and clean_kept(outcome.kept)
    return replace(outcome, failure=failure, kept=kept, output=tuple(without(list(outcome.output), secrets)))


def clean_kept(kept: Kept) -> Kept:
    """Give what was kept of a value without credentials: of a value that holds one, only the recipe."""
    secrets = held()
    if holds(kept.json) or any(secret.encode() in (kept.pickle or b"") for secret in secrets):
        kept = replace(kept, how="recipe", json=None, pickle=None, why="it holds a credential, which is never stored")
    shown = {part: without(getattr(kept, part), secrets) for part in ("description", "detail", "table", "text")}
    return replace(kept, **shown)
