"""Whether a value is plainly not of the type that a slot asks for. A type is words that an agent wrote, so only clear cases count."""

from __future__ import annotations

import re

from endo_kernel.values.glances import glance

_NUMBERS = frozenset({"int", "float", "integer", "floating", "Decimal", "Fraction"})
_ACCEPTED: dict[str, frozenset[str]] = {
    "int": frozenset({"int", "integer"}),
    "integer": frozenset({"int", "integer"}),
    "float": _NUMBERS,
    "number": _NUMBERS,
    "str": frozenset({"str"}),
    "string": frozenset({"str"}),
    "bool": frozenset({"bool", "bool_"}),
    "boolean": frozenset({"bool", "bool_"}),
    "bytes": frozenset({"bytes"}),
    "list": frozenset({"list"}),
    "tuple": frozenset({"tuple"}),
    "dict": frozenset({"dict"}),
    "set": frozenset({"set", "frozenset"}),
    "dataframe": frozenset({"DataFrame"}),
    "series": frozenset({"Series"}),
    "ndarray": frozenset({"ndarray"}),
}
"""For each word that can be meant in one way only, the names of the classes that answer to it, in their own names or a base's."""

_OUTER = re.compile(r"(?:\w+\.)*(?P<word>\w+)\s*(?:\[.*\]|of .*)?", re.DOTALL)


def mismatch(wanted: str | None, value: object) -> str | None:
    """Say in words what a value is instead of what is wanted; None where it fits, or where the words leave it open.

    `pandas.DataFrame`, `list[str]` and `list of str` are read by their outer type. Runs no code of the value's.
    """
    said = _OUTER.fullmatch((wanted or "").strip())
    accepted = _ACCEPTED.get(said["word"].lower()) if said else None
    if accepted is None or accepted & {base.__name__ for base in type(value).__mro__}:
        return None
    return f"it wants {wanted}, and this is {glance(value)}"
