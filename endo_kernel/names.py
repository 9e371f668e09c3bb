"""Names: what a pet name and a slot name look like, and the types of the ids that never leave the host's side."""

from __future__ import annotations

import difflib
import keyword
import re
import unicodedata
from collections.abc import Iterable
from typing import NewType

from endo_kernel.errors import BadName

TaskId = NewType("TaskId", int)
CardNumber = NewType("CardNumber", int)
FormulaId = NewType("FormulaId", int)
TurnId = NewType("TurnId", int)
PetName = NewType("PetName", str)

_PET_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 64


def is_pet_name(text: object) -> bool:
    """Tell whether the text is lower-case words joined by hyphens, at most 64 characters."""
    return isinstance(text, str) and len(text) <= _LONGEST and _PET_NAME.fullmatch(text) is not None


def parse_pet_name(text: object) -> PetName:
    """Give the text as a pet name; raises BadName with a name that would do."""
    if isinstance(text, str) and is_pet_name(text):
        return PetName(text)
    raise BadName(f"{text!r} is not a pet name: use lower-case words joined by hyphens, such as {suggest_pet_name(str(text))!r}")


def suggest_pet_name(text: str) -> PetName:
    """Make the nearest pet name of any text."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    name = "-".join(words)[:_LONGEST].strip("-")
    return PetName(name if is_pet_name(name) else f"value-{name}".strip("-")[:_LONGEST].rstrip("-"))


def parse_identifier(text: object, what: str) -> str:
    """Give the text as a Python identifier that code may use as a free name; `what` is how the error calls it.

    Names with an underscore in front are the host's own words, as in `endo.endow(7, _code=...)`, and Python's. Python reads a name in its
    compatibility form, so that is the only form that a slot may have.
    """
    if isinstance(text, str) and text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("_") and _is_canonical(text):
        return text
    words = re.findall(r"[A-Za-z0-9]+", str(text))
    better = "_".join(words).lower() or "data"
    if not better.isidentifier() or keyword.iskeyword(better):
        better += "_" if better.isidentifier() else "value"
    raise BadName(f"{text!r} is not a {what}: use a Python identifier, such as {better if better.isidentifier() else 'data'!r}")


def _is_canonical(text: str) -> bool:
    return unicodedata.normalize("NFKC", text) == text


def near(name: str, known: Iterable[str]) -> str:
    """Say which of the known names are close to this one, as the end of an error message."""
    names = sorted(known)
    if not names:
        return "there are none yet"
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return "close: " + ", ".join(map(repr, close))
    shown = ", ".join(map(repr, names[:8]))
    return f"there are: {shown}" + (" ..." if len(names) > 8 else "")
