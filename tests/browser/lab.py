"""A JupyterLab of this run's own, as a person has it: the installed extension and kernelspec, folders of its own, no news."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import endo_kernel

PATIENCE = 60.0
QUIET = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
ENDO = {"name": "endo", "display_name": "Python 3 (Endo)", "language": "python"}

Cells = Mapping[str, str]
"""Source by cell id, in order; an id that begins with `about` is prose."""


class Lab:
    """A server on a folder of notebooks; lives as a context, and its kernels with it."""

    def __init__(self, home: Path, log: Path, *, disabled: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self.folder = home / "notebooks"
        self.folder.mkdir(parents=True)
        self._log = log
        self._dirs = {f"JUPYTER_{kind.upper()}_DIR": str(home / kind) for kind in ("data", "config", "runtime")}
        self._env = {**os.environ, **self._dirs, "IPYTHONDIR": str(home / "ipython"), **(env or {})}
        settings = home / "config" / "labconfig"
        settings.mkdir(parents=True)
        (settings / "default_setting_overrides.json").write_text(json.dumps(QUIET))
        (settings / "page_config.json").write_text(json.dumps({"disabledExtensions": dict.fromkeys(disabled, True)}))
        self._running = threading.Event()
        self._port = _free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def write(self, name: str, cells: Cells, kernel: Mapping[str, str] = ENDO) -> Path:
        """Make a notebook."""
        path = self.folder / name
        drawn = [_cell(key, source) for key, source in cells.items()]
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": dict(kernel)}, "cells": drawn}))
        return path

    def add_kernel(self, name: str, env: Mapping[str, str]) -> dict[str, str]:
        """Add the kernel once more, under a name and with an environment of its own; give what a notebook says of it."""
        spec = Path(self._dirs["JUPYTER_DATA_DIR"]) / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        usual = json.loads((Path(endo_kernel.__file__).parent / "kernel" / "spec" / "kernel.json").read_text())
        spec.write_text(json.dumps({**usual, "display_name": name, "env": dict(env)}))
        return {"name": name, "display_name": name, "language": "python"}

    def __enter__(self) -> Self:
        options = {
            "ServerApp.root_dir": self.folder,
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self._port,
            "ServerApp.port_retries": 0,
            "ServerApp.password": "",
            "IdentityProvider.token": "",
            "GatewayClient.url": "",
        }
        given = [f"--{name}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *given],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._running.wait(PATIENCE) or self._process.poll() is not None:
            self.__exit__()
            raise AssertionError(f"JupyterLab did not start; it said:\n{self._log.read_text()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said, self._log.open("w") as log:
            for line in said:
                log.write(line)
                log.flush()
                if " is running at" in line:
                    self._running.set()
        self._running.set()


def cell_ids(path: Path) -> list[str]:
    """Give the ids of a notebook's cells in order."""
    return [cell["id"] for cell in json.loads(path.read_text())["cells"]]


def _cell(key: str, source: str) -> dict[str, Any]:
    if key.startswith("about"):
        return {"id": key, "cell_type": "markdown", "metadata": {}, "source": source}
    return {"id": key, "cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
