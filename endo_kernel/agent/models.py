"""Which model a task gets, and the models by name.

Nothing here imports the SDK: a kernel asks for the name at its start, and the import takes seconds.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from endo_kernel.agent.claude import ClaudeModel
from endo_kernel.powers import Json, Model

REHEARSAL = "rehearsal"

# The SDK's own examples call the Opus family. The others are for something special: Haiku for speed, Sonnet for price, Fable and Mythos
# for what not every account has.
_FAMILY = "opus"
_FALLBACK = "claude-opus-5-5"
_ALIAS = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d{1,2})(?!\d))?")
# The first version whose models decide for themselves how much to think; later ones refuse a fixed budget, earlier ones know only that.
_ADAPTIVE = (4, 6)
# The first version whose models can summarise a conversation that outgrows their window.
_COMPACTING = (4, 6)


def choose_model(configured: str | None) -> str:
    """Give the configured model; else Claude where the SDK would find credentials; else the rehearsal."""
    named = (configured or "").strip() or os.environ.get("ENDO_MODEL", "").strip()
    if named:
        return named
    return newest_general() if has_credentials() else REHEARSAL


def newest_general() -> str:
    """Give the newest general Claude model that the installed SDK knows by an alias."""
    versions = [found for name in _names() if (found := _ALIAS.fullmatch(name)) and found["family"] == _FAMILY]
    newest = max(versions, key=_version, default=None)
    return newest[0] if newest else _FALLBACK


def default_thinking(model: str) -> dict[str, Json] | None:
    """Give the `thinking` parameter that a model should be called with; None where it is best left out."""
    # A date after the alias (claude-opus-4-5-20251101) is no part of the version.
    found = _ALIAS.match(model)
    return {"type": "adaptive"} if found and _version(found) >= _ADAPTIVE else None


def can_compact(model: str) -> bool:
    """Tell whether the API compacts conversations with this model when it is asked to."""
    found = _ALIAS.match(model)
    return found is not None and _version(found) >= _COMPACTING


def _version(alias: re.Match[str]) -> tuple[int, int]:
    return int(alias["major"]), int(alias["minor"] or 0)


def _names() -> Iterable[str]:
    """Read the names in the SDK's list of models from its source."""
    spec = find_spec("anthropic")
    if spec is None or spec.origin is None:
        return []
    try:
        tree = ast.parse((Path(spec.origin).parent / "types" / "model.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def has_credentials() -> bool:
    """Tell whether the SDK would find credentials, by its own rules: a key or token, a profile, workload identity, a header."""
    if any(map(_set, ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"))):
        return True
    identity = _set("ANTHROPIC_IDENTITY_TOKEN") or _set("ANTHROPIC_IDENTITY_TOKEN_FILE")
    if identity and _set("ANTHROPIC_FEDERATION_RULE_ID") and _set("ANTHROPIC_ORGANIZATION_ID"):
        return True
    names = [line.partition(":")[0].strip().lower() for line in os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines()]
    return "authorization" in names or "x-api-key" in names or _has_profile()


def _set(name: str) -> bool:
    return bool(os.environ.get(name))


def _has_profile() -> bool:
    given = os.environ.get("ANTHROPIC_CONFIG_DIR")
    try:
        if given:
            folder = Path(given)
        elif os.name == "nt":
            folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "Anthropic"
        else:
            folder = Path.home() / ".config" / "anthropic"
        pointer = folder / "active_config"
        active = pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else ""
        return (folder / "configs" / f"{active or 'default'}.json").is_file()
    except (OSError, RuntimeError, ValueError):  # no home, an unreadable folder, a name that is no file name
        return False


class Models:
    """The models by name, each made when it is first asked for. All names of the Messages API share one, and so its connections."""

    def __init__(self) -> None:
        self._made: dict[str, Model] = {}

    def __call__(self, name: str) -> Model:
        """Give the model that answers for a name."""
        kind = REHEARSAL if name == REHEARSAL else "messages"
        if kind not in self._made:
            self._made[kind] = _rehearsal() if kind == REHEARSAL else ClaudeModel()
        return self._made[kind]

    async def close(self) -> None:
        """Let go of the connections of all. Twice is harmless."""
        for model in self._made.values():
            await model.close()


def _rehearsal() -> Model:
    # Imported when it first plays: its scripts are no part of a kernel's start.
    from endo_kernel.agent.rehearsal import RehearsalModel

    return RehearsalModel()


def make_models() -> Models:
    """Give the models by name, as one kernel uses them."""
    return Models()
