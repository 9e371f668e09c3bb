"""What may cross between this process and the sandbox: plain data by value, and facets as capabilities.

Plain data is what JSON can say, and bytes, tuples, sets, dates and times, decimals. Copies are made with the base types' own methods, so
that no code of a value runs here, and what a subclass adds stays behind.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable
from typing import Any

from endo_kernel.realms.facets import Facet

_EXACT = (
    dt.datetime,
    dt.date,
    dt.time,
    dt.timedelta,
    dt.timezone,
    decimal.Decimal,
    bool,
    complex,
    type(None),
)
_DEEPEST = 150
_LOST = re.compile(r"<(function|coroutine|bound method|module|builtin) .{0,200}>")
"""How the sandbox renders what has no counterpart outside."""


class NotPlain(TypeError):
    """A value cannot cross; says which part of it."""


def plain(value: object, other: Callable[[object], Any], *, inside: bool = False) -> Any:
    """Copy plain data; hand every other thing to `other`, which gives what stands for it there, or raises NotPlain.

    `inside` says that the data comes from the sandbox, where text may be all that is left of a function.
    """
    return _copy(value, other, _left_whole if inside else _valid, 0)


def _copy(value: object, other: Callable[[object], Any], text: Callable[[str], str], depth: int) -> Any:
    if depth > _DEEPEST:
        raise NotPlain(f"it is nested more than {_DEEPEST} deep, or contains itself")
    kind = type(value)
    if kind in _EXACT:
        return value
    if isinstance(value, str):
        return text(str.__str__(value))
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    return _container(value, lambda item: _copy(item, other, text, depth + 1), other)


def _container(value: object, copy: Callable[[object], Any], other: Callable[[object], Any]) -> Any:
    # each container is copied in one step before it is walked: its owner may be changing it on the main thread
    if isinstance(value, list):
        return [copy(item) for item in list.__getitem__(value, slice(None))]
    if isinstance(value, tuple):
        return tuple(copy(item) for item in tuple.__iter__(value))
    if isinstance(value, dict):
        return {copy(key): copy(item) for key, item in list(dict.items(value))}
    if isinstance(value, frozenset):
        return frozenset(copy(item) for item in frozenset.__iter__(value))
    if isinstance(value, set):
        return {copy(item) for item in set.copy(value)}
    return other(value)


def _valid(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotPlain("it holds text with half of a surrogate pair, which is no valid Unicode") from None
    return text


def not_plain(value: object) -> NotPlain:
    """Make the error for an object that is neither plain nor a facet."""
    return NotPlain(f"it is or holds a {type(value).__name__[:80]}")


def only_facets(value: object) -> Any:
    """Let facets cross as well."""
    if isinstance(value, Facet):
        return value
    raise not_plain(value)


def _left_whole(text: str) -> str:
    if _LOST.fullmatch(text):
        raise NotPlain(f"{text[:80]} exists only in the sandbox")
    return text
