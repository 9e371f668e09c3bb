"""The part of a TinyDB condition that an index can answer.

What is found here only narrows a search; the condition itself still decides, so this must never leave out a document that matches.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import TypeGuard

from tinydb.queries import Query, QueryInstance, QueryLike

Scalar = str | int | float | bool | None


def find_equalities(cond: QueryLike, fields: Collection[str]) -> list[tuple[str, Scalar]]:
    """Find what each match must equal in these top-level fields.

    TinyDB keeps in a condition's hash what it was built from; only its own classes are trusted to mean it.
    """
    if type(cond) not in (Query, QueryInstance):
        return []
    return list(_equalities(getattr(cond, "_hash", None), fields))


def counts_exactly(cond: QueryLike, fields: Collection[str]) -> bool:
    """Say whether the equalities of a condition are all of it, and SQLite finds exactly what Python finds: so for integers.

    A string may also equal, for SQLite, the start of one that contains NUL, or the text of a list.
    """
    return type(cond) in (Query, QueryInstance) and _is_of_integers(getattr(cond, "_hash", None), fields)


def _is_of_integers(built_from: object, fields: Collection[str]) -> bool:
    match built_from:
        case ("==", (str() as name,), value):
            return name in fields and type(value) is int and _same_in_sql(value)
        case ("and", frozenset() as parts):
            return all(_is_of_integers(part, fields) for part in parts)
    return False


def _equalities(built_from: object, fields: Collection[str]) -> Iterator[tuple[str, Scalar]]:
    match built_from:
        case ("==", (str() as name,), value) if name in fields and _same_in_sql(value):
            yield name, value
        case ("and", frozenset() as parts):
            for part in parts:
                yield from _equalities(part, fields)


def _same_in_sql(value: object) -> TypeGuard[Scalar]:
    """Say whether SQLite finds at least everything that Python's `==` finds for this value.

    NUL ends a string for SQLite's JSON functions, half a surrogate pair is no UTF-8, and integers beyond 64 bits become floats.
    """
    equals = type(value).__eq__
    if isinstance(value, str):
        return equals is str.__eq__ and "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, int):
        return equals is int.__eq__ and -(2**63) <= value < 2**63
    if isinstance(value, float):
        return equals is float.__eq__ and math.isfinite(value)
    return value is None
