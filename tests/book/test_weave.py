"""The weave on small inputs: what it makes, and everything it refuses.

The Python is made up, in a repository of its own. The facts about the Go are
the real ones: `becomeFollower` stands on raft.go:891-900.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import markdown
import pytest
from mkdocs.exceptions import BuildError

from book.weave import facts, gate, golang, highlight, python, roles, walks
from book.weave.gate import GATE
from book.weave.hook import copy_go
from book.weave.pages import Book
from book.weave.problems import WeaveError
from book.weave.sources import Sources

TOY = '''\
"""A toy."""

from __future__ import annotations

LIMIT = 3


class Toy:
    """A class of two methods."""

    size = 1

    def become_follower(self, term: int) -> None:
        """Steps back.

        Some prose.

        Args:
            term: The term to be in,
                or stay in.

        Go: raft.go:891-900 becomeFollower
        """
        self.reset(term)
        if term:
            self.term = term

        # This comment is about what follows.
        self.state = 1
        self.reset(term)

    # The comment right above belongs to it.
    def reset(self, term: int) -> None:
        self.term = term
'''

SOURCES = """\
[threads."etcd#2461"]
kind = "pull"
year = 2015
says = "a vote stays"

[code.other]
title = "other/raft v1"
url = "https://example.org/other/v1"
[code.other.files]
"raft.go" = 90

[thesis]
url = "https://example.org/thesis"
[thesis.sections]
"3.4" = "Leader election"

