"""The player in a browser, and the block that puts one into a page.

Both pages here are opened as files, with the network cut: one that `play`
writes, and one of the book's kind, with walks for its lines to lead to.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from markdown import markdown
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
)

from book.weave import gate
from book.weave.catalogue import AtStep, load
from book.weave.pages import Book
from book.weave.problems import WeaveError
from port.rafttest.__main__ import main

ROOT = Path(__file__).parents[2]
PLAYER = ROOT / "book/player"

Open = Callable[..., Page]

PAGE = """
# Elections

::: scenario one-day act=2
From silence to a leader.
:::

::: scenario read-single
Another one on the same page.
:::

::: walk port/raft.py Raft.become_candidate

- `def become_candidate` @ `raft.go:902,904-906`: A guard.

:::

[the sixth step](#step-6)
"""

LATE = """
# Handing over

::: scenario one-day act=10
Much has been written before the first step.
:::
"""


def woven(tmp: Path, text: str) -> str:
    """Returns the HTML of a page, all by itself in its book."""
    pages = tmp / "pages"
    pages.mkdir(exist_ok=True)
    (pages / "one.md").write_text(text, encoding="utf-8")
    options = {"root": str(ROOT), "pages": str(pages), "gate": []}
    return markdown(
        text,
        extensions=["book.weave", "md_in_html", "smarty"],
        extension_configs={"book.weave": options},
    )


# ---- The block --------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("scenario no-day", "there is no scenario no-day"),
        ("scenario one-day act=99", "one-day has no act 99"),
        ("scenario figure-8 act=1", "figure-8 has no act 1"),
        ("scenario one-day step=3", "names no scenario"),
    ],
)
def test_what_is_not_there_is_refused(
    tmp_path: Path, block: str, complaint: str
) -> None:
    with pytest.raises(WeaveError, match=complaint) as caught:
        woven(tmp_path, f"# One\n\n::: {block}\nText.\n:::\n")
    assert "one.md:3" in str(caught.value)


@pytest.mark.parametrize("other", ["one-day act=2", "one-day"])
def test_an_act_is_played_once(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.md").write_text("::: scenario one-day act=2\nA.\n:::\n")
    (tmp_path / "b.md").write_text(f"::: scenario {other}\nB.\n:::\n")
    found = gate.problems(Book(ROOT, str(tmp_path)), ())
    assert [str(p).splitlines()[0] for p in found] == [
        "b.md:1: one-day act 2 is played at a.md:1"
    ]


def test_the_book_plays_every_scenario() -> None:
    played = {
        (s.name, s.act) for page in Book().pages for s in page.scenes
    }
    names = {p.stem for p in (ROOT / "book/scenarios").glob("*.txt")}
    # Or beside the transitions that it shows, if no page has it.
    shown = {
        seen.scenario
        for row in load(ROOT).rows
        for seen in row.seen
        if isinstance(seen, AtStep)
    }
    assert {name for name, _ in played} | shown == names
    assert {act for name, act in played if name == "one-day"} == {
        *range(1, 11)
    }


def test_the_transcript_is_there_without_a_script(tmp_path: Path) -> None:
    html = woven(tmp_path, PAGE)
    text = html.partition("application/json")[0]
    assert '<li id="step-6">' in text
    assert "With its own, the first yes makes two of three." in text
    assert "INFO 1 became candidate at term 1" in text
    # The heading of the act is its name, and no prose of its first step.
    assert "Act 2: Elections. </span>" in text
    assert "<p>Act 2" not in text
    assert 'id="read-single-step-1"' in html


# ---- In the browser ---------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `day.html`, which stands alone, and two pages."""
    folder = tmp_path_factory.mktemp("player")
    day = ROOT / "book/scenarios/one-day.txt"
    assert main(["play", str(day), "-o", str(folder / "day.html")]) == 0
    for name in ("tokens.css", "book.css", "player.css", "player.js"):
        shutil.copy(PLAYER / name, folder)
    styles = "".join(
        f'<link rel="stylesheet" href="{name}.css">'
        for name in ("tokens", "book", "player")
    )
    for name, text in (("page", PAGE), ("late", LATE)):
        (folder / f"{name}.html").write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<title>One</title>{styles}</head><body style="margin:0">'
            f'<article class="md-typeset md-content__inner">'
            f"{woven(folder, text)}</article>"
            '<script src="player.js"></script></body></html>',
            encoding="utf-8",
        )
    return folder


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Open]:
    """Opens a page as a file; fails on anything that the console says."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(name: str, width: int = 1280, **options: object) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            offline=True,
            **options,  # type: ignore[arg-type]
        )
        context.set_default_timeout(4000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: said.append(str(e)))
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def at(page: Page) -> str:
    return page.locator(".pl-at").first.inner_text()


def stage(page: Page) -> str:
    html: str = page.locator(".pl-stage").first.evaluate("e => e.innerHTML")
    return html


def test_forth_and_back_to_the_same_state(open_page: Open) -> None:
    page = open_page("day.html")
    assert at(page) == "step 1 of 100"
    seen = []
    page.get_by_label("next step").focus()
    for _ in range(12):
        seen.append(stage(page))
        page.keyboard.press("Enter")
    page.get_by_label("step back").focus()
    for there in reversed(seen):
        page.keyboard.press("Enter")
        assert stage(page) == there
    assert len(set(seen)) > 8
    page.get_by_label("to the end").click()
    assert at(page) == "step 100 of 100"
    page.get_by_label("to the beginning").click()
    assert at(page) == "before step 1 of 100"


def test_what_is_shown_is_what_was_recorded(open_page: Open) -> None:
    page = open_page("day.html#step-16")
    assert page.locator(".pl-node").nth(0).inner_text().split("\n")[0] == "L"
    arrows = page.locator(".pl-msg.pl-fresh")
    assert [a.text_content() for a in arrows.all()] == [
        "MsgApp entry 4", "MsgApp entry 4",
    ]  # fmt: skip
    new = page.locator(".pl-logs .pl-e.pl-fresh")
    assert new.count() == 1
    assert new.text_content() == "new: 1color:blue, not committed, on disk"
    arrows.first.focus()
    assert "1->2 MsgApp Term:1 Log:1/3 Commit:3 Entries:[1/4" in (
        page.locator(".pl-detail").inner_text()
    )
    rows = page.locator(".pl-peers tbody tr")
    assert rows.first.inner_text().split() == [
        "node", "2", "Replicate", "3", "5", "●",
    ]  # fmt: skip


def test_before_the_first_step_the_logs_are_whole(open_page: Open) -> None:
    page = open_page("late.html")
    assert at(page) == "before step 1 of 8"
    cells = page.locator(".pl-logs .pl-e:not(.pl-cut)")
    assert cells.first.text_content() == "1empty, applied, on disk"
    logs = page.locator(".pl-logs")
    assert logs.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_a_link_to_a_step(open_page: Open) -> None:
    page = open_page("page.html#read-single-step-5")
    assert at(page) == "before step 1 of 11"
    other = page.locator(".pl").nth(1)
    assert other.locator(".pl-at").inner_text() == "step 5 of 11"
    page.wait_for_function("scrollY > 0")
    top = other.bounding_box()
    assert top
    assert -1 < top["y"] < 200
    page.wait_for_function("document.activeElement.matches('.pl-stage')")
    page.keyboard.press("ArrowRight")
    assert other.locator(".pl-at").inner_text() == "step 6 of 11"
    page.get_by_text("the sixth step").click()
    assert at(page) == "step 6 of 11"
    page.locator(".pl-next").first.click()
    page.locator(".pl-link").first.click()
    assert page.url.endswith("page.html#step-7")
    page.reload()
    assert at(page) == "step 7 of 11"


def test_keys(open_page: Open) -> None:
    page = open_page("page.html")
    page.locator(".pl-stage").first.focus()
    for key, there in (
        ("ArrowRight", "step 1"), ("ArrowRight", "step 2"),
        ("ArrowLeft", "step 1"), ("End", "step 11"),
        ("ArrowRight", "step 11"), ("Home", "before step 1"),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert at(page) == f"{there} of 11"
    assert page.locator(".pl").nth(1).locator(".pl-at").inner_text() == (
        "step 1 of 11"
    )
    keys = page.locator(".pl-keys").first
    page.keyboard.press("?")
    assert keys.is_visible()
    assert "python -m port.rafttest run book/scenarios/one-day.txt" in (
        keys.inner_text()
    )
    page.keyboard.press("?")
    assert not keys.is_visible()
    page.keyboard.press("Space")
    assert page.locator(".pl-play").first.inner_text() == "pause"
    page.wait_for_function(
        "document.querySelector('.pl-at').textContent.startsWith('step 1 ')"
    )
    page.keyboard.press("Space")
    assert page.locator(".pl-play").first.inner_text() == "play"


def test_a_prediction_hides_what_comes(open_page: Open) -> None:
    page = open_page("page.html#step-5")
    page.locator(".pl-predict").first.click()
    before = page.locator(".pl").first.inner_text()
    assert "deliver-msgs 1" in before
    assert "candidate" not in before
    assert "makes two of three" not in before
    page.get_by_label("node 1 changes its role").first.click()
    page.get_by_label("node 2 commits more").first.click()
    page.get_by_text("I have said it").click()
    assert at(page) == "step 6 of 11"
    assert page.locator(".pl-verdict").inner_text() == (
        "You saw it coming: a new role at 1. But not: more committed at 2."
    )
    assert "makes two of three" in page.locator(".pl-say").first.inner_text()
    # Steps that only look are not asked about.
    page.evaluate("document.querySelector('.pl').player.go(10)")
    page.get_by_label("next step").first.click()
    assert at(page) == "step 11 of 11"


def test_a_line_that_ran_leads_to_its_walk(open_page: Open) -> None:
    page = open_page("page.html#step-6")
    ran = page.locator(".pl-ran").first
    ran.locator("summary", has_text="Raft.become_candidate").click()
    line = ran.locator(".pl-l", has_text="self.reset(self.term + 1)")
    number = line.locator("a").inner_text()
    source = (ROOT / "port/raft.py").read_text(encoding="utf-8").splitlines()
    assert source[int(number) - 1].strip() == "self.reset(self.term + 1)"
    line.locator("a").click()
    landed = page.locator(".wv-line:target")
    assert landed.inner_text().strip() == "self.reset(self.term + 1)"
    assert landed.locator(".wv-n").get_attribute("data-n") == number
    # What has no walk has its lines all the same, and no link.
    other = ran.locator(".pl-fn", has_text="ProgressTracker.tally_votes")
    other.locator("summary").click()
    other.locator(".pl-l").nth(3).wait_for()  # drawn once it is open
    assert other.locator("a").count() == 0


def test_listeners_are_told_what_is_new(open_page: Open) -> None:
    page = open_page("page.html#step-5")
    page.locator(".pl-next").first.click()
    said = page.locator(".pl [role=status]").first.inner_text()
    assert said.startswith("Step 6 of 11. deliver-msgs 1. With its own,")
    assert said.endswith("New at node 1: candidate and term 1.")


@pytest.mark.parametrize("name", ["day.html", "page.html"])
def test_it_fits_a_phone(open_page: Open, name: str) -> None:
    page = open_page(name, width=390, color_scheme="dark")
    widths = page.evaluate(
        """() => [...document.querySelectorAll(".pl")].flatMap(root =>
          Array.from({length: root.player.count + 1}, (_, k) => {
            root.player.go(k);
            return document.documentElement.scrollWidth;
          }))"""
    )
    assert len(widths) > 20
    assert max(widths) <= 390


def test_no_step_moves_the_controls(open_page: Open) -> None:
    page = open_page("day.html")
    tops = page.evaluate(
        """() => Array.from({length: 101}, (_, k) => {
          const p = document.querySelector(".pl").player;
          p.go(k);
          return p.bar.offsetTop;
        })"""
    )
    assert max(tops) - min(tops) <= 2


def test_nothing_moves_for_who_wants_it_still(open_page: Open) -> None:
    page = open_page("day.html#step-16", reduced_motion="reduce")
    name = "e => getComputedStyle(e).animationName"
    line = page.locator(".pl-msg.pl-fresh .pl-line").first
    assert line.evaluate(name) == "none"


def test_without_scripts_it_is_a_text(open_page: Open) -> None:
    page = open_page("page.html#step-6", java_script_enabled=False)
    assert page.locator(".pl-stage").count() == 0
    details = page.locator(".pl-text").first
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    assert page.locator('[id="step-6"]').is_visible()


def test_the_script_is_small() -> None:
    assert (PLAYER / "player.js").stat().st_size < 60_000
