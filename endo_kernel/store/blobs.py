"""Bytes kept by what they are: each file is named by the SHA-256 of its content, and read back only if it still has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from endo_kernel.errors import StoreDamaged, StoreError
from endo_kernel.store.folder import keep_private, make_private_folder, unwritable, write_whole

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """The blobs of one store. Whoever holds this can read and add any blob; nothing removes one."""

    def __init__(self, folder: Path, check_writable: Callable[[], None]) -> None:
        self._folder = folder
        self._check_writable = check_writable

    def put(self, data: bytes) -> str:
        """Keep the bytes, and give their digest once they are on the disk. The same bytes are kept once."""
        self._check_writable()
        digest = sha256(data).hexdigest()
        path = self._path(digest)
        if not self._holds(path, data):
            make_private_folder(self._folder)
            try:
                write_whole(path, data)
            except OSError as error:
                raise unwritable(path, error) from error
            keep_private(path)
        return digest

    def get(self, digest: str) -> bytes:
        """Give the bytes of a digest. Raises StoreDamaged if they are gone or have changed."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise StoreDamaged(f"{path} is missing. Restore it from a copy of the store.") from error
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror or error}).") from error
        if sha256(data).hexdigest() != digest:
            raise StoreDamaged(f"{path} has changed since it was written. Restore it from a copy of the store.")
        return data

    def has(self, digest: str) -> bool:
        """Say whether there is a blob of this digest, without reading it."""
        return self._path(digest).is_file()

    def _holds(self, path: Path, data: bytes) -> bool:
        try:
            return path.stat().st_size == len(data) and path.read_bytes() == data
        except OSError:
            return False

    def _path(self, digest: object) -> Path:
        # A digest may come from outside; only what is 64 hex digits ever becomes part of a path.
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 in lower-case hex")
        return self._folder / digest
