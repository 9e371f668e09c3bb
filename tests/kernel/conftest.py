from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.page import Page, start_page

TOY = {"argv": ["python", "-m", "tests.kernel.toy", "-f", "{connection_file}"], "display_name": "Toy", "language": "python"}


@pytest.fixture(scope="session")
def toy_kernelspec(isolated_jupyter: Path) -> str:
    folder = isolated_jupyter / "data" / "kernels" / "toy"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(TOY))
    return "toy"


@pytest.fixture
def open_page() -> Iterator[Callable[..., Page]]:
    """Starts kernels and gives a page on each; ends them with the test."""
    pages: list[Page] = []

    def start(kernel_name: str, **env: str) -> Page:
        pages.append(start_page(kernel_name, **env))
        return pages[-1]

    yield start
    for page in pages:
        page.close()
