"""What the daemon may see, tell and keep of a live value."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import io
import json
import math
import pickle
import sys
import types
from collections import Counter as Tally
from typing import Any, NoReturn

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import Ridge

from endo_kernel.errors import ValueLost
from endo_kernel.values import describe, fit, glance, is_json, is_plain, keep, members, restore, table, token, unkept
from endo_kernel.values.glances import Glance

mpl.use("agg")


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


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"age": range(7032), "plan": ["monthly"] * 7032, "when": pd.Timestamp("2026-01-01")})


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


class TestDescribe:
    def test_whatever_it_is_it_is_told_in_four_thousand_characters_of_json(self) -> None:
        for value in everything():
            told = describe(value)
            text = json.dumps(told, allow_nan=False, ensure_ascii=False)
            assert len(text) <= 4000, type(value)
            assert text.encode()
            assert "json" in told or "type" in told

    def test_json_that_fits_is_given_as_json(self) -> None:
        assert describe({"r2": 0.48, "rows": [1, 2]}) == {"json": {"r2": 0.48, "rows": [1, 2]}}
        assert "json" not in describe(["x" * 100] * 100)

    def test_a_frame_is_told_by_shape_columns_and_head(self, frame: pd.DataFrame) -> None:
        assert describe(frame) == {
            "type": "DataFrame",
            "shape": [7032, 3],
            "columns": [
                {"name": "age", "dtype": "int64"},
                {"name": "plan", "dtype": "str"},
                {"name": "when", "dtype": str(frame["when"].dtype)},
            ],
            "head": [[n, "monthly", "2026-01-01 00:00:00"] for n in range(5)],
        }

    def test_the_labels_of_rows_are_told_where_they_mean_something(self) -> None:
        counts = pd.DataFrame({"plan": ["a", "b", "a"], "n": [1, 2, math.nan]}).groupby("plan").sum()

        assert describe(counts)["index"] == {"name": "plan", "head": ["a", "b"]}
        assert describe(counts["n"])["index"] == ["a", "b"]

    def test_an_array_is_told_by_shape_dtype_and_first_values(self) -> None:
        told = describe(np.arange(10_000.0).reshape(100, 100))

        assert (told["type"], told["shape"], told["dtype"], told["first"][:3]) == ("ndarray", [100, 100], "float64", [0.0, 1.0, 2.0])
        assert describe(np.float64(0.5)) == {"type": "float64", "value": 0.5}

    def test_an_estimator_is_told_by_its_repr_and_a_bare_object_by_what_it_offers(self) -> None:
        assert describe(Ridge(alpha=2)) == {"type": "Ridge", "module": "sklearn.linear_model._ridge", "repr": "Ridge(alpha=2)"}
        assert describe(Counter())["members"] == ["total", "incr(by=1, *, twice=..., **more)", "half", "zero()", "add(a, *rest)"]

    def test_a_repr_that_fails_is_told_and_not_raised(self) -> None:
        assert describe(Unspeakable())["repr"] == "<Unspeakable, whose repr raised RuntimeError>"

    def test_a_container_of_live_objects_keeps_its_form(self, frame: pd.DataFrame) -> None:
        told = describe({"model": Ridge(), "data": frame, "scores": [0.5, math.nan], "deep": {"a": {"b": {"c": {"d": 1}}}}})

        assert told["items"] == {
            "model": "Ridge()",
            "data": "DataFrame 7,032 \N{MULTIPLICATION SIGN} 3",
            "scores": [0.5, None],
            "deep": {"a": {"b": "dict 1 key"}},
        }

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK", "F", "P", "1"])
    def test_a_picture_is_told_as_a_small_picture(self, mode: str) -> None:
        told = describe(Image.new(mode, (4000, 3000)))

        picture = Image.open(io.BytesIO(base64.b64decode(told["image"]["data"])))
        assert (told["image"]["media_type"], picture.size) == ("image/png", (768, 576))

    def test_a_figure_is_told_as_a_picture(self) -> None:
        figure = Figure(figsize=(40, 10))
        axes = figure.add_subplot()
        axes.plot([1, 2])

        for value in (figure, axes):
            picture = Image.open(io.BytesIO(base64.b64decode(describe(value)["image"]["data"])))
            assert picture.size == (768, 192)

    def test_a_picture_of_noise_is_made_smaller_until_it_fits(self) -> None:
        noise = Image.effect_noise((3000, 3000), 100).convert("RGB")

        assert len(base64.b64decode(describe(noise)["image"]["data"])) <= 512 << 10


class TestTable:
    def test_ten_rows_and_twelve_columns_are_shown_and_the_rest_is_counted(self) -> None:
        shown = table(pd.DataFrame(np.arange(12_000 * 14).reshape(12_000, 14)))

        assert shown is not None
        assert (len(shown["columns"]), len(shown["rows"]), len(shown["rows"][0])) == (12, 10, 12)
        assert shown["more"] == "11,990 more rows, 2 more columns"

    def test_labels_numbers_and_gaps_are_written_for_people(self) -> None:
        counts = pd.DataFrame(
            {"plan": ["monthly", "yearly"], "customers": [38750, 2024], "rate": [0.123456, 12345.678], "gap": [None, 1.0]}
        ).set_index("plan")

        assert table(counts) == {
            "columns": ["plan", "customers", "rate", "gap"],
            "rows": [["monthly", "38,750", "0.1235", ""], ["yearly", "2024", "12,345.7", "1"]],
            "more": None,
        }

    def test_a_series_and_a_list_of_records_are_tables_too(self) -> None:
        assert table(pd.Series([1, 2], index=["a", "b"], name="n")) == {
            "columns": ["", "n"],
            "rows": [["a", "1"], ["b", "2"]],
            "more": None,
        }
        assert table([{"a": 1}, {"b": "x"}] * 6) == {"columns": ["a", "b"], "rows": [["1", ""], ["", "x"]] * 5, "more": "2 more rows"}

    @pytest.mark.parametrize("value", [None, 1, "x", [], [1], [{}], [{"a": 1}, 2], {"a": 1}, np.zeros((2, 2)), Ridge()], ids=repr)
    def test_other_values_are_not_tables(self, value: object) -> None:
        assert table(value) is None

    def test_every_cell_is_a_bounded_string(self) -> None:
        for value in everything():
            shown = table(value)
            if shown is not None:
                cells = [*shown["columns"], *(cell for row in shown["rows"] for cell in row)]
                assert all(isinstance(cell, str) and len(cell) <= 80 for cell in cells)
                assert json.dumps(shown, ensure_ascii=False).encode()


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


class TestMembers:
    def test_public_methods_and_attributes_are_listed_with_signature_and_first_line(self) -> None:
        assert members(Counter()) == [
            {"name": "total", "signature": "", "doc": None, "kind": "attribute"},
            {"name": "incr", "signature": "(by=1, *, twice=..., **more)", "doc": "Add to the total.", "kind": "method"},
            {"name": "half", "signature": "", "doc": "Half of it.", "kind": "attribute"},
            {"name": "zero", "signature": "()", "doc": None, "kind": "method"},
            {"name": "add", "signature": "(a, *rest)", "doc": None, "kind": "method"},
        ]

    def test_built_in_methods_are_listed(self) -> None:
        found = {member["name"]: member for member in members([])}

        assert found["append"] == {
            "name": "append",
            "signature": "(object)",
            "doc": "Append object to the end of the list.",
            "kind": "method",
        }

    def test_at_most_sixty_are_listed(self) -> None:
        assert len(members(pd.DataFrame())) == 60


class TestFit:
    def best(self, slot: str, label: str, wanted: str | None, candidates: dict[str, object]) -> str:
        return max(candidates, key=lambda name: fit(slot, label, wanted, name, glance(candidates[name])))

    @pytest.fixture
    def notebook(self, frame: pd.DataFrame) -> dict[str, object]:
        return {
            "df": frame,
            "clean_data": frame.head(),
            "ages": frame["age"],
            "learning_rate": 0.1,
            "n": 3,
            "names": ["a"],
            "ridge": Ridge(),
            "c": Counter(),
            "path": "data.csv",
            "X": np.zeros((2, 2)),
        }

    @pytest.mark.parametrize(
        ("slot", "label", "wanted", "expected"),
        [
            ("data", "The table to analyze", "DataFrame", "df"),
            ("df", "The table to analyze", "pandas.DataFrame", "df"),
            ("table", "The customers", "table", "df"),
            ("cleanData", "Cleaned table", "dataframe", "clean_data"),
            ("clean-data", "Cleaned table", None, "clean_data"),
            ("rate", "How fast it learns", "float", "learning_rate"),
            ("rows", "How many rows", "int", "n"),
            ("labels", "Names of people", "list of str", "names"),
            ("model", "The fitted model", "estimator", "ridge"),
            ("counter", "A counter to increment", "Counter", "c"),
            ("file", "Where the data lies", "string", "path"),
            ("features", "Feature matrix", "array", "X"),
            ("age", "Ages of the customers", None, "ages"),
        ],
    )
    def test_the_variable_that_a_person_would_pick_comes_first(
        self, notebook: dict[str, object], slot: str, label: str, wanted: str | None, expected: str
    ) -> None:
        assert self.best(slot, label, wanted, notebook) == expected

    @given(st.text(), st.text(), st.none() | st.text(), st.text(), st.text())
    def test_it_lies_between_nothing_and_one(self, slot: str, label: str, wanted: str | None, name: str, kind: str) -> None:
        assert 0.0 <= fit(slot, label, wanted, name, Glance(kind, "")) <= 1.0
