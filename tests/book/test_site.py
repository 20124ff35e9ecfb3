"""The book as a reader meets it: built strictly, opened in a browser."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from mkdocs.commands.build import build as mkdocs_build
from mkdocs.config import load_config
from playwright.sync_api import Browser, Page, Route

from book.weave import catalogue, facts, gate
from book.weave.pages import Book
from tests.book.opening import ROOT, Open


def walk(page: Page, name: str) -> str:
    """Returns the selector of a walk."""
    return f'[id="raft.Raft.{name}"]'


# ---- The files --------------------------------------------------------------


def test_the_build_says_what_notes_cover(built: tuple[Path, str]) -> None:
    assert re.search(
        r"Notes cover every line of \d+ files, and a part of \d+", built[1]
    )
    files = {c.file: c for c in gate.coverage(Book())}
    for name in ("port/raft.py", "raft.go"):
        assert files[name].covered == files[name].total


def test_a_copy_of_the_go_comes_with_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site of one page, built as the whole one is."""
    checkout = tmp_path / "upstream"
    for name, file in facts.load().items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("//\n" * file.lines, encoding="utf-8")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.md").write_text("# One\n", encoding="utf-8")
    monkeypatch.setenv("RAFT_UPSTREAM", str(checkout))
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    config = load_config(
        str(ROOT / "mkdocs.yml"),
        docs_dir=str(pages),
        site_dir=str(tmp_path / "site"),
        nav=["index.md"],
    )
    mkdocs_build(config)
    assert (tmp_path / "site/go/raft.go.js").is_file()
    html = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert '<meta name="raft-go" content="go/">' in html


def test_pages_load_nothing_from_elsewhere(
    site: Path, pages: list[str]
) -> None:
    loads = re.compile(r'(?:<link[^>]*rel="stylesheet"[^>]*href|src)="(\w+:)')
    for name in pages:
        html = (site / name).read_text(encoding="utf-8")
        assert loads.findall(html) == [], name
        assert str(ROOT) not in html, name


def test_every_line_shown_is_the_line_that_it_says(
    site: Path, pages: list[str]
) -> None:
    walk = re.compile(r'<section class="wv-walk".*?</section>', re.DOTALL)
    path = re.compile(r'<p class="wv-from"><code>(.*?\.py)')
    shown = re.compile(
        r'class="wv-line.*?data-n="(\d+)".*?</a>(.*?)</span>\n', re.DOTALL
    )
    count = 0
    for name in pages:
        for section in walk.findall((site / name).read_text(encoding="utf-8")):
            found = path.search(section)
            assert found is not None, f"{name}: a walk that names no file"
            source = (ROOT / found[1]).read_text(encoding="utf-8").splitlines()
            for number, inner in shown.findall(section):
                text = unescape(re.sub(r"<.*?>", "", inner)).rstrip()
                assert text == source[int(number) - 1], f"{name}: {number}"
                count += 1
    assert count > 70


# ---- In the browser ---------------------------------------------------------


def test_a_link_lands_on_its_line(open_page: Open) -> None:
    page = open_page("becoming.html#raft.Raft.become_follower.3")
    line = page.locator('[id="raft.Raft.become_follower.3"]')
    assert line.inner_text().strip() == "self.reset(term)"
    box = line.bounding_box()
    assert box
    assert 0 < box["y"] < 900
    mark = "e => getComputedStyle(e).outlineStyle"
    assert line.evaluate(mark) == "solid"


def test_both_sides_light_up(open_page: Open) -> None:
    page = open_page()
    segment = page.locator(f"{walk(page, 'reset')} .wv-seg").nth(1)
    sides = [segment.locator(".wv-note"), segment.locator(".wv-lines")]
    colour = "e => getComputedStyle(e).backgroundColor"

    def lit() -> list[str]:
        return [side.evaluate(colour) for side in sides]

    dark = lit()
    for side in sides:
        side.hover()
        both = lit()
        assert both[0] == both[1] != dark[0]
        page.mouse.move(5, 5)
        assert lit() == dark
    sides[0].locator("summary").focus()
    assert lit()[0] == lit()[1] != dark[0]


@pytest.mark.parametrize("script", [True, False])
def test_a_note_opens(open_page: Open, script: bool) -> None:
    page = open_page(script=script)
    note = page.locator(f"{walk(page, 'reset')} .wv-key .wv-note").first
    rest = note.locator(".wv-more")
    assert not rest.is_visible()
    note.locator("summary").click()
    assert rest.is_visible()
    assert rest.locator('a[href$="/pull/2461"]').is_visible()
    note.locator("summary").press("Enter")
    assert not rest.is_visible()


