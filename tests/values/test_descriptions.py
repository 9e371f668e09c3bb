"""What a model is told of a value, and the table that a person is shown: bounded, and never raising."""

from __future__ import annotations

import base64
import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.linear_model import Ridge

from endo_kernel.values import describe, table
from tests.values.specimens import Counter, Unspeakable, everything


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
