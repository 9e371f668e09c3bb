"""What a store promises of its commits, and of being opened and closed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from endo_kernel.errors import StoreError
from endo_kernel.store import Store, open_store, where

Beside = Callable[[str], "subprocess.Popen[str]"]


def test_what_was_committed_is_there_after_opening_again(reopen: Callable[[], Store], store: Store) -> None:
    """Documents, their ids and the store's own id outlive the process."""
    store.table("cards").insert({"state": "open"})
    store.table("anything").insert({"n": 1})

    again = reopen()

    assert again.id == store.id
    assert again.table("cards").get(doc_id=1) == {"state": "open"}
    assert again.table("anything").all() == [{"n": 1}]
    assert again.table("cards").insert({}) == 2


def test_a_commit_outlives_a_kill_and_an_open_transaction_does_not(beside: Beside, folder: Path) -> None:
    """SIGKILL inside the second transaction: the first is there, nothing of the second is."""
    killed = beside("""
store = open_store(folder)
with store.transaction():
    store.table("cards").insert({"n": 1})
    store.table("turns").insert({"n": 1})
with store.transaction():
    store.table("cards").insert({"n": 2})
    store.table("cards").update({"n": 9}, doc_ids=[1])
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert killed.wait() == -signal.SIGKILL

    with open_store(folder) as store:
        assert store.table("cards").all() == [{"n": 1}]
        assert store.table("turns").all() == [{"n": 1}]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_process_can_be_made_to_die_right_after_a_chosen_commit(beside: Beside, folder: Path, k: int) -> None:
    """on_commit is called when the commit is durable and before anything else happens."""
    killed = beside(f"""
store = open_store(folder)
store.on_commit = lambda commits: commits == {k} and os.kill(os.getpid(), signal.SIGKILL)
for n in range(5):
    store.table("turns").insert({{"n": n}})
""")
    assert killed.wait() == -signal.SIGKILL

    with open_store(folder) as store:
        assert [doc["n"] for doc in store.table("turns")] == list(range(k))


def test_commits_counts_what_reached_the_disk(store: Store) -> None:
    """One per outermost transaction that wrote, one per write outside; none for reading or for nothing."""
    seen: list[int] = []
    store.on_commit = seen.append

    store.table("cards").insert({"n": 1})
    with store.transaction(), store.transaction():
        store.table("cards").insert({"n": 2})
        store.table("turns").insert({"n": 2})
    with store.transaction():
        store.table("cards").all()
    store.table("cards").update({"n": 3}, where("n") == 99)
    store.table("cards").update({"n": 3})

    assert seen == [1, 2, 3]
    assert store.commits == 3


def test_closing_twice_is_harmless_and_using_a_closed_store_says_so(store: Store) -> None:
    """A closed store refuses with a sentence."""
    store.close()
    store.close()

    with pytest.raises(StoreError, match="is closed"):
        store.table("cards").insert({})
    with pytest.raises(StoreError, match="is closed"):
        store.table("cards").all()
    with pytest.raises(StoreError, match="is closed"):
        store.transaction().__enter__()


def test_closing_folds_the_log_into_one_file(store: Store, folder: Path) -> None:
    """A store at rest can be copied as one database file."""
    store.table("cards").insert({"n": 1})
    store.close()

    assert sorted(path.name for path in folder.iterdir()) == ["lock", "store.sqlite"]


@pytest.mark.parametrize("name", ["Cards", "store", "sqlite_master", "a b", 'x"; drop table cards; --', "", "1a", "x" * 80])
def test_a_name_that_cannot_be_a_table_is_refused(store: Store, name: str) -> None:
    """Names become SQL, so few are allowed."""
    with pytest.raises(ValueError, match="cannot name a table"):
        store.table(name)
