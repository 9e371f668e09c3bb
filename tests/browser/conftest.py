"""A browser, a JupyterLab, and pictures of what they showed. The pictures are in `test-artifacts/`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser.lab import Lab

ROOT = Path(__file__).parent.parent.parent
ARTIFACTS = ROOT / "test-artifacts"
PATIENCE = 15_000

MARGIN = 250

Open = Callable[[], Page]
Seen = Callable[[Locator, str], None]
_pages: list[Page] = []


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Give the folder for pictures and logs."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Iterator[Lab]:
    """Give a JupyterLab with a copy of the tour."""
    server = Lab(tmp_path_factory.mktemp("lab"), artifacts / "lab.log")
    shutil.copy(ROOT / "notebooks" / "tour.ipynb", server.folder)
    with server:
        yield server


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Give a browser. No longer than a module: while Playwright runs, no test of this thread can run an event loop of its own."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium)


@pytest.fixture(scope="module")
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages of one person; nothing of ours may raise on them what nobody catches."""
    uncaught: list[str] = []
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, locale="en-US")
    context.set_default_timeout(PATIENCE)

    def open_page() -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: uncaught.append(f"{error}\n{error.stack}"))
        _pages.append(page)
        return page

    yield open_page
    _pages.clear()
    context.close()
    assert [error for error in uncaught if "endo" in error] == []


@pytest.fixture
def seen(artifacts: Path) -> Seen:
    """Keeps a picture of what was shown, on a page as high as it needs."""

    def seen(shown: Locator, name: str) -> None:
        page = shown.page
        shown.scroll_into_view_if_needed()
        usual = page.viewport_size
        box = shown.bounding_box()
        assert usual is not None
        assert box is not None
        if box["height"] > usual["height"] - MARGIN:
            page.set_viewport_size({"width": usual["width"], "height": int(box["height"]) + MARGIN})
        shown.screenshot(path=artifacts / f"{name}.png", animations="disabled")
        page.set_viewport_size(usual)

    return seen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep a picture of every page when a test fails."""
    report = yield
    if report.when != "teardown" and report.failed:
        for number, page in enumerate(_pages):
            if not page.is_closed():
                page.screenshot(path=ARTIFACTS / f"failed-{item.name}-{number}.png")
    return report
