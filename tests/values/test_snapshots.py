"""What is kept of a value, and given back."""

from __future__ import annotations

import json
import pickle
import sys
import types

import numpy as np
import pandas as pd
import pytest

from endo_kernel.errors import ValueLost
from endo_kernel.values import keep, restore, table
from tests.values.specimens import Counter, Unspeakable, everything


class TestKeep:
    def test_small_json_is_kept_as_json(self) -> None:
        kept = keep({"r2": 0.5})

        assert (kept.how, kept.json, kept.pickle, kept.why, kept.detail) == ("json", {"r2": 0.5}, None, None, "dict 1 key")
        assert kept.text == "{'r2': 0.5}"

    def test_other_values_are_kept_by_snapshot_and_come_back(self, frame: pd.DataFrame) -> None:
        for value in (frame, (1, 2), {1: b"x"}, list(range(10**5))):
            kept = keep(value)
            assert (kept.how, kept.json, kept.why) == ("snapshot", None, None)
            assert kept.pickle is not None
            again = restore(kept.pickle)
            assert again.equals(frame) if value is frame else again == value
        assert keep(frame).detail == "DataFrame 7,032 \N{MULTIPLICATION SIGN} 3"
        assert keep(frame).text is None
        assert keep(frame).table == table(frame)

    def test_what_cannot_be_pickled_is_a_recipe_that_says_why(self) -> None:
        kept = keep(Unspeakable())

        assert (kept.how, kept.json, kept.pickle) == ("recipe", None, None)
        assert kept.why == "it cannot be pickled (RuntimeError: no)"
        assert "lambda" in str(keep(lambda: 1).why)

    def test_what_is_too_large_is_a_recipe_and_never_whole_in_memory_twice(self) -> None:
        assert keep(np.zeros(1 << 20), limit=1 << 20).why == "it is larger than 1 MiB"
        assert keep((b"x" * 100,), limit=50).why == "it is larger than 50 bytes"
        assert keep(np.zeros(1 << 10), limit=1 << 20).how == "snapshot"

    def test_whatever_it_is_something_is_kept_that_a_store_can_hold(self) -> None:
        for value in everything():
            kept = keep(value)
            assert json.dumps([kept.json, kept.description, kept.detail, kept.table, kept.text, kept.why], allow_nan=False)
            assert len(kept.text or "") <= 4000

    def test_a_class_that_is_gone_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = types.ModuleType("made_up")
        module.Thing = type("Thing", (), {"__module__": "made_up"})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "made_up", module)
        data = keep(module.Thing()).pickle
        assert data is not None

        del module.Thing
        with pytest.raises(ValueLost, match="needs 'Thing' from the module 'made_up'"):
            restore(data)
        monkeypatch.delitem(sys.modules, "made_up")
        with pytest.raises(ValueLost, match="needs the module 'made_up', which is not installed"):
            restore(data)

    def test_a_class_of_the_notebook_that_is_gone_is_named(self) -> None:
        data = pickle.dumps(Counter(), protocol=5).replace(Counter.__module__.encode(), b"x" * len(Counter.__module__))

        with pytest.raises(ValueLost, match=r"needs the module 'x+'"):
            restore(data)
        with pytest.raises(ValueLost, match="needs 'Model' from the notebook"):
            restore(b"\x80\x05c__main__\nModel\n.")

    @pytest.mark.parametrize("data", [b"", b"garbage", pickle.dumps([1, 2])[:-3]])
    def test_a_snapshot_that_is_broken_says_so(self, data: bytes) -> None:
        with pytest.raises(ValueLost, match="cannot be read here"):
            restore(data)
