"""One writer per store: a lock on a file, which the operating system takes back when its holder dies.

The file also says who holds it. That is believed only while the lock is held: what a dead process wrote means nothing.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from endo_kernel.errors import StoreLocked
from endo_kernel.powers import Json
from endo_kernel.store.folder import LOCK, keep_private, unwritable

_ATTEMPTS = 6
_PAUSE = 0.02

if sys.platform == "win32":
    import msvcrt

    # Windows keeps others from reading a locked range, so the range lies far behind what the file says.
    _FAR = 1 << 30

    def _try_lock(handle: int, *, shared: bool) -> bool:
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


class WriterLock:
    """The right to write one store, from `take_lock` until `release` or the death of the process."""

    def __init__(self, handle: int, owner: Mapping[str, Json]) -> None:
        self.owner = owner
        self._handle: int | None = handle

    def release(self) -> None:
        """Let others write. Twice is harmless."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            _unlock(self._handle)
            self.abandon()

    def abandon(self) -> None:
        """Close this process's handle and leave the lock as it is: in a forked child it is the parent's."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def take_lock(folder: Path, owner: Mapping[str, Json]) -> WriterLock:
    """Become the writer of a store. Raises StoreLocked, naming the holder, where there is one, be it this process."""
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        keep_private(path)
        if not _lock_patiently(handle):
            raise StoreLocked(describe_holder(folder, _read(path)))
        said = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now(), **owner}
        _write(handle, path, said)
    except BaseException:
        os.close(handle)
        raise
    return WriterLock(handle, said)


def find_owner(folder: Path) -> Mapping[str, Json] | None:
    """Say who writes a store now; None where nobody does."""
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        if _try_lock(handle, shared=True):
            _unlock(handle)
            return None
        return _read(path)
    finally:
        os.close(handle)


def describe_holder(folder: Path, owner: Mapping[str, Json]) -> str:
    """Say in a sentence who writes a store, and what to do."""
    notebook = f" for {owner['notebook']}" if owner.get("notebook") else ""
    return (
        f"The store in {folder} is being written by process {owner.get('pid', '(unknown)')} on {owner.get('host', '(unknown)')}{notebook}, "
        f"since {owner.get('since', '(unknown)')}. Shut that kernel down to write here, or open the store for reading only."
    )


def _lock_patiently(handle: int) -> bool:
    """Try for a tenth of a second: whoever asks who the owner is (`find_owner`) holds a shared lock for an instant."""
    for _ in range(_ATTEMPTS):
        if _try_lock(handle, shared=False):
            return True
        time.sleep(_PAUSE)
    return False


def _write(handle: int, path: Path, said: Mapping[str, Json]) -> None:
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(said).encode())
    except OSError as error:
        raise unwritable(path, error) from error


def _read(path: Path) -> Mapping[str, Json]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("Mapping[str, Json]", said) if isinstance(said, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