[paper]
url = "https://example.org/paper"
[paper.sections]
"5.2" = "Leader election"
"""

NOTE = "- `def become_follower` @ `raft.go:891-893`: The door.\n"
HEAD = "::: walk port/toy.py Toy.become_follower\n\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one Python file, one test and a folder of pages."""
    for name, text in {
        "port/toy.py": TOY,
        "book/sources.toml": SOURCES,
        "tests/test_toy.py": "def test_door(): ...\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (tmp_path / "book/pages").mkdir()
    return tmp_path


def convert(root: Path, text: str, gate: tuple[str, ...] = ()) -> str:
    """Writes a page with front matter and returns its HTML."""
    page = root / "book/pages/page.md"
    page.write_text(f"---\ntitle: A page\n---\n{text}", encoding="utf-8")
    md = markdown.Markdown(
        extensions=["book.weave"],
        extension_configs={
            "book.weave": {"root": str(root), "gate": list(gate)}
        },
    )
    return str(md.convert(text))


def refused(root: Path, text: str, gate: tuple[str, ...] = ()) -> str:
    """Returns what the weave says when it refuses a page."""
    with pytest.raises(WeaveError) as caught:
        convert(root, text, gate)
    return str(caught.value).strip()


def walk(*notes: str) -> str:
    return HEAD + "\n".join(notes) + "\n:::\n"


# ---- What it makes ----------------------------------------------------------


def test_a_walk_shows_the_code_whole_with_real_numbers(root: Path) -> None:
    html = convert(root, walk(NOTE))
    numbers = [int(n) for n in re.findall(r'data-n="(\d+)"', html)]
    assert numbers == [13, 24, 25, 26, 27, 28, 29, 30]
    ids = re.findall(r'id="(toy\.Toy\.become_follower\.\d+)"', html)
    assert ids == [f"toy.Toy.become_follower.{n}" for n in range(1, 9)]


def test_the_docstring_is_prose_and_not_code(root: Path) -> None:
    html = convert(root, walk(NOTE))
    assert "<p>Steps back.</p>" in html
    assert "The term to be in, or stay in." in html
    assert "becomeFollower" not in html
    assert f'href="{golang.BLOB}raft.go#L891-L900"' in html


def test_a_closed_note_shows_its_first_sentence(root: Path) -> None:
    html = convert(root, walk(NOTE.strip() + " More of it, e.g. this. End."))
    summary = re.search(r"<summary.*?</summary>", html, re.DOTALL)
    assert summary
    assert "The door." in summary[0]
    assert "More of it" not in summary[0]
    assert "More of it, e.g. this. End." in html


def test_a_note_with_one_sentence_has_nothing_to_open(root: Path) -> None:
    assert "<details>" not in convert(root, walk(NOTE))


def test_a_note_takes_the_comment_above_its_line(root: Path) -> None:
    html = convert(root, walk(NOTE, "- `self.state = 1`: Why."))
    assert 'aria-label="note on lines 13–27"' in html
    assert 'aria-label="note on lines 28–30"' in html


def test_an_anchor_may_span_lines_and_name_a_repeat(root: Path) -> None:
    page = walk(
        NOTE,
        "- `if term: self.term = term`: Spans.",
        "- `self.reset(term)` #1: The second, as it comes after.",
    )
    html = convert(root, page)
    assert 'aria-label="note on lines 25–29"' in html
    again = walk("- `self.reset(term)` #2: The second of two.")
    assert 'aria-label="note on line 30"' in convert(root, again)


def test_a_key_note_says_what_it_rests_on(root: Path) -> None:
    note = (
        "- ! `def become_follower`: Key.\n\n"
        "  Evidence: etcd#2461; thesis 3.4; paper §5.2;\n"
        "  tests/test_toy.py::test_door.\n"
    )
    html = convert(root, walk(note))
    assert 'class="wv-seg wv-key"' in html
    assert "https://github.com/etcd-io/etcd/pull/2461" in html
    assert "a vote stays (2015)" in html
    assert "thesis §3.4" in html
    assert "our test, in tests/test_toy.py" in html


def test_notes_are_markdown_and_names_lead_to_walks(root: Path) -> None:
    second = "::: walk port/toy.py Toy.reset\n\n- `def reset`: It *is*.\n:::\n"
    html = convert(root, walk(NOTE) + "\n" + second + "\nSee `Toy.reset`.\n")
    assert "It <em>is</em>." in html
    assert html.count('class="wv-sym" href="#toy.Toy.reset"') == 3


def test_running_text_links_what_it_cites(root: Path) -> None:
    html = convert(root, "As etcd#2461 and thesis §3.4 say; `raft.go:891`.")
    assert 'href="https://github.com/etcd-io/etcd/pull/2461"' in html
    assert 'href="https://example.org/thesis"' in html
    assert f'href="{golang.BLOB}raft.go#L891"' in html


def test_running_text_leads_to_the_very_line_of_a_walk(root: Path) -> None:
    link = "[the `door`](<walk:become_follower self.term = term>)"
    html = convert(root, walk(NOTE) + f"\nSee {link}.\n")
    assert 'href="#toy.Toy.become_follower.4"' in html
    assert "the <code>door</code></a>" in html


def test_lines_of_another_codebase_are_cited_alike(root: Path) -> None:
    note = (
        "- ! `def become_follower`: Key.\n\n"
        "  Evidence: other/raft.go:5-9.\n"
    )
    html = convert(root, walk(note) + "\nSee `other/raft.go:12`.\n")
    assert 'href="https://example.org/other/v1/raft.go#L5-L9"' in html
    assert 'href="https://example.org/other/v1/raft.go#L12"' in html
    assert "other/raft v1, raft.go" in html


def test_a_walk_in_fenced_code_is_only_shown(root: Path) -> None:
    found = list(walks.read(["```", "::: walk nonsense", "```"]))
    assert found == []


def test_what_a_class_and_a_module_own(root: Path) -> None:
    source = python.read(root, "port/toy.py")
    assert source.symbol("<module>").lines == (3, 4, 5)
    assert source.symbol("<module>").id == "toy.module"
    assert source.symbol("Toy").lines == (8, 10, 11)
    assert source.symbol("Toy.reset").lines[0] == 32
    assert 9 not in source.executable
    assert {13, 24, 25, 26} <= source.executable


def test_colours_keep_every_line(root: Path) -> None:
    text = ("x = '''a", "b'''", "", "y = 1  # z")
    plain = [unescape(re.sub(r"<.*?>", "", s)) for s in highlight.lines(text)]
    assert plain == list(text)


def test_first_sentences() -> None:
    for text, first in [
        ("One. Two.", "One."),
        ("See `a.b. c` now. Two.", "See `a.b. c` now."),
        ("As e.g. this. Two.", "As e.g. this."),
        ("Is it? Yes.", "Is it?"),
        ("No stop at all", "No stop at all"),
        ("It is v3.7.0 here. Two.", "It is v3.7.0 here."),
    ]:
        assert walks.first_sentence(text)[0] == first


def test_the_diagram_is_one_drawing_of_its_table() -> None:
    drawn = roles.svg()
    assert drawn.count('class="wv-edge"') == len(roles.EDGES)
    for edge in roles.EDGES:
        for cause in edge.causes:
            assert cause in drawn


def test_a_copy_of_the_go_is_a_script_for_each_file(tmp_path: Path) -> None:
    for name, file in facts.load().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('"\n' * file.lines, encoding="utf-8")
    assert copy_go(tmp_path, tmp_path / "out") == len(facts.load())
    script = (tmp_path / "out/tracker/state.go.js").read_text("utf-8")
    count = facts.load()["tracker/state.go"].lines
    text = r"\"\n" * count
    assert script == f'goSource("tracker/state.go", "{text}");\n'


def test_only_the_pinned_go_is_copied(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"is not etcd-io/raft at v3\.7\.0"):
        copy_go(tmp_path, tmp_path / "out")


# ---- What it refuses --------------------------------------------------------

KEY = "- ! `def become_follower`: Key.\n"
REFUSALS = {
    "unknown file": (
        "::: walk port/none.py Toy\n:::\n",
        "page.md:4: there is no file port/none.py",
    ),
    "unknown symbol": (
        "::: walk port/toy.py Other.reset\n:::\n",
        "page.md:4: port/toy.py has no symbol Other.reset\n"
        "    fix: did you mean Toy.reset?",
    ),
    "no symbol": ("::: walk port/toy.py\n:::\n", "page.md:4: ::: walk port/"),
    "never ends": (HEAD + NOTE, "page.md:4: the walk never ends"),
    "no note": (walk("- no anchor"), "page.md:6: this is no note"),
    "says nothing": (walk("- `self`:"), "page.md:6: the note says nothing"),
    "no match": (
        walk(NOTE, "- `self.nowhere`: A."),
        "page.md:8: `self.nowhere` is nowhere in the code",
    ),
    "one too many": (
        walk("- `self.reset` #3: A."),
        "page.md:6: `self.reset` #3 is one too many",
    ),
    "out of order": (
        walk("- `self.state`: A.", "- `if term`: B."),
        "page.md:7: out of order: `if term` is on line 25",
    ),
    "two on a line": (
        walk("- `self.state`: A.", "- `= 1`: B."),
        "page.md:7: two notes start on line 29",
    ),
    "outside its function": (
        walk("- `def become_follower` @ `raft.go:890-892`: A."),
        "page.md:6: raft.go:890-892 is outside of raft.go:891-900",
    ),
    "no such Go file": (
        walk("- `def become_follower` @ `graft.go:1`: A."),
        "page.md:6: upstream has no ported file graft.go",
    ),
    "no such Go lines": (
        walk("- `def become_follower` @ `raft.go:891-99999`: A."),
        "page.md:6: raft.go has no lines 891-99999",
    ),
    "Go badly written": (
        walk("- `def become_follower` @ `raft.go`: A."),
        "page.md:6: 'raft.go' names no Go lines",
    ),
    "long opening": (
        walk("- `def become_follower`: " + "long " * 30 + "."),
        "page.md:6: the first sentence has 151 characters",
    ),
    "key without evidence": (
        walk(KEY),
        "page.md:6: a key note cites evidence, and this one does not",
    ),
    "evidence of no kind": (
        walk(KEY + "\n  Evidence: hearsay."),
        "page.md:6: evidence 'hearsay' is of no kind",
    ),
    "no such test": (
        walk(KEY + "\n  Evidence: tests/test_toy.py::test_none."),
        "page.md:6: tests/test_toy.py has no test test_none",
    ),
    "no such test file": (
        walk(KEY + "\n  Evidence: tests/test_none.py::test_none."),
        "page.md:6: there is no tests/test_none.py",
    ),
    "unread thread": (
        walk(KEY + "\n  Evidence: etcd#1."),
        "page.md:6: etcd#1 is not in book/sources.toml",
    ),
    "no such section": (
        walk(KEY + "\n  Evidence: thesis 99.9."),
        "page.md:6: the thesis has no section 99.9",
    ),
    "no such file elsewhere": (
        "Text, and `other/fsm.go:1`.\n",
        "page.md:4: other/raft v1 has no file fsm.go that is known here",
    ),
    "no such lines elsewhere": (
        "Text, and `other/raft.go:80-91`.\n",
        "page.md:4: other/raft.go has no lines 80-91",
    ),
    "cited in passing": (
        "Text.\n\nMore of etcd#2 here.\n",
        "page.md:6: etcd#2 is not in book/sources.toml",
    ),
    "Go in passing": (
        "Text, and `raft.go:99999`.\n",
        "page.md:4: raft.go has no lines 99999",
    ),
    "a line of no walk": (
        "Text, [so](<walk:reset self.term = term>).\n",
        "page.md:4: reset has no walk",
    ),
    "a line of other text": (
        walk(NOTE) + "\nText, [so](<walk:become_follower elsewhere>).\n",
        "page.md:10: `elsewhere` is nowhere in the code of",
    ),
    "no such figure": (
        "::: figure none\nCaption.\n:::\n",
        "page.md:4: there is no figure none",
    ),
    "unclosed figure": (
        "::: figure roles\nCaption.\n",
        "page.md:4: the figure never ends",
    ),
    "second home": (
        walk(NOTE) + walk(NOTE),
        "page.md:9: port/toy.py Toy.become_follower has its home at page.md:",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_refuses(root: Path, name: str) -> None:
    text, says = REFUSALS[name]
    assert refused(root, text).startswith(says)


def test_it_says_all_that_is_wrong_at_once(root: Path) -> None:
    said = refused(root, walk("- `nowhere`: A.", "- `neither`: B."))
    assert "page.md:6: `nowhere`" in said
    assert "page.md:7: `neither`" in said


def test_a_note_over_too_much_code(root: Path) -> None:
    body = "".join(f"    x = {n}\n" for n in range(12))
    file = root / "port/long.py"
    file.write_text(f"def f():\n    # No code.\n\n{body}", encoding="utf-8")
    page = "::: walk port/long.py f\n\n- `def f`: A.\n:::\n"
    assert "the note covers 13 lines of code, 1 to 15" in refused(root, page)
    file.write_text(f"def f():\n    # No code.\n\n{body[10:]}")
    convert(root, page)


def test_a_note_over_too_much_go(root: Path) -> None:
    file = root / "port/toy.py"
    file.write_text(
        TOY.replace("891-900 becomeFollower", "433-494 newRaft"),
        encoding="utf-8",
    )
    page = walk("- `def become_follower` @ `raft.go:440-475`: A.")
    said = refused(root, page)
    assert re.search(r"the note covers \d\d lines of Go; at most 25", said)


def test_a_module_speaks_of_no_function(root: Path) -> None:
    page = "::: walk port/toy.py <module>\n\n- `LIMIT` @ `raft.go:{}`: A."
    page += "\n:::\n"
    said = refused(root, page.format(892))
    assert "raft.go:892 is in the Go function becomeFollower" in said
    convert(root, page.format(37))


# ---- The gate ---------------------------------------------------------------

NAME = "port/toy.py Toy.become_follower"


def test_the_gate_wants_every_line_of_both(root: Path) -> None:
    said = refused(root, walk("- `if term` @ `raft.go:891-895`: A."), (NAME,))
    assert "page.md:4: no note covers port/toy.py:13,24" in said
    assert "page.md:4: no note names raft.go:896-897,899-900" in said
    full = walk("- `def become_follower` @ `raft.go:891-900`: A.")
    convert(root, full, (NAME,))


def test_the_gate_can_want_a_whole_file(root: Path) -> None:
    full = walk("- `def become_follower` @ `raft.go:891-900`: A.")
    said = refused(root, full, ("port/toy.py", "raft.go"))
    assert "no note covers port/toy.py:" in said
    assert "no note covers raft.go:" in said


def test_a_ledger_row_counts_as_said(root: Path) -> None:
    (root / "port/DIVERGENCES.md").write_text(
        "| Go range | Go name | Python | what differs and why |\n"
        "| --- | --- | --- | --- |\n"
        "| `raft.go:897-900` | `becomeFollower` | - | For a test. |\n",
        encoding="utf-8",
    )
    convert(
        root,
        walk("- `def become_follower` @ `raft.go:891-896`: A."),
        (NAME,),
    )


def test_the_gate_wants_the_walk_itself(root: Path) -> None:
    said = refused(root, "No walk.\n", (NAME, "port/toy.py Gone"))
    assert f"the gate demands a walk of {NAME}" in said
    assert "port/toy.py has no symbol Gone" in said


def test_coverage_is_counted(root: Path) -> None:
    page = walk("- `if term` @ `raft.go:894-896`: A.")
    convert(root, page)
    toy, go = gate.coverage(Book(root))
    assert (toy.file, toy.covered) == ("port/toy.py", 4)
    assert (go.file, go.covered) == ("raft.go", 3)
    assert str(go).startswith("raft.go: 3 of ")


# ---- The book as it is ------------------------------------------------------


def test_the_book_holds() -> None:
    book = Book()
    assert [str(p) for p in gate.problems(book)] == []
    assert len(GATE) == len(set(GATE))


def test_pages_of_walks_have_room_for_them() -> None:
    for page in Book().pages:
        if page.walks:
            front = page.text.split("---")[1]
            assert "- navigation" in front, page.name
            assert "- toc" in front, page.name


def test_all_that_is_cited_is_known_by_its_own_name() -> None:
    shelf = Sources(Path(__file__).parents[2])
    for name, thread in shelf.threads().items():
        assert shelf.resolve(name).url.endswith(name.partition("#")[2])
        assert thread["kind"] in ("pull", "issues")
