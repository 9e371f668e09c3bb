"""What our tables promise beyond TinyDB's: indexes, pages, copies, ids for ever."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endo_kernel.errors import StoreDamaged
from endo_kernel.store import Store, open_store, where
from endo_kernel.store.conditions import find_equalities
from endo_kernel.store.schema import TABLES, field_sql, fields_of

AWKWARD = [
    "open",
    "",
    "1",
    "a\0b",
    "\ud800",
    "é",
    '"',
    "[1]",
    0,
    1,
    -1,
    1.0,
    0.0,
    -0.0,
    2**53 + 1,
    2**53,
    2**63,
    2**70,
    1.5,
    True,
    False,
    None,
]
values = st.sampled_from(AWKWARD) | st.text(max_size=3) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("module") / "store") as store:
        yield store


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    docs=st.lists(st.fixed_dictionaries({}, optional={"state": values | st.lists(values, max_size=2), "task": values}), max_size=8),
    a=values,
    b=values,
)
def test_an_index_never_leaves_out_what_python_would_find(cards: Store, docs: list[dict[str, Any]], a: object, b: object) -> None:
    """Any value, also those that SQLite and Python compare differently."""
    table = cards.table("cards")
    with cards.transaction():
        table.truncate()
        table.insert_multiple(docs)

    for cond in (
        where("state") == a,
        (where("state") == a) & (where("task") == b),
        ((where("state") == a) & (where("task") == b)) | (where("task") == a),
    ):
        assert [dict(doc) for doc in table.search(cond)] == [doc for doc in docs if cond(doc)]
        assert table.count(cond) == len([doc for doc in docs if cond(doc)])


def test_equality_on_an_indexed_field_is_answered_by_the_index(store: Store) -> None:
    """SQLite says that it searches, and does not scan or sort."""
    for table, indexes in TABLES.items():
        for fields in map(fields_of, indexes):
            tests = " AND ".join(f"{field_sql(name)} IS ?" for name in fields)
            sql = f'EXPLAIN QUERY PLAN SELECT id, doc FROM "{table}" WHERE {tests} ORDER BY id DESC'
            plan = [row[3] for row in store._database.rows(sql, ["x"] * len(fields))]
            assert plan == [f"SEARCH {table} USING INDEX {table}_by_{'_'.join(fields)} ({' AND '.join(['<expr>=?'] * len(fields))})"]


def test_only_equalities_that_must_hold_are_taken_from_a_condition() -> None:
    """`and` narrows; `or`, `not`, deep fields, other fields and values that SQLite cannot compare do not."""
    fields = ("state", "task")

    assert find_equalities(where("state") == "open", fields) == [("state", "open")]
    assert sorted(find_equalities((where("state") == "open") & (where("task") == 1) & (where("x") == 1), fields)) == [
        ("state", "open"),
        ("task", 1),
    ]
    assert find_equalities((where("state") == "open") & ~(where("task") == 1), fields) == [("state", "open")]
    assert find_equalities((where("state") == "open") | (where("task") == 1), fields) == []
    assert find_equalities(~(where("state") == "open"), fields) == []
    assert find_equalities(where("state").deep == "open", fields) == []
    assert find_equalities(where("state") != "open", fields) == []
    assert find_equalities(where("state") == "a\0b", fields) == []
    assert find_equalities(where("state") == 2**64, fields) == []
    assert find_equalities(where("state") == float.fromhex("nan"), fields) == []
    assert find_equalities(where("state") == [1], fields) == []
    assert find_equalities(lambda doc: True, fields) == []


def test_last_gives_the_newest_match_and_reads_no_more(store: Store) -> None:
    """The last turn of a task costs the same however long the task is."""
    turns = store.table("turns")
    turns.insert_multiple([{"task": n % 2, "n": n} for n in range(10)])
    asked: list[int] = []

    def is_even(doc: Any) -> bool:
        asked.append(doc["n"])
        return True

    assert turns.last((where("task") == 0) & where("n").test(lambda n: n < 5)) == {"task": 0, "n": 4}
    assert turns.last(is_even) == {"task": 1, "n": 9}
    assert asked == [9]
    assert turns.last(where("task") == 7) is None


def test_a_history_is_read_backwards_in_pages(store: Store) -> None:
    """newest, limit and before."""
    turns = store.table("turns")
    turns.insert_multiple([{"task": 1, "n": n} for n in range(1, 8)])
    mine = where("task") == 1

    page = turns.search(mine, newest=True, limit=3)
    assert [doc["n"] for doc in page] == [7, 6, 5]
    page = turns.search(mine, newest=True, limit=3, before=page[-1].doc_id)
    assert [doc["n"] for doc in page] == [4, 3, 2]
    assert [doc["n"] for doc in turns.search(mine, before=3)] == [1, 2]
    assert [doc["n"] for doc in turns.search(mine, limit=2)] == [1, 2]
    assert turns.search(mine, limit=0) == []


def test_what_came_before_is_counted_without_reading_it(store: Store) -> None:
    """How many older turns there are; an index alone answers where it can."""
    turns = store.table("turns")
    turns.insert_multiple([{"task": n % 2, "role": "user"} for n in range(10)])

    assert turns.count(where("task") == 1) == 5
    assert turns.count(where("task") == 1, before=5) == 2
    assert turns.count((where("task") == 1) & (where("role") == "user"), before=5) == 2
    assert turns.count(where("task") == "1") == 0


def test_a_document_handed_out_is_a_copy(store: Store) -> None:
    """Editing it changes no later read, however deep the edit."""
    cards = store.table("cards")
    given_in = {"slots": [{"name": "data"}]}
    cards.insert(given_in)

    given_in["slots"][0]["name"] = "changed"
    cards.all()[0]["slots"][0]["name"] = "changed"
    cards.search(where("slots").exists())[0]["slots"].clear()

    assert cards.get(doc_id=1) == {"slots": [{"name": "data"}]}


def test_an_update_that_fails_halfway_changes_nothing(store: Store) -> None:
    """The first document fits, the second does not: neither has changed."""
    cards = store.table("cards")
    cards.insert_multiple([{"n": 1}, {"m": 1}])

    with pytest.raises(KeyError):
        cards.update(lambda doc: doc.update(n=doc["n"] + 1))
    with pytest.raises(TypeError, match="not JSON serializable"):
        cards.update(lambda doc: doc.update(n=object() if "m" in doc else 2))

    assert cards.all() == [{"n": 1}, {"m": 1}]


def test_ids_are_never_used_again(store: Store, reopen: Callable[[], Store]) -> None:
    """Not after a removal, not after truncate, not after a restart."""
    store.table("cards").insert_multiple([{}, {}, {}])
    store.table("cards").remove(doc_ids=[3])
    store.table("cards").truncate()

    assert reopen().table("cards").insert({}) == 4


@pytest.mark.parametrize("doc", [{"x": math.nan}, {"x": math.inf}, {"x": object()}, {"x": b""}, {"x": {1, 2}}])
def test_what_json_cannot_say_is_refused(store: Store, doc: dict[str, Any]) -> None:
    """Nothing is kept in another form than it was given without a word."""
    with pytest.raises((ValueError, TypeError)):
        store.table("cards").insert(doc)

    assert len(store.table("cards")) == 0


def test_every_string_comes_back_byte_for_byte(store: Store, reopen: Callable[[], Store]) -> None:
    """Also NUL, emoji, and half a surrogate pair, which is what a model may send."""
    text = "\0\x01 é 😀 \ud83d \u2028 \\ \" '"
    store.table("turns").insert({"task": 1, "text": text, text: 1})

    assert reopen().table("turns").get(where("task") == 1) == {"task": 1, "text": text, text: 1}


def test_the_order_of_fields_is_kept(store: Store) -> None:
    """A raw API message is sent again with its keys in the same order."""
    store.table("turns").insert({"z": 1, "a": {"y": 1, "b": 2}})

    doc = store.table("turns").all()[0]
    assert (list(doc), list(doc["a"])) == (["z", "a"], ["y", "b"])


def test_a_row_that_is_not_json_says_which(store: Store, folder: Path) -> None:
    """Damage that is found late is still named."""
    store.table("scratch").insert({})
    store._database.write("UPDATE scratch SET doc = '{oops'")

    with pytest.raises(StoreDamaged, match=r"document 1 of 'scratch' is not JSON.*Restore store.sqlite from a copy"):
        store.table("scratch").all()


def test_ids_are_read_from_the_index_alone(folder: Path) -> None:
    with open_store(folder) as store:
        cards = store.table("cards")
        for state in ("open", "done", "open", "unknown"):
            cards.insert({"state": state})

        assert cards.ids("state", "open", "unknown") == [1, 3, 4]
        with pytest.raises(ValueError, match="'title' of 'cards' has no index"):
            cards.ids("title", "x")
