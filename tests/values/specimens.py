"""Values of every kind; values that tell when their code runs, hide what they are, or cannot be told of."""

from __future__ import annotations

import dataclasses
import math
import sys
import types
from collections import Counter as Tally
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge


class Touched(BaseException):
    """Code of the value's ran. A BaseException, so that no guard of ours can hide it."""


def touch(*_: Any, **__: Any) -> NoReturn:
    raise Touched


def tripwire() -> object:
    """Give a value that tells when any code of its own or of its class runs."""

    class TripwireMeta(type):
        """A class whose own attributes are code, too."""

        __getattribute__ = touch
        __instancecheck__ = touch
        __eq__ = touch
        __hash__ = touch

    class Tripwire(metaclass=TripwireMeta):
        """All of it is wired."""

        def __init__(self) -> None:
            pass

        __class__ = property(touch)  # type: ignore[assignment]
        __getattribute__ = touch
        __getattr__ = touch
        __dir__ = touch
        __repr__ = touch
        __str__ = touch
        __len__ = touch
        __iter__ = touch
        __eq__ = touch
        __hash__ = touch
        __bool__ = touch
        __reduce_ex__ = touch
        now = property(touch)

        def incr(self, by: int = 1) -> None:
            """Add."""

    return Tripwire()


class Disguised:
    """Says that it is a data frame."""

    shape = property(touch)


Disguised.__name__ = "DataFrame"
Disguised.__module__ = "pandas"


class Counter:
    """Something that a person binds to a slot."""

    def __init__(self) -> None:
        self.total = 0
        self._secret = 1

    def incr(self, by: int = 1, *, twice: object = touch, **more: int) -> int:
        """Add to the total.

        And more.
        """
        return self.total

    @property
    def half(self) -> NoReturn:
        """Half of it."""
        raise Touched

    @classmethod
    def zero(cls) -> Counter:
        return cls()

    @staticmethod
    def add(a: int, *rest: int) -> int:
        return a


class Unspeakable:
    """Cannot be shown, and cannot be pickled."""

    def __repr__(self) -> str:
        raise RuntimeError("\ud800")

    def __reduce__(self) -> NoReturn:
        raise RuntimeError("no\nand why")


def everything() -> list[Any]:
    wide = pd.DataFrame(np.random.default_rng(0).random((50, 300))).add_prefix("a rather long name of a column ")
    nasty = pd.DataFrame({"text": ["x" * 10**6, "\ud800 \0", None], "object": [Unspeakable(), [1] * 10**5, math.inf]})
    return [
        *(None, 1, 10**5000, math.nan, "x" * 10**6, "\ud800" * 5000, b"\xff" * 10**6, list(range(10**5)), [["x" * 10**5] * 50] * 50),
        *(
            wide,
            wide.T,
            nasty,
            wide.iloc[0],
            wide.columns,
            pd.DataFrame(),
            pd.DataFrame({"a": []}),
            pd.DataFrame(index=[1, 2]),
            nasty["object"],
        ),
        *(np.zeros((100, 100, 100)), np.float64("nan"), np.datetime64("2026-01-01"), np.array([Unspeakable()]), np.array(5), np.ma.masked),
        *(
            Ridge(),
            Counter(),
            Unspeakable(),
            [Unspeakable()] * 1000,
            {Unspeakable: Unspeakable()},
            touch,
            Counter,
            sys,
            types.SimpleNamespace(a=1),
        ),
        *(
            pd.Timestamp("2026-01-01"),
            pd.NaT,
            pd.NA,
            pd.MultiIndex.from_product([[1], [2]]),
            wide.groupby(wide.columns[0]),
            iter([]),
            Tally("abc"),
        ),
        dataclasses.make_dataclass("Big", [("data", list)])(list(range(10**5))),
    ]
