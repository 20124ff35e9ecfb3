"""How a page shows the catalogue of transitions, and what is refused.

The repository is a toy, with three rows, two pages and two scenarios. That
the book's own rows are all shown is in `test_site.py`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import markdown
import pytest

from book.weave.problems import WeaveError
from book.weave.transitions_drawn import Edge, svg

TOY = '''\
"""A toy."""


class Toy:
    """A class."""

    def become_follower(self, term: int) -> None:
        """Steps back.

        Go: raft.go:891-900 becomeFollower
        """
        self.term = term
        self.state = 1
'''

ROW = """\
[[transition]]
id = "role.{id}"
family = "role"
from = "{from_}"
cause = {cause}
to = "{to}"
guard = "When `{id}` is due."
go = ["raft.go:894"]
symbol = "port/toy.py Toy.become_follower"
home = "{home}"
seen = ["{seen}"]
"""

CORE = """\
["role.follower-candidate.timeout"]
title = "It stands"
changes = "The *term*."
stays = "The log."
breaks = "All."
question = "Why?"
answer = "So."
"""

STRAY = """\
# A small run: with a colon
# One node.

add-nodes 1 voters=(1) index=2
----
ok

# It stands.
campaign 1
----
ok
"""

WALK = """\
# Page

::: walk port/toy.py Toy.become_follower

- `def become_follower` @ `raft.go:891-893`: The door.
- `self.state = 1` @ `raft.go:894-900`: The room.

:::