def test_the_code_is_in_one_piece_and_fits(open_page: Open) -> None:
    page = open_page()
    tops = page.evaluate(
        """() => [...document.querySelectorAll(".wv-code")].map(code =>
          [...code.querySelectorAll(".wv-line")].map(line => {
            const box = line.getBoundingClientRect();
            return [box.top, box.bottom, line.scrollWidth - line.clientWidth];
          }))"""
    )
    for lines in tops:
        for (_, bottom, over), (top, _, _) in pairwise(lines):
            assert abs(top - bottom) < 0.5
            assert over <= 0
    # The widest line that there may be still fits beside the notes.
    widths = page.evaluate(
        """() => {
          const line = document.querySelector(".wv-line");
          line.querySelector(".wv-text").textContent = "x".repeat(80 -
            line.querySelector(".wv-in").textContent.length);
          return [line.scrollWidth, line.clientWidth];
        }"""
    )
    assert widths[0] <= widths[1]


def test_on_a_phone_a_note_follows_its_lines(open_page: Open) -> None:
    page = open_page(width=390)
    segment = page.locator(f"{walk(page, 'reset')} .wv-seg").nth(1)
    note = segment.locator(".wv-note").bounding_box()
    lines = segment.locator(".wv-lines").bounding_box()
    assert note
    assert lines
    assert note["y"] >= lines["y"] + lines["height"]


def test_the_strip_says_where_the_reader_is(open_page: Open) -> None:
    page = open_page("becoming.html#raft.Raft.become_leader.3")
    here = page.locator(".wv-strip [aria-current]")
    here.wait_for()
    assert here.locator("code").inner_text() == "become_leader"
    assert here.locator(".wv-role-tag").inner_text() == "L"
    page.locator(".wv-strip a", has_text="become_candidate").click()
    current = page.locator(".wv-strip [aria-current]")
    current.get_by_text("become_candidate", exact=True).wait_for()
    assert page.locator(walk(page, "become_candidate")).is_visible()


def test_a_name_lights_up_wherever_it_stands(open_page: Open) -> None:
    page = open_page()
    code = page.locator(f"{walk(page, 'become_follower')} .wv-text")
    name = code.locator("a.wv-sym", has_text="reset")
    name.first.click()
    lit = page.locator(".wv-same")
    assert set(lit.all_inner_texts()) == {"reset"}
    assert lit.count() >= 4
    told = page.locator(".wv-uses")
    assert f"reset stands {lit.count()} times" in (told.text_content() or "")
    assert page.url.endswith("becoming.html")
    told.get_by_role("link", name="its walk").click()
    assert page.url.endswith("becoming.html#raft.Raft.reset")
    page.keyboard.press("Escape")
    assert lit.count() == 0
    # Whoever uses the keyboard goes there at once.
    name.first.focus()
    page.keyboard.press("Enter")
    assert lit.count() == 0
    # A name that leads nowhere lights up, too, and goes out again.
    field = page.locator(f"{walk(page, 'reset')} .wv-text .n")
    field = field.filter(has_text=re.compile("^lead$")).first
    field.click()
    assert set(lit.all_inner_texts()) == {"lead"}
    field.click()
    assert lit.count() == 0


def test_a_name_in_code_leads_to_its_walk_on_another_page(
    open_page: Open,
) -> None:
    page = open_page()
    name = page.locator(f"{walk(page, 'reset')} .wv-text a.wv-sym")
    away = name.filter(has_text="abort_leader_transfer")
    away.click()
    away.click()
    page.wait_for_url("**/transfer.html#raft.Raft.abort_leader_transfer")


def test_below_the_code_stands_who_uses_it(open_page: Open) -> None:
    page = open_page()
    around = page.locator(f"{walk(page, 'reset')} .wv-around")
    assert not around.locator("dl").is_visible()
    around.locator("summary").click()
    assert around.locator("dl").is_visible()
    users = around.locator("dd").first.locator("a")
    assert users.all_inner_texts() == [
        "Raft.become_follower",
        "Raft.become_candidate",
        "Raft.become_leader",
    ]
    assert around.locator("a", has_text="etcd#2461").count() == 1
    users.first.click()
    line = page.locator('[id="raft.Raft.become_follower.3"]:target')
    assert line.inner_text().strip() == "self.reset(term)"


def test_the_path_says_which_page_this_is(open_page: Open) -> None:
    page = open_page("write.html")
    here = page.locator(".wv-here")
    assert "A day in the life of a cluster" in here.inner_text()
    assert here.locator("[aria-current]").get_attribute("title") == "A write"
    assert "act 3" in here.inner_text()
    thumb = here.get_by_label("About: follower, leader")
    assert thumb.locator(".wv-unlit").count() == 2
    here.locator("a", has_text="Commit").click()
    page.wait_for_url("**/commit.html")


