"""What every table of documents does, be it TinyDB's own in memory or ours on the disk. Run by test_store_contract."""

from __future__ import annotations

import pytest
from tinydb.table import Document, Table

from endo_kernel.store import Query, where


class StoreContract:
    """The promises of one table, given as the fixture `table`, empty."""

    def test_an_inserted_document_is_found_by_its_id(self, table: Table) -> None:
        """What goes in comes out, under the id that insert gave."""
        doc_id = table.insert({"state": "open", "slots": [{"name": "data"}], "at": 1.5, "why": None, "é\n": True})

        found = table.get(doc_id=doc_id)

        assert found == {"state": "open", "slots": [{"name": "data"}], "at": 1.5, "why": None, "é\n": True}
        assert found.doc_id == doc_id

    def test_ids_count_up_from_one_in_the_order_of_insertion(self, table: Table) -> None:
        """Ids are 1, 2, 3, and iteration follows them."""
        assert [table.insert({"n": n}) for n in range(3)] == [1, 2, 3]
        assert table.insert_multiple([{"n": 3}, {"n": 4}]) == [4, 5]

        assert [(doc.doc_id, doc["n"]) for doc in table] == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]
        assert table.all() == list(table)
        assert len(table) == 5

    def test_an_id_is_not_used_again_after_its_document_is_removed(self, table: Table) -> None:
        """A card number means one card for ever."""
        table.insert_multiple([{}, {}, {}])

        assert table.remove(doc_ids=[3]) == [3]

        assert table.insert({}) == 4

    def test_what_is_not_there_is_none(self, table: Table) -> None:
        """Looking for nothing raises nothing."""
        assert table.get(doc_id=1) is None
        assert table.get(where("state") == "open") is None
        assert table.search(where("state") == "open") == []
        assert not table.contains(doc_id=1)
        assert not table.contains(where("state") == "open")
        assert table.get(doc_ids=[1, 2]) == []
        assert (len(table), table.all(), list(table)) == (0, [], [])
        assert table.update({"a": 1}, doc_ids=[1]) == []
        assert table.remove(doc_ids=[1]) == []

    def test_search_gives_what_the_condition_accepts(self, table: Table) -> None:
        """Conditions of every shape are decided as Python decides them."""
        table.insert_multiple(
            [{"state": "open", "task": 1}, {"state": "open", "task": 2}, {"state": "done", "task": 2}, {"task": {"deep": 3}}]
        )

        def found(cond: object) -> list[int]:
            return [doc.doc_id for doc in table.search(cond)]

        assert found(where("state") == "open") == [1, 2]
        assert found((where("state") == "open") & (where("task") == 2)) == [2]
        assert found((where("state") == "done") | (where("task") == 1)) == [1, 3]
        assert found(~(where("state") == "open")) == [3, 4]
        assert found(where("state").exists()) == [1, 2, 3]
        assert found(where("task").deep == 3) == [4]
        assert found(where("state").test(lambda state: state.startswith("o"))) == [1, 2]
        assert found(where("task").one_of([1, 2])) == [1, 2, 3]
        assert found(Query().fragment({"state": "done"})) == [3]
        assert found(lambda doc: len(doc) == 1) == [4]

    def test_a_search_sees_what_was_written_since_the_same_search(self, table: Table) -> None:
        """No answer is older than the last write."""
        open_ones = where("state") == "open"
        table.insert({"state": "open"})
        assert table.count(open_ones) == 1

        table.insert({"state": "open"})
        table.update({"state": "done"}, doc_ids=[1])

        assert [doc.doc_id for doc in table.search(open_ones)] == [2]

    def test_get_gives_the_first_that_matches_or_those_of_the_ids(self, table: Table) -> None:
        """One condition gives one document, ids give a list in the order of ids."""
        table.insert_multiple([{"n": 0}, {"n": 1}, {"n": 1}])

        assert table.get(where("n") == 1).doc_id == 2
        assert [doc.doc_id for doc in table.get(doc_ids=[3, 9, 1])] == [1, 3]
        with pytest.raises(RuntimeError, match="cond or doc_id"):
            table.get()

    def test_update_sets_fields_of_the_given_documents(self, table: Table) -> None:
        """By ids, by condition, or in all of them; the ids of what changed come back."""
        table.insert_multiple([{"n": 0}, {"n": 1}, {"n": 2}])

        assert table.update({"seen": True}, doc_ids=[3, 1, 9]) == [3, 1]
        assert table.update({"n": 7}, where("n") == 1) == [2]
        assert table.update(lambda doc: doc.pop("seen", None)) == [1, 2, 3]

        assert table.all() == [{"n": 0}, {"n": 7}, {"n": 2}]

    def test_an_update_that_fails_changes_nothing(self, table: Table) -> None:
        """All or none."""
        table.insert_multiple([{"n": 1}, {"m": 1}])

        with pytest.raises(KeyError):
            table.update(lambda doc: doc.update(n=doc["n"] + 1))

        assert len(table) == 2

    def test_update_multiple_applies_each_change_to_its_matches(self, table: Table) -> None:
        """Several changes in one go."""
        table.insert_multiple([{"n": 0}, {"n": 1}])

        assert table.update_multiple([({"a": 1}, where("n") == 0), ({"b": 1}, where("n") == 1)]) == [1, 2]

        assert table.all() == [{"n": 0, "a": 1}, {"n": 1, "b": 1}]

    def test_upsert_updates_or_inserts(self, table: Table) -> None:
        """A second upsert finds the first."""
        assert table.upsert({"name": "df", "to": 1}, where("name") == "df") == [1]
        assert table.upsert({"name": "df", "to": 2}, where("name") == "df") == [1]
        assert table.upsert(Document({"name": "x"}, doc_id=7)) == [7]
        assert table.upsert(Document({"to": 3}, doc_id=7)) == [7]
        with pytest.raises(ValueError, match="doc_id"):
            table.upsert({"name": "df"})

        assert table.all() == [{"name": "df", "to": 2}, {"name": "x", "to": 3}]

    def test_a_document_brings_its_own_id(self, table: Table) -> None:
        """A taken id is refused, and later ids lie above."""
        table.insert(Document({"n": 1}, doc_id=12))

        with pytest.raises(ValueError, match="12 already exists"):
            table.insert(Document({"n": 2}, doc_id=12))
        assert table.insert({"n": 3}) == 13
        assert table.get(doc_id=12) == {"n": 1}

    def test_what_is_not_a_mapping_is_refused(self, table: Table) -> None:
        """A document is a mapping."""
        with pytest.raises(ValueError, match="not a Mapping"):
            table.insert(["state"])
        with pytest.raises(ValueError, match="not a Mapping"):
            table.insert_multiple([{"n": 1}, 3])

        assert len(table) == 0

    def test_remove_takes_what_it_is_told_and_truncate_takes_all(self, table: Table) -> None:
        """Removing without saying what is refused."""
        table.insert_multiple([{"n": n % 2} for n in range(6)])

        assert table.remove(where("n") == 0) == [1, 3, 5]
        assert table.remove(doc_ids=[2]) == [2]
        with pytest.raises(RuntimeError, match="truncate"):
            table.remove()
        assert len(table) == 2
        table.truncate()

        assert table.all() == []

    def test_documents_may_be_written_while_the_table_is_gone_through(self, table: Table) -> None:
        """A loop over a table sees what was there when it began."""
        table.insert_multiple([{"n": 0}, {"n": 1}])

        for doc in table.all():
            table.insert({"n": doc["n"] + 10})
            table.update({"seen": True}, doc_ids=[doc.doc_id])

        assert [doc["n"] for doc in table] == [0, 1, 10, 11]
