"""Which members of an object a person may allow, and how well a variable fits a slot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from endo_kernel.values import fit, glance, members
from endo_kernel.values.glances import Glance
from tests.values.specimens import Counter


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