def test_the_sheet_is_two_sheets_of_paper(open_page: Open) -> None:
    page = open_page("cheatsheet.html")
    sheets = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", sheets)) == 2
    size = re.search(rb"MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", sheets)
    assert size
    assert [round(float(side)) for side in size.groups()] == [595, 842]


def test_search_finds_part_of_a_name(open_page: Open) -> None:
    page = open_page("index.html")
    page.locator(".md-search__input").click()
    page.keyboard.type("candidate")
    found = page.locator(".md-search-result__item")
    found.first.wait_for()
    assert any("become_candidate" in text for text in found.all_inner_texts())


def test_key_notes_alone_and_kept_so(open_page: Open) -> None:
    page = open_page()
    notes = page.locator(f"{walk(page, 'reset')} .wv-note")
    everything = notes.count()
    page.locator("#wv-only-key").check()
    visible = [n for n in notes.all() if n.is_visible()]
    assert 1 <= len(visible) < everything
    assert all("key note" in (n.get_attribute("aria-label") or "")
               for n in visible)  # fmt: skip
    page.reload()
    assert page.locator("#wv-only-key").is_checked()
    assert not notes.first.is_visible()


def test_the_go_stands_beside(open_page: Open) -> None:
    page = open_page(offline=False)
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        text = "".join(f"\tline {n}\n" for n in range(1, 2300))
        route.fulfill(
            body=text, headers={"access-control-allow-origin": "*"}
        )

    page.route("https://raw.githubusercontent.com/**", answer)
    page.locator("#wv-show-go").check()
    go = page.locator(f"{walk(page, 'become_candidate')} .wv-gocode")
    go.first.wait_for()
    lines = [s.strip() for s in go.first.inner_text().split("\n") if s.strip()]
    assert lines == ["line 902", "line 904", "line 905", "line 906"]
    upstream = "https://raw.githubusercontent.com/etcd-io/raft/v3.7.0/raft.go"
    assert asked == [upstream]
    page.locator("#wv-show-go").uncheck()
    assert page.locator(".wv-gocode").count() == 0


def test_without_the_go_it_says_so(browser: Browser, site: Path) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/becoming.html")
    page.locator("#wv-show-go").click()
    said = page.locator(".wv-said")
    said.get_by_text("cannot be had just now").wait_for()
    assert not page.locator("#wv-show-go").is_checked()
    context.close()


def test_marked_code_is_copied_without_notes(open_page: Open) -> None:
    page = open_page("becoming.html#raft.Raft.become_follower")

    def end_of(n: int, at: str) -> tuple[float, float]:
        name = f"raft.Raft.become_follower.{n}"
        box = page.locator(f'[id="{name}"] .wv-text').bounding_box()
        assert box
        x = box["x"] + (1 if at == "start" else box["width"] - 1)
        return x, box["y"] + box["height"] / 2

    page.mouse.move(*end_of(3, "start"))
    page.mouse.down()
    page.mouse.move(*end_of(5, "end"), steps=4)
    page.mouse.up()
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "self.reset(term)\n"
        "        self.tick = self.tick_election\n"
        "        self.lead = lead"
    )


def test_paper_shows_every_note(open_page: Open) -> None:
    page = open_page()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    hidden = page.locator(".wv-more").evaluate_all(
        "all => all.filter(e => !e.checkVisibility()).length"
    )
    assert hidden == 0
    assert not page.locator(".wv-strip").is_visible()


# ---- Colours ----------------------------------------------------------------


# ---- Transitions -------------------------------------------------------------


def test_a_bare_name_leads_to_raft_first(site: Path) -> None:
    """`restore` is raft's where it may be, though others share the name."""
    text = (site / "snapshots.html").read_text("utf-8")
    assert 'class="wv-sym" href="#raft.Raft.restore"' in text
    text = (site / "step.html").read_text("utf-8")
    assert 'href="elections.html#raft.Raft.campaign"' in text


def test_every_transition_has_one_home(site: Path, pages: list[str]) -> None:
    ids = {
        name: re.findall(r'\bid="([^"]+)"', (site / name).read_text("utf-8"))
        for name in pages
    }
    rows = catalogue.load(ROOT).rows
    assert len(rows) > 200
    for row in rows:
        found = [name for name in pages for id in ids[name] if id == row.id]
        assert found == [row.home.replace(".md", ".html")], row.id


