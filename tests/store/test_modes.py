"""Nobody but the user can read what a store holds."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from endo_kernel.store import open_store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")


@pytest.fixture(autouse=True)
def nothing_masked() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder.parent)): stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def test_everything_is_private_from_the_first_moment(folder: Path) -> None:
    """Folders 0700, files 0600, whatever the umask says; the log and its index as well."""
    with open_store(folder) as store:
        store.table("cards").insert({})
        digest = store.blobs.put(b"snapshot")

        assert modes(folder) == {
            "store": 0o700,
            "store/lock": 0o600,
            "store/store.sqlite": 0o600,
            "store/store.sqlite-wal": 0o600,
            "store/store.sqlite-shm": 0o600,
            "store/blobs": 0o700,
            f"store/blobs/{digest}": 0o600,
        }


def test_wrong_modes_are_repaired_when_the_store_is_opened(folder: Path) -> None:
    """A copy from a stick, or a careless chmod -R."""
    with open_store(folder) as store:
        store.blobs.put(b"snapshot")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)

    with open_store(folder):
        found = modes(folder)

    assert {name: mode for name, mode in found.items() if mode & 0o077} == {}


def test_the_folders_above_are_left_as_they_are(tmp_path: Path) -> None:
    """Only the store's own folder is the store's business."""
    tmp_path.chmod(0o755)

    open_store(tmp_path / "a" / "store").close()

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
