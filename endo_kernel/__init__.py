"""A Jupyter kernel that hosts a durable agent daemon: agents define code, a person endows it with live values."""

from __future__ import annotations

from typing import Any

from endo_kernel.errors import EndoError

__all__ = ["EndoError", "load_ipython_extension", "unload_ipython_extension"]


def __getattr__(name: str) -> str:
    """Give `__version__` from the installed package, which has it from `labextension/package.json`."""
    if name == "__version__":
        from importlib.metadata import version

        return version("endo-kernel")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Say where the built JupyterLab extension is, for `jupyter-builder develop`."""
    return [{"src": "labextension", "dest": "endo-kernel-lab"}]


def load_ipython_extension(shell: Any) -> None:
    """Give an ordinary IPython kernel, ipykernel 7.1 or later, the name `endo` and the magics."""
    from endo_kernel.kernel.extension import attach

    attach(shell, getattr(shell, "kernel", None))


def unload_ipython_extension(shell: Any) -> None:
    """Close the daemon and take the names out again."""
    from endo_kernel.kernel.extension import detach

    detach()