"""
BLOCK = "::: transitions family=role\nLook at *this*.\n:::\n"


def rows() -> list[dict[str, str]]:
    return [
        {"id": "follower-candidate.timeout", "from_": "follower",
         "cause": '"MsgHup"', "to": "candidate", "home": "page.md",
         "seen": "stray#2"},
        {"id": "candidate-follower.heard", "from_": "candidate",
         "cause": '["MsgApp", "MsgSnap"]', "to": "follower",
         "home": "page.md", "seen": "played#3"},
        {"id": "candidate.lost", "from_": "candidate",
         "cause": '"MsgVoteResp"', "to": "refused: late",
         "home": "other.md", "seen": "tests/test_toy.py::test_door"},
    ]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a catalogue."""
    played = STRAY.replace("# It stands", "# Act 2: Late\n#\n# It stands")
    played = played.replace("# One node", "# Act 1: Early\n#\n# One node")
    for name, text in {
        "port/toy.py": TOY,
        "book/sources.toml": "[threads]\n",
        "tests/test_toy.py": "def test_door(): ...\n",
        "book/transitions.toml": "\n".join(ROW.format(**r) for r in rows()),
        "book/core.toml": CORE,
        "book/scenarios/stray.txt": recorded(STRAY),
        "book/scenarios/played.txt": recorded(
            played + "\n# Again.\ncampaign 1\n----\nok\n"
        ),
        "book/pages/other.md": "# Other\n\n" + BLOCK,
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def recorded(text: str) -> str:
    """Returns a script with what its commands print."""
    from port.rafttest.datadriven import end_with_newline, parse, render
    from port.rafttest.interaction_env import InteractionEnv

    env = InteractionEnv()
    outputs = [end_with_newline(env.handle(d)) for d in parse(text, "x")]
    return render(text, "x", outputs)


def convert(root: Path, text: str) -> str:
    """Writes the page and returns its HTML."""
    (root / "book/pages/page.md").write_text(text, encoding="utf-8")
    md = markdown.Markdown(
        extensions=["book.weave", "attr_list"],
        extension_configs={"book.weave": {"root": str(root), "gate": []}},
    )
    return str(md.convert(text))


def refused(root: Path, text: str) -> str:
    """Returns what the weave says when it refuses a page."""
    with pytest.raises(WeaveError) as caught:
        convert(root, text)
    return str(caught.value).strip()


PAGE = WALK + BLOCK + "\n::: scenario played act=2\nLate.\n:::\n"


def test_a_row_of_the_core_has_a_section(root: Path) -> None:
    html = convert(root, PAGE)
    section = html.split('id="role.follower-candidate.timeout"')[1]
    section = section.partition("</section>")[0]
    assert "It stands" in section
    assert "follower</span><span> → </span><span>candidate" in section
    assert "When <code>follower-candidate.timeout</code> is due." in section
    assert "The <em>term</em>." in section
    assert "<summary>Why?</summary>" in section
    assert 'href="#toy.Toy.become_follower.3"' in section  # raft.go:894
    assert "raft.go#L894" in section


def test_the_others_are_a_table(root: Path) -> None:
    html = convert(root, PAGE)
    line = html.split('<tr id="role.candidate-follower.heard"')[1]
    line = line.partition("</tr>")[0]
    assert "<code>MsgApp</code>" in line
    assert "<code>MsgSnap</code>" in line
    assert "It stands" not in line


def test_a_row_has_one_home(root: Path) -> None:
    html = convert(root, PAGE)
    for row in rows():
        count = html.count(f'id="role.{row["id"]}"')
        assert count == (row["home"] == "page.md"), row["id"]


def test_each_number_leads_to_its_row(root: Path) -> None:
    html = convert(root, PAGE)
    drawn = re.search(r"<svg class=\"wv-moves\".*?</svg>", html, re.DOTALL)
    assert drawn
    links = re.findall(r'<a href="([^"]+)" class="wv-move( wv-away)?"',
                       drawn[0])
    assert sorted(links) == [
        ("#role.candidate-follower.heard", ""),
        ("#role.follower-candidate.timeout", ""),
        ("other.html#role.candidate.lost", " wv-away"),
    ]
    assert "Look at <em>this</em>." in html


def test_a_step_leads_to_the_player_that_shows_it(root: Path) -> None:
    html = convert(root, PAGE)
    # The second step of the second act.
    assert 'href="#played-step-2"' in html
    assert "▸" not in html
    assert ">Act 2, step 2</a>" in html
    assert 'id="played-step-2"' in html


def test_a_scenario_that_no_page_plays_is_played_here(root: Path) -> None:
    html = convert(root, PAGE)
    run = html.split('<details class="wv-run"')[1]
    assert "<summary>A small run: with a colon</summary>" in run
    assert 'id="stray-step-2"' in run
    assert 'href="#stray-step-2"' in html
    assert ">A small run, step 2</a>" in html
    assert html.count('<details class="wv-run"') == 1


KEY = """\
::: walk port/toy.py Toy.become_follower

- ! `def become_follower`: Key.

  Evidence: {}.

:::
"""


def test_a_note_may_rest_on_a_step(root: Path) -> None:
    html = convert(root, KEY.format("played#3") + PAGE.partition(":::\n\n")[2])
    assert '<a href="page.md#played-step-2">played, step 3</a>' in html
    assert "<span> campaign 1</span>" in html


REFUSALS = {
    "a step too many": (
        KEY.format("stray#3") + BLOCK,
        "page.md:3: stray has no step 3",
    ),
    "a step that is not played": (
        KEY.format("played#1") + "::: scenario played act=2\n:::\n",
        "page.md:3: no page plays step 1 of played",
    ),
    "no family": (
        "::: transitions role\n:::\n",
        "page.md:1: ::: transitions role names no family",
    ),
    "no such family": (
        "::: transitions family=roles\n:::\n",
        "page.md:1: there is no family roles of transitions",
    ),
    "none of it here": (
        "::: transitions family=entry\n:::\n",
        "page.md:1: no transition of family entry has its home here",
    ),
    "shown twice": (
        BLOCK + "\n" + BLOCK,
        "page.md:5: role is shown on line 1",
    ),
    "not shown": (
        "Text.\n",
        "page.md:1: role.follower-candidate.timeout has its home here, and",
    ),
    "never ends": (
        "::: transitions family=role\n",
        "page.md:1: the transitions never ends",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_it_refuses(root: Path, name: str) -> None:
    text, says = REFUSALS[name]
    assert says in refused(root, text)


def test_a_row_that_is_not_there_has_no_core(root: Path) -> None:
    core = root / "book/core.toml"
    core.write_text(CORE.replace(".timeout", ".nowhere"), "utf-8")
    said = refused(root, PAGE)
    assert "core.toml:1: no transition is called" in said


def test_the_core_is_told_whole_or_not_at_all(root: Path) -> None:
    core = root / "book/core.toml"
    core.write_text(CORE.replace('breaks = "All."\n', ""), "utf-8")
    assert "too much or missing: breaks" in refused(root, PAGE)


def test_a_broken_catalogue_stops_the_build(root: Path) -> None:
    (root / "book/transitions.toml").write_text("[[transition]]\n", "utf-8")
    assert "book/transitions.toml:1:" in refused(root, PAGE)


# ---- The drawing ------------------------------------------------------------


def edge(number: int, start: str, end: str) -> Edge:
    return Edge(number, start, end, f"#{number}", f"{start} to {end}")


def test_edges_that_pass_each_other_have_lanes_of_their_own() -> None:
    drawn = svg(
        "x", "X", "abcd",
        [edge(1, "a", "c"), edge(2, "b", "d"), edge(3, "d", "a"),
         edge(4, "a", "b"), edge(5, "b", "c"), edge(6, "c", "d")],
    )  # fmt: skip
    # The turning points of the three that do not run straight down.
    lanes = re.findall(r"Q([\d.]+) ", drawn)[::2]
    assert len(set(lanes)) == 3


def test_what_leads_nowhere_stands_beside_where_it_happens() -> None:
    drawn = svg(
        "x", "X", "ab",
        [edge(1, "a", "b"), edge(2, "a", "a"), edge(3, "b", "refused"),
         edge(4, "b", "refused")],
    )  # fmt: skip
    assert drawn.count("<rect") == 2
    assert drawn.count('class="wv-end"') == 2  # again, refused
    assert drawn.count('class="wv-move"') == 4


def test_a_phone_shows_the_drawing_whole() -> None:
    names = [f"state {n}" for n in range(12)]
    edges = [edge(n, a, b) for n, (a, b) in enumerate(
        [*pairwise(names), (names[9], names[1]),
         (names[8], names[2]), (names[2], "refused: not free")], 1
    )]  # fmt: skip
    found = re.search(r'width="([\d.]+)"', svg("x", "X", names, edges))
    assert found
    assert float(found[1]) < 390
