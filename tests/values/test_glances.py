"""A glance runs no code of the value's, and a token changes when the value does."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter as Tally
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from endo_kernel.values import glance, is_json, is_plain, members, table, token, unkept
from endo_kernel.values.glances import Glance
from tests.values.specimens import Counter, Disguised, touch, tripwire


class TestGlance:
    @pytest.mark.parametrize(
        ("value", "told"),
        [
            (None, "NoneType"),
            (True, "bool True"),
            (3, "int 3"),
            (0.1, "float 0.1"),
            (10**5000, "int of 16,610 bits"),
            ("s3cret", "str 6 characters"),
            (b"x", "bytes 1 byte"),
            ([1], "list 1 item"),
            ({"a": 1, "b": 2}, "dict 2 keys"),
            (Tally("ab"), "Counter 2 keys"),
            (dt.date(2026, 1, 2), "date 2026-01-02"),
            (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "datetime 2026-01-02 03:04:00"),
            (np.zeros((3, 4)), "ndarray 3 \N{MULTIPLICATION SIGN} 4 float64"),
            (pd.Series([1, 2]), "Series 2 int64"),
            (Ridge(), "Ridge"),
            (Counter, "type Counter"),
            (touch, "function touch"),
        ],
        ids=lambda told: told if isinstance(told, str) else "",
    )
    def test_type_and_size_are_told_in_a_few_words(self, value: object, told: str) -> None:
        assert str(glance(value)) == told

    def test_a_frame_is_told_by_its_shape(self, frame: pd.DataFrame) -> None:
        assert glance(frame) == Glance("DataFrame", "7,032 \N{MULTIPLICATION SIGN} 3", (7032, 3))

    def test_no_code_of_the_value_runs(self) -> None:
        value = tripwire()

        assert glance(value) == Glance("Tripwire", "")
        assert token(value) == token(value)
        held = [value]
        assert token(held) == token(held)
        assert not is_plain(value)
        assert not is_plain([value])
        assert not is_json({"a": value})
        assert [member["name"] for member in members(value)] == ["now", "incr"]
        assert unkept(value).description == {"type": "Tripwire", "summary": ""}

    def test_a_class_that_claims_to_be_a_data_frame_is_not_believed(self) -> None:
        assert glance(Disguised()) == Glance("DataFrame", "")
        assert table(Disguised()) is None

    def test_nothing_is_imported_to_recognise_a_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        value = pd.DataFrame({"a": [1]})
        monkeypatch.delitem(sys.modules, "pandas")

        assert glance(value) == Glance("DataFrame", "")
        assert "pandas" not in sys.modules


class TestToken:
    def test_it_stays_while_the_value_stays(self, frame: pd.DataFrame) -> None:
        for value in (frame, frame["when"], np.arange(100), [1, "a", Ridge()], {"a": Ridge()}, 5, "x", Ridge()):
            assert token(value) == token(value)

    def test_it_changes_with_the_object_and_with_what_is_seen_of_it(self, frame: pd.DataFrame) -> None:
        values: list[tuple[Any, Any]] = [
            (frame, lambda: frame.__delitem__("when")),
            (frame, lambda: frame.insert(0, "new", 1)),
            (frame, lambda: setattr(frame, "columns", ["new", "years", "plan"])),
            (frame, lambda: frame.__setitem__("plan", "yearly")),
            (array := np.arange(100.0), lambda: array.__imul__(2)),
            (items := [1, 2, 3], lambda: items.__setitem__(1, 5)),
            (record := {"a": 1}, lambda: record.update(a=2)),
        ]
        for value, change in values:
            before = token(value)
            change()
            assert token(value) != before
        assert token(Ridge()) != token(Ridge())

    def test_it_is_short_and_tells_nothing(self) -> None:
        assert len(token("s3cret")) == 16
        assert "s3cret" not in token("s3cret")
