"""A Jupyter kernel that hosts a durable agent daemon: agents define code, a person endows it with live values."""

from __future__ import annotations

from typing import Any

from endo_kernel.errors import EndoError

__version__ = "0.1.0"
__all__ = ["EndoError", "__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Give an ordinary IPython kernel, ipykernel 7.1 or later, the name `endo` and the magics."""
    from endo_kernel.kernel.extension import attach  # noqa: PLC0415 - importing the package opens nothing

    attach(shell, getattr(shell, "kernel", None))


def unload_ipython_extension(shell: Any) -> None:
    """Close the daemon and take the names out again."""
    from endo_kernel.kernel.extension import detach  # noqa: PLC0415 - see above

    detach()
