"""What is plain data, and what is JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter as Tally
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from endo_kernel.values import is_json, is_plain
from tests.values.specimens import touch


class TestPlain:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            1,
            1.5,
            math.inf,
            "x",
            b"x",
            [1, (2, {3})],
            {"a": {1: frozenset({2})}},
            dt.date(2026, 1, 1),
            dt.time(1),
            dt.timedelta(1),
        ],
        ids=repr,
    )
    def test_plain_data_is_plain_through_and_through(self, value: object) -> None:
        assert is_plain(value)
        assert is_plain([value, {"x": value}])

    @pytest.mark.parametrize(
        "value",
        [object(), Tally("a"), np.float64(1), [Ridge()], {"a": (Ridge(),)}, touch, dt.datetime.now(dt.timezone(dt.timedelta(0))).tzinfo],
        ids=repr,
    )
    def test_anything_with_code_of_its_own_is_not(self, value: object) -> None:
        assert not is_plain(value)

    def test_what_contains_itself_is_refused_and_what_is_shared_is_not(self) -> None:
        loop: list[object] = []
        loop.append({"again": loop})
        deep: list[object] = []
        for _ in range(5000):
            deep = [deep]
        shared = [1]

        assert not is_plain(loop)
        assert not is_json(loop)
        assert not is_plain(deep)
        assert is_plain([shared, shared])

    def test_a_hint_does_not_walk_through_millions(self) -> None:
        assert is_plain([*range(10), object()], trust_after=10)
        assert not is_plain([*range(10), object()])
        assert not is_json([1, 2, 3], most=2)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_json_is_what_comes_back_the_same(self, value: Any) -> None:
        if is_json(value):
            assert json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode()) == value
        else:
            assert "nan" in repr(value) or "inf" in repr(value) or "\\ud" in repr(value)

    @pytest.mark.parametrize(
        "value",
        [(1,), {1: 2}, {1}, math.nan, math.inf, b"", "\ud800", {"\udfff": 1}, True.__class__, 10**5000, Tally("a"), np.float64(1)],
        ids=type,
    )
    def test_what_json_changes_or_cannot_say_is_not_json(self, value: object) -> None:
        assert not is_json(value)
        assert not is_json([value])
