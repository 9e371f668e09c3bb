"""Bytes are kept whole, privately, once, and given back only if they are still what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from endo_kernel.errors import StoreDamaged
from endo_kernel.store import Store


def test_bytes_come_back_by_their_digest_after_a_restart(store: Store, reopen: Callable[[], Store]) -> None:
    """The digest is SHA-256 in hex."""
    digest = store.blobs.put(b"a snapshot")

    assert digest == hashlib.sha256(b"a snapshot").hexdigest()
    assert store.blobs.has(digest)
    assert reopen().blobs.get(digest) == b"a snapshot"


def test_the_same_bytes_are_kept_once(store: Store, folder: Path) -> None:
    """Nothing is left beside the one file."""
    assert store.blobs.put(b"x") == store.blobs.put(b"x")

    assert len(list((folder / "blobs").iterdir())) == 1


@pytest.mark.parametrize("damage", [b"a snapshoT", b"a snap", b""])
def test_changed_bytes_are_not_given_back_and_are_mended_by_keeping_them_again(store: Store, folder: Path, damage: bytes) -> None:
    """Overwritten, torn or emptied."""
    digest = store.blobs.put(b"a snapshot")
    (folder / "blobs" / digest).write_bytes(damage)

    with pytest.raises(StoreDamaged, match="has changed since it was written"):
        store.blobs.get(digest)
    store.blobs.put(b"a snapshot")
    assert store.blobs.get(digest) == b"a snapshot"


def test_a_blob_that_is_gone_says_so(store: Store) -> None:
    """By the path that has to be restored."""
    digest = hashlib.sha256(b"never kept").hexdigest()

    assert not store.blobs.has(digest)
    with pytest.raises(StoreDamaged, match=f"{digest} is missing"):
        store.blobs.get(digest)


@pytest.mark.parametrize("digest", ["../lock", "/etc/passwd", "", "A" * 64, "a" * 63, "a" * 64 + "\n", "../" + "a" * 61, None, 7])
def test_what_is_not_a_digest_never_becomes_a_path(store: Store, digest: str) -> None:
    """The check is for what is allowed, not for what is not."""
    for act in (store.blobs.get, store.blobs.has):
        with pytest.raises(ValueError, match="not a SHA-256"):
            act(digest)
