"""Checking a tool call against its schema, in the part of JSON Schema that the tools of this package use.

A validator for all of JSON Schema takes a second of CPU to import where Jupyter's own packages are installed, since those bring every
format checker with them; that second would be taken from the cell that runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from endo_kernel.powers import Json

_TYPES: Mapping[str, Callable[[Json], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}
_WORDS = frozenset({"description", "properties", "required", "additionalProperties"})
"""Words that check nothing, or that `_members` reads together."""


def problems(schema: Mapping[str, Json], value: Json, path: str = "") -> Iterator[str]:
    """Say what of a value does not fit, each with its place. Raises KeyError for a schema that says more than is understood here."""
    place = path or "the object"
    for word, said in schema.items():
        if word not in _WORDS:
            words = _CHECKS[word](said, value)
            if words:
                yield f"{place}: {words}"
                return  # what has the wrong type needs no further words
    if isinstance(value, dict):
        yield from _members(schema, value, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from problems(schema["items"], item, _inside(path, str(index)))


def _members(schema: Mapping[str, Json], value: Mapping[str, Json], path: str) -> Iterator[str]:
    place = path or "the object"
    known: Mapping[str, Json] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name!r} is a required property"
    others: Json = schema.get("additionalProperties", {})
    for name, member in value.items():
        if name in known or others is not False:
            yield from problems(known.get(name, others), member, _inside(path, name))
        else:
            yield f"{place}: {name!r} was unexpected; there {'are ' + ', '.join(map(repr, known)) if known else 'is nothing to give'}"


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _type(said: str | list[str], value: Json) -> str | None:
    names = [said] if isinstance(said, str) else said
    return None if any(_TYPES[name](value) for name in names) else f"{_short(value)} is not {' or '.join(names)}"


def _enum(said: list[Json], value: Json) -> str | None:
    return None if value in said else f"{_short(value)} is not one of {', '.join(map(repr, said))}"


def _longest(unit: str) -> Callable[[int, Json], str | None]:
    def check(said: int, value: Json) -> str | None:
        return f"{len(value):,} {unit} are more than {said:,}" if isinstance(value, str | list | dict) and len(value) > said else None

    return check


def _shortest(said: int, value: Json) -> str | None:
    return "it is empty" if isinstance(value, str) and len(value) < said else None


def _pattern(said: str, value: Json) -> str | None:
    return None if not isinstance(value, str) or re.search(said, value) else f"{_short(value)} does not match {said}"


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_CHECKS: Mapping[str, Callable[[Json, Json], str | None]] = {
    "type": _type,
    "enum": _enum,
    "minLength": _shortest,
    "maxLength": _longest("characters"),
    "maxItems": _longest("items"),
    "maxProperties": _longest("entries"),
    "pattern": _pattern,
    "items": lambda said, value: None,
}
