"""The tools' own validator against a whole implementation of JSON Schema."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from endo_kernel.agent.schemas import problems
from endo_kernel.agent.tools import TOOLS

NAMES = sorted({"title", "code", "slots", "realm", "result", "fields", "steps", "name", "value", "label", "type", "choices", "status", "x"})
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "confined", "clean-data", "done", "choice", "X y", "a" * 300])
)
CALLS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5))
GOOD = {
    "define": {"title": "T", "code": "x", "slots": {"x": {"label": "x", "from": "clean-data"}}, "realm": "confined", "result": "y"},
    "form": {"title": "T", "fields": {"a": {"label": "A", "type": "choice", "choices": ["b"], "default": "b"}}},
    "request": {"title": "T", "label": "L", "result": "data"},
    "plan": {"steps": [{"title": "T", "status": "done"}]},
    "list_names": {},
    "lookup": {"name": "data"},
    "store": {"name": "data", "value": [1, {"a": None}]},
    "finish": {"summary": "S", "results": ["data"]},
}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["name"])
def test_a_good_call_has_no_problems(tool):
    assert list(problems(tool["input_schema"], GOOD[tool["name"]])) == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["name"])
@given(change=CALLS, key=st.sampled_from(NAMES))
def test_a_call_is_refused_exactly_where_json_schema_refuses_it(tool, change, key):
    schema = tool["input_schema"]

    for call in (change, {**GOOD[tool["name"]], key: change}):
        assert (not list(problems(schema, call))) == Draft202012Validator(schema).is_valid(call)


def test_a_problem_says_where_it_is_and_what_would_be_right():
    schema = next(tool["input_schema"] for tool in TOOLS if tool["name"] == "plan")

    (words,) = problems(schema, {"steps": [{"title": "T", "status": "lost"}]})

    assert words == "steps.0.status: 'lost' is not one of 'pending', 'active', 'done'"
