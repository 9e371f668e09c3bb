"""Plain data: what may cross into the confined realm by value, and the part of it that JSON says exactly.

Only exact built-in types count. A subclass may carry behaviour, and is then not plain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone

_SCALARS = frozenset({type(None), bool, int, float, str, bytes, date, timedelta})
_COLLECTIONS = frozenset({list, tuple, set, frozenset})
_DEEPEST = 100
_LONGEST_INT = 1024


def is_plain(value: object, most: int | None = None) -> bool:
    """Say whether a value is plain data through and through; one that contains itself is not.

    Runs no code of the value's. `most` bounds the work: after that many parts the rest is taken on trust, for a hint on a page.
    """
    return _Walk(_plain_parts, most).holds(value)


def is_json(value: object) -> bool:
    """Say whether a value comes back exactly from JSON in UTF-8: string keys, finite numbers, lists and no tuples."""
    return _Walk(_json_parts, None).holds(value)


_No = type("_No", (), {})
Parts = Iterable[object] | type[_No]


class _Walk:
    """One walk through a value, which remembers the containers that it is inside of."""

    def __init__(self, parts: Callable[[object], Parts], most: int | None) -> None:
        self._parts = parts
        self._left = most
        self._inside: set[int] = set()

    def holds(self, value: object) -> bool:
        parts = self._parts(value)
        if isinstance(parts, type):
            return False
        if parts == ():
            return True
        if id(value) in self._inside or len(self._inside) >= _DEEPEST:
            return False
        self._inside.add(id(value))
        try:
            return self._all_hold(parts)
        except RuntimeError:
            # Another thread changed the container under the walk.
            return False
        finally:
            self._inside.discard(id(value))

    def _all_hold(self, parts: Iterable[object]) -> bool:
        for part in parts:
            if self._left is not None:
                if self._left <= 0:
                    return True
                self._left -= 1
            if not self.holds(part):
                return False
        return True


def _plain_parts(value: object) -> Parts:
    """Give the parts that must be plain for the value to be; `_No` where it is not whatever they are."""
    kind = type(value)
    if kind in _SCALARS:
        return ()
    if isinstance(value, datetime | time) and kind in (datetime, time):
        return () if value.tzinfo is None or type(value.tzinfo) is timezone else _No
    if kind in _COLLECTIONS:
        assert isinstance(value, Iterable)
        return value
    if kind is dict:
        assert isinstance(value, dict)
        return (part for pair in value.items() for part in pair)
    return _No


def _json_parts(value: object) -> Parts:
    kind = type(value)
    if value is None or kind is bool:
        return ()
    if kind is int:
        assert isinstance(value, int)
        return () if value.bit_length() <= _LONGEST_INT else _No
    if kind is float:
        assert isinstance(value, float)
        return () if math.isfinite(value) else _No
    if kind is str:
        assert isinstance(value, str)
        return () if is_utf8(value) else _No
    if kind is list:
        assert isinstance(value, list)
        return value
    if kind is dict:
        assert isinstance(value, dict)
        return value.values() if all(type(key) is str and is_utf8(key) for key in value) else _No
    return _No


def is_utf8(text: str) -> bool:
    """Say whether a string can be sent: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
