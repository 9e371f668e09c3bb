"""Plain data: what may cross into the confined realm by value, and the part of it that JSON says exactly.

Only exact built-in types count. A subclass may carry behaviour, and is then not plain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from typing import cast

# By identity: to ask whether a class is in a set of classes would run its metaclass's own __hash__ and __eq__.
_SCALARS = frozenset(map(id, (type(None), bool, int, float, str, bytes, date, timedelta)))
_COLLECTIONS = frozenset(map(id, (list, tuple, set, frozenset)))
_DEEPEST = 100
_LONGEST_INT = 1024


Verdict = bool | Iterable[object]
"""Plain, not plain, or plain if these parts are."""


def is_plain(value: object, *, trust_after: float = math.inf) -> bool:
    """Say whether a value is plain data through and through; one that contains itself is not.

    Runs no code of the value's. `trust_after` bounds the work for a hint on a page: after that many parts the rest is taken on trust.
    """
    return _Walk(_judge_plain, trust_after, beyond=True).accepts(value)


def is_json(value: object, *, most: float = math.inf) -> bool:
    """Say whether a value comes back exactly from JSON in UTF-8: string keys, finite numbers, lists and no tuples.

    One of more than `most` parts is not, and is not looked at further.
    """
    return _Walk(_judge_json, most, beyond=False).accepts(value)


class _Walk:
    """One walk through a value, which remembers the containers that it is inside of."""

    def __init__(self, judge: Callable[[object], Verdict], most: float, *, beyond: bool) -> None:
        self._judge = judge
        self._left = most
        self._beyond = beyond
        self._inside: set[int] = set()

    def accepts(self, value: object) -> bool:
        """Say whether the value and all its parts are plain."""
        verdict = self._judge(value)
        if isinstance(verdict, bool):
            return verdict
        if id(value) in self._inside or len(self._inside) >= _DEEPEST:
            return False
        self._inside.add(id(value))
        try:
            return self._accepts_all(verdict)
        except RuntimeError:
            # Another thread changed the container under the walk.
            return False
        finally:
            self._inside.discard(id(value))

    def _accepts_all(self, parts: Iterable[object]) -> bool:
        for part in parts:
            self._left -= 1
            if self._left < 0:
                return self._beyond
            verdict = self._judge(part)
            if verdict is False or (verdict is not True and not self.accepts(part)):
                return False
        return True


def _judge_plain(value: object) -> Verdict:
    kind = type(value)
    if id(kind) in _SCALARS:
        return True
    if kind is dict:
        return (part for pair in cast("dict[object, object]", value).items() for part in pair)
    if id(kind) in _COLLECTIONS:
        return cast("Iterable[object]", value)
    if kind is datetime or kind is time:
        zone = cast("datetime | time", value).tzinfo
        return zone is None or type(zone) is timezone
    return False


def _judge_json(value: object) -> Verdict:
    kind = type(value)
    if kind is str:
        return is_utf8(cast("str", value))
    if kind is float:
        return math.isfinite(cast("float", value))
    if kind is int:
        return cast("int", value).bit_length() <= _LONGEST_INT
    if kind is list:
        return cast("list[object]", value)
    if kind is dict:
        document = cast("dict[object, object]", value)
        return document.values() if all(type(key) is str and is_utf8(key) for key in document) else False
    return value is None or kind is bool


def is_utf8(text: str) -> bool:
    """Say whether a string can be sent: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
