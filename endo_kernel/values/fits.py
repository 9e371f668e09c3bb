"""How well a notebook variable fits a slot, so that the likeliest stands first in the picker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

_KINDS: dict[str, frozenset[str]] = {
    "frame": frozenset({"dataframe", "frame", "table", "dataset", "geodataframe", "spreadsheet"}),
    "column": frozenset({"series", "column", "index"}),
    "array": frozenset({"array", "ndarray", "matrix", "tensor", "vector", "dataarray"}),
    "whole": frozenset({"int", "integer", "count", "int64", "int32"}),
    "real": frozenset({"float", "number", "numeric", "real", "rate", "float64", "float32", "decimal"}),
    "text": frozenset({"str", "string", "text"}),
    "truth": frozenset({"bool", "boolean", "flag"}),
    "list": frozenset({"list", "sequence", "tuple", "iterable"}),
    "mapping": frozenset({"dict", "mapping", "dictionary", "bunch"}),
    "set": frozenset({"set", "frozenset"}),
    "function": frozenset({"function", "callable", "method"}),
    "model": frozenset({"model", "estimator", "classifier", "regressor", "regression", "pipeline", "predictor"}),
    "time": frozenset({"date", "datetime", "timestamp", "time"}),
    "picture": frozenset({"image", "figure", "plot", "picture"}),
}
_NEAR = (
    ({"whole", "real"}, 0.85),
    ({"frame", "column"}, 0.4),
    ({"column", "array"}, 0.7),
    ({"frame", "array"}, 0.4),
    ({"array", "list"}, 0.5),
    ({"column", "list"}, 0.5),
    ({"list", "set"}, 0.5),
    ({"whole", "truth"}, 0.3),
)
_SAME_WORDS = (
    {"df", "data", "frame", "table", "dataset", "dataframe"},
    {"model", "clf", "reg", "estimator", "classifier", "regressor", "pipeline"},
    {"n", "count", "number", "num", "counter"},
    {"x", "features", "inputs"},
    {"y", "target", "labels"},
)
_EMPTY_WORDS = frozenset(
    {
        "a",
        "an",
        "and",
        "as",
        "by",
        "for",
        "from",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "that",
        "the",
        "to",
        "use",
        "what",
        "which",
        "with",
        "your",
    }
)
_ANYTHING = frozenset({"", "any", "object", "value"})


class Looked(Protocol):
    """What is known of a candidate's value."""

    @property
    def type(self) -> str:
        """The name of its class."""
        ...


def fit(slot: str, label: str, wanted: str | None, candidate: str, looked: Looked) -> float:
    """Rate from 0 to 1 how well a variable fits a slot, by the words of its name and by its type against what the slot asks for.

    The weights are judgement, held in place by the examples in the tests.
    """
    by_name = max(_alike(_words(slot), _words(candidate)), 0.8 * _mentioned(_words(label), _words(candidate)))
    by_type = _type_fit(wanted, looked.type)
    if by_type is None:
        # Nothing was asked for in so many words; what the label talks of is a hint, and no more.
        by_type = 0.6 + 0.4 * _kind_hinted(_words(f"{slot} {label}"), looked.type)
    return round(min(1.0, by_type * (0.55 + 0.45 * by_name)), 4)


def _words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    found = re.findall(r"[a-z]+|[0-9]+", spaced.lower())
    return [word for word in found if word not in _EMPTY_WORDS] or found


def _alike(ours: list[str], theirs: list[str]) -> float:
    if not ours or not theirs:
        return 0.0
    if ours == theirs or "".join(ours) == "".join(theirs):
        return 1.0
    matched = sum(max(_same(one, other) for other in theirs) for one in ours)
    return 0.9 * matched / max(len(ours), len(theirs))


def _mentioned(label: list[str], candidate: list[str]) -> float:
    if not label or not candidate:
        return 0.0
    return sum(max(_same(word, one) for word in label) for one in candidate) / len(candidate)


def _same(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if len(one) >= 3 and len(other) >= 3 and (one.startswith(other) or other.startswith(one)):
        return 0.8
    return 0.6 if any(one in group and other in group for group in _SAME_WORDS) else 0.0


def _type_fit(wanted: str | None, given: str) -> float | None:
    """Compare types; None where the slot asks for none that is known."""
    if wanted is None or wanted.strip().lower() in _ANYTHING:
        return None
    if wanted.strip().lower().rsplit(".", 1)[-1] == given.lower():
        return 1.0
    # In "list of str" it is the list that has to fit.
    outer = re.split(r"\bof\b|\[|\|", wanted, maxsplit=1)[0] if "|" not in wanted else wanted
    asked = _kinds(_words(outer)) | _kinds([outer.strip().lower()])
    if not asked:
        return 0.3 if set(_words(wanted)) & set(_words(given)) else 0.15
    there = _kinds(_words(given)) | _kinds([given.lower()])
    if not there and "model" in asked:
        # Ridge, SVC, KMeans: a model's class seldom says that it is one.
        return 0.5
    return max((_near(one, other) for one in asked for other in there), default=0.1)


def _kinds(words: Iterable[str]) -> set[str]:
    return {kind for word in words for kind, names in _KINDS.items() if word in names or word.rstrip("s") in names}


def _near(one: str, other: str) -> float:
    if one == other:
        return 0.95
    return next((weight for pair, weight in _NEAR if pair == {one, other}), 0.1)


def _kind_hinted(words: list[str], given: str) -> float:
    hinted = _kinds(words) | ({"frame"} if "data" in words else set())
    there = _kinds(_words(given)) | _kinds([given.lower()])
    return max((_near(one, other) for one in hinted for other in there), default=0.0)
