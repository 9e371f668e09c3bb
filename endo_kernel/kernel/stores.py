"""Finding a store and its kernel from a terminal."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from endo_kernel.errors import StoreError
from endo_kernel.kernel import config
from endo_kernel.store import find_owner, holds_store


def find_store(folder: Path | None, notebook: Path | None) -> Path:
    """Give the folder that was asked for; else ENDO_STORE or c.Endo.store; else the only store, or the only one with a kernel.

    Raises StoreError, which lists the stores where there are several.
    """
    if folder is not None:
        return folder.absolute()
    if notebook is not None:
        return config.find_store(os.path.abspath(notebook))
    configured = config.read_settings().folder
    if holds_store(configured):
        return configured
    stores = [store for store in sorted((Path(jupyter_data_dir()) / "endo").glob("*")) if holds_store(store)]
    if not stores:
        raise StoreError("there is no store yet: open a notebook with the kernel 'Python 3 (Endo)', or name one with --store")
    running = [store for store in stores if running_kernel(store)]
    for choice in (running, stores):
        if len(choice) == 1:
            return choice[0]
    listed = "\n".join(f"  --store {store}{'  (kernel running)' if store in running else ''}" for store in stores)
    raise StoreError(f"there are several stores; say which, or --notebook path.ipynb:\n{listed}")


def running_kernel(folder: Path) -> str | None:
    """Give the connection file of the kernel that writes a store now, or None."""
    owner = find_owner(folder)
    return owner.get("connection_file") if owner else None