def test_every_number_and_every_step_leads_somewhere(
    site: Path, pages: list[str]
) -> None:
    texts = {name: (site / name).read_text("utf-8") for name in pages}
    ids = {n: set(re.findall(r'\bid="([^"]+)"', texts[n])) for n in pages}
    counts = [0, 0, 0]
    kinds = (
        r'<a href="([^"]+)" class="wv-move',
        r'<a class="wv-play" href="([^"]+)"',
        r'<td[^>]* class="wv-[^"]*"><a href="([^"]+)"',
    )
    for name, text in texts.items():
        for kind, pattern in enumerate(kinds):
            for href in re.findall(pattern, text):
                page, _, anchor = unescape(href).partition("#")
                assert anchor in ids[page or name], f"{name}: {href}"
                counts[kind] += 1
    numbers, steps, cells = counts
    assert numbers == len(catalogue.load(ROOT).rows)
    assert steps > 150
    assert cells > 280  # those of the matrix, equal ones joined


def test_an_edge_leads_to_its_row_and_the_row_to_its_step(
    open_page: Open,
) -> None:
    page = open_page("becoming.html")
    edge = page.locator(".wv-moves a[href='#role.candidate-leader.won']")
    edge.focus()
    page.keyboard.press("Enter")
    row = page.locator("[id='role.candidate-leader.won']")
    assert row.evaluate("e => e.matches(':target')")
    assert row.evaluate("e => Math.abs(e.getBoundingClientRect().top) < 200")
    row.locator(".wv-play").first.click()
    page.wait_for_function(
        "[...document.querySelectorAll('.pl')].some(e => e.player"
        " && location.hash === '#' + e.dataset.prefix + e.player.at)"
    )


def test_a_run_that_is_folded_away_wakes_when_it_is_asked_for(
    open_page: Open,
) -> None:
    page = open_page("becoming.html")
    fold = page.locator(".wv-run").first
    prefix = fold.locator(".pl").get_attribute("data-prefix")
    assert not fold.evaluate("e => !!e.querySelector('.pl').player")
    page.locator(f".wv-play[href^='#{prefix}']").first.click()
    page.wait_for_function(
        "e => e.open && e.querySelector('.pl').player",
        arg=fold.element_handle(),
    )
    ran = fold.locator(".pl-ran")
    assert ran.inner_text().startswith("Lines that ran")
    steps = fold.evaluate("e => e.querySelector('.pl').player.count")
    # The lines that ran are kept once for all runs of the page.
    fold.evaluate("e => e.querySelector('.pl').player.go(2)")
    assert steps > 1
    assert "raft.py" in ran.inner_text()


@pytest.mark.parametrize("name", ["becoming.html", "leading.html"])
def test_on_a_phone_the_diagram_is_whole(open_page: Open, name: str) -> None:
    page = open_page(name, width=390)
    box = page.locator(".wv-moves").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    size = page.locator(".wv-moves .wv-end").first.evaluate(
        "e => e.getBoundingClientRect().height"
    )
    assert size > 11


def test_the_matrix_is_one_sheet_of_paper(open_page: Open) -> None:
    page = open_page("matrix.html")
    sheets = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", sheets)) == 1
    size = re.search(rb"MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", sheets)
    assert size
    width, height = size.groups()
    assert float(width) > float(height)


def test_everything_of_the_core_is_told() -> None:
    told = tomllib.loads((ROOT / "book/core.toml").read_text("utf-8"))
    rows = catalogue.load(ROOT).rows
    assert {row.id for row in rows if row.core} <= told.keys()
    assert {id.partition(".")[0] for id in told} == set(catalogue.FAMILIES)


def tokens() -> dict[str, tuple[str, str]]:
    """Returns every token that is a pair of colours, light and dark."""
    css = (ROOT / "book/player/tokens.css").read_text(encoding="utf-8")
    pair = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")
    return {name: (light, dark) for name, light, dark in pair.findall(css)}


def contrast(one: str, other: str) -> float:
    """Returns the contrast of two colours as WCAG 2 counts it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in parts
        )
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read(dark: bool) -> None:
    colours = {name: pair[dark] for name, pair in tokens().items()}
    words = ["ink", "muted", "link"]
    words += [name for name in colours if name.startswith("code-")]
    assert len(words) == 8
    for ground in ("paper", "band", "tint"):
        for name in words:
            ratio = contrast(colours[name], colours[ground])
            assert ratio >= 4.5, f"{name} on {ground}: {ratio:.1f}"
    for role in ("follower", "pre", "candidate", "leader"):
        assert contrast(colours[role], colours[f"{role}-ink"]) >= 6.9, role
