"""The report of a run, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from kv import lincheck
from kv.chaos.command import parse, settings
from kv.chaos.injure import Band
from kv.chaos.report import render
from kv.chaos.run import Gap, Outcome, Second
from kv.lincheck import History
from tests.book.opening import chromium

FAMILIES = ("partition", "link", "crash", "pause", "clock", "disk")
LONG = 1800


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=["--headless", "--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page about half an hour that never was."""
    folder = tmp_path_factory.mktemp("report")
    found = Outcome(
        settings(parse(["--out", str(folder / "new"), "--seed", "3"])), "now"
    )
    found.seconds = float(LONG)
    found.bands = [
        Band(FAMILIES[n % 6], f"fault {n}", 3.0 * n, 3.0 * n + n % 7)
        for n in range(600)
    ]
    found.elections = [(7.0 * n, n + 1, n % 3 + 1) for n in range(250)]
    roles = ("leader", "follower", "down", "candidate", "paused")
    found.lanes = {
        id: [(2.0 * n, roles[(n + id) % 5], n) for n in range(LONG // 2)]
        for id in (1, 2, 3, 1004)
    }
    found.per_second = [
        Second(n % 300, n % 7, n % 3, 0.002, 0.3) for n in range(LONG)
    ]
    found.gaps = [Gap(900.0, 908.5, ["fault 300"]), Gap(3.0, 5.0, [])]
    found.result = lincheck.check(History())
    path = folder / "report.html"
    path.write_text(render(found), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_fits_and_can_be_looked_into(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, offline=True,
        color_scheme=scheme,  # type: ignore[arg-type]
    )  # fmt: skip
    context.set_default_timeout(4000)
    said: list[str] = []
    page = context.new_page()
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    look_into(page)
    assert not said
    context.close()


def look_into(page: Page) -> None:
    """Zoom, go to the longest gap, and read what was wrong there."""
    view = page.locator("#view svg")
    assert "no answer for 8.5 s" in (view.text_content() or "")
    assert "is the mean" in (page.locator("#binned").text_content() or "")
    whole = view.text_content()
    page.locator("#longest").click()
    assert view.text_content() != whole
    assert page.locator("#binned").text_content() == ""
    told = page.locator("#told")
    assert "fault 300" in (told.text_content() or "")
    page.locator("#all").click()
    assert view.text_content() == whole
    view.focus()
    page.keyboard.press("+")
    assert view.text_content() != whole
    page.keyboard.press("0")
    assert view.text_content() == whole
    page.locator("a[data-from='3.0']").click()
    assert view.text_content() != whole
