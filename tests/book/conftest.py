"""The site, built once for all tests, and the browser that opens it.

The pages are opened as files, with the network cut: what works here works
anywhere. The browser is the system's Chromium; without one, the tests that
want it are skipped, and the build alone is tested.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    sync_playwright,
)

from tests.book.opening import FLAGS, Open, build, chromium


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The built site, without a copy of the Go, and what the build said.

    Where the tests run in several processes, the first to come builds it for
    all.
    """
    if "PYTEST_XDIST_TESTRUNUID" not in os.environ:
        target = tmp_path_factory.mktemp("site")
        return target, build(target, RAFT_UPSTREAM="")
    shared = tmp_path_factory.getbasetemp().parent
    target, said = shared / "site", shared / "site.txt"
    with open(shared / "site.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            said.write_text(build(target, RAFT_UPSTREAM=""), "utf-8")
    return target, said.read_text("utf-8")


@pytest.fixture(scope="session")
def site(built: tuple[Path, str]) -> Path:
    """The built site."""
    return built[0]


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """The names of the pages."""
    found = sorted(p.relative_to(site).as_posix() for p in site.glob("*.html"))
    return [name for name in found if name != "404.html"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a file, and closed behind them.

    While it is open, Playwright's event loop counts as running, and no later
    test of the suite could start one of its own.
    """
    path = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """Opens a page as a file; fails on anything that the console says."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(
        name: str = "becoming.html",
        width: int = 1280,
        scheme: str = "light",
        script: bool = True,
        offline: bool = True,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=script,
            offline=offline,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(10_000)
        context.set_default_navigation_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on("requestfailed", lambda r: said.append(f"no {r.url}"))
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
