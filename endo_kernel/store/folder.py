"""The folder of a store on the disk: who may read it, and files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from endo_kernel.errors import StoreUnwritable

DATABASE = "store.sqlite"
LOCK = "lock"
BLOBS = "blobs"

_OTHERS = 0o077


def make_private_folder(folder: Path) -> None:
    """Make the folder, or take back what others may do in it. Raises StoreUnwritable where it cannot be made private."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    keep_private(folder)


def holds_store(folder: Path) -> bool:
    """Say whether there is a store in a folder."""
    return (folder / DATABASE).is_file()


def keep_private(path: Path) -> None:
    """Take back what others may do with a file or folder; what its owner may do stays as it is.

    Raises StoreUnwritable where the file system does not keep that.
    """
    if sys.platform == "win32":
        return
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
            mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise unwritable(path, error) from error
    if mode & _OTHERS:
        raise StoreUnwritable(
            f"{path} can be read by others, and its disk does not keep modes. Choose a folder on another disk for the store."
        )


def repair_modes(folder: Path) -> None:
    """Take back what others may do with the files of a store."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", LOCK):
        if (folder / name).exists():
            keep_private(folder / name)
    blobs = folder / BLOBS
    if blobs.is_dir():
        keep_private(blobs)
        for blob in blobs.iterdir():
            keep_private(blob)


def unwritable(path: Path, error: OSError) -> StoreUnwritable:
    """Say that the disk did not take a write, in the words of the operating system."""
    return StoreUnwritable(
        f"{path} cannot be written ({error.strerror or error}). Make room or make it writable, or choose another folder for the store."
    )


def write_whole(path: Path, data: bytes) -> None:
    """Put a private file in place so that, whenever the power fails, it is there whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows has no such call, and needs none."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
