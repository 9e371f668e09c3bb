"""Installing the kernel's specification by hand, as `ipykernel install` does; a wheel brings its own."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

SPEC = Path(__file__).parent / "spec"


def install(*, user: bool = False, prefix: str | None = None, name: str = "endo", display_name: str = "Python 3 (Endo)") -> str:
    """Install the specification for this interpreter and give the folder that it is in."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        shutil.copytree(SPEC, folder)
        path = folder / "kernel.json"
        spec = json.loads(path.read_text())
        spec["argv"][0] = sys.executable
        spec["display_name"] = display_name
        path.write_text(json.dumps(spec, indent=1))
        return str(KernelSpecManager().install_kernel_spec(str(folder), name, user=user, prefix=prefix))
