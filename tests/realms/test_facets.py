"""A facet has what it lists, and nothing else."""

from __future__ import annotations

import pytest

from endo_kernel.errors import BadBinding
from endo_kernel.realms.facets import Facet, facet


class Counter:
    def __init__(self) -> None:
        self.n = 0

    def incr(self, by: int = 1) -> int:
        self.n += by
        return self.n

    @property
    def costly(self) -> int:
        raise AssertionError("the property ran")

    def __repr__(self) -> str:
        raise AssertionError("the repr ran")


def test_a_facet_lists_methods_and_attributes() -> None:
    counter = Counter()

    assert facet(counter, "incr", "n", "incr").names == ("incr", "n")
    assert facet(counter).names == ()


@pytest.mark.parametrize("name", ["_n", "__class__", "a.b", "two words", "", "class"])
def test_only_public_names_can_be_listed(name: str) -> None:
    with pytest.raises(BadBinding, match="cannot be in a facet"):
        facet(Counter(), name)


def test_a_name_that_the_object_lacks_is_refused_with_close_names() -> None:
    with pytest.raises(BadBinding, match="Counter has no 'incrr'; close names: incr"):
        facet(Counter(), "incrr")


def test_making_and_showing_a_facet_runs_no_code_of_the_object() -> None:
    made = facet(Counter(), "costly", "incr")

    assert repr(made) == "<facet of Counter: costly, incr>"


def test_an_object_that_answers_names_of_its_own_is_asked() -> None:
    class Remote:
        def __getattr__(self, name: str) -> object:
            if name == "ping":
                return lambda: "pong"
            raise AttributeError(name)

    assert facet(Remote(), "ping").names == ("ping",)
    with pytest.raises(BadBinding):
        facet(Remote(), "pong")


def test_a_facet_of_a_facet_can_only_narrow() -> None:
    counter = Counter()
    wide = facet(counter, "incr", "n")

    assert facet(wide, "n").target is counter
    with pytest.raises(BadBinding, match="does not allow 'incr'"):
        facet(facet(wide, "n"), "incr")


def test_a_long_list_is_shown_bounded() -> None:
    many = Facet(object(), tuple(f"name_{n}" for n in range(500)))

    assert len(repr(many)) < 200
    assert "and 492 more" in repr(many)
