"""The script format, and the scripts of `confchange` and `quorum`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from port.errors import Malformed
from port.rafttest import quorum_datadriven
from port.rafttest.confchange_datadriven import ConfChangeHandler
from port.rafttest.datadriven import end_with_newline, parse, render
from port.rafttest.quorum_datadriven import QuorumHandler

SCRIPT = """\
# A comment before everything.

first one two=2 three=(3, b(c, d),e)
some input

  more of it
----
output
in two lines

# A comment that belongs to nobody.
second \\
  empty= \\
  flag=true
----

third
----
----
output

with a blank line
----
----

fourth
----
----
----
no pair:
----

----
----

fifth
----
ends with the file
# and this is output
"""


def test_what_a_script_holds() -> None:
    first, second, third, fourth, fifth = parse(SCRIPT, "a.txt")
    assert (first.cmd, first.place) == ("first", "a.txt:3")
    assert [(arg.key, arg.vals) for arg in first.args] == [
        ("one", []),
        ("two", ["2"]),
        ("three", ["3", "b(c, d)", "e"]),
    ]
    assert first.input == "some input\n\n  more of it"
    assert first.expected == "output\nin two lines\n"
    assert str(first) == "first one two=2 three=(3, b(c, d), e)"
    assert [(arg.key, arg.vals) for arg in second.args] == [
        ("empty", [""]),
        ("flag", ["true"]),
    ]
    assert (second.line, second.input, second.expected) == (12, "", "")
    assert third.expected == "output\n\nwith a blank line\n"
    assert fourth.expected == "----\nno pair:\n----\n\n"
    assert fifth.expected == "ends with the file\n# and this is output\n"


def test_values() -> None:
    (directive,) = parse("do n=7 ns=(1,2) b=T word\n----\n", "f")
    assert directive.scan("n").number() == 7
    assert directive.scan("ns").numbers() == [1, 2]
    assert directive.scan("ns").number(1) == 2
    assert directive.scan("b").flag() is True
    assert directive.scan("b").text() == "T"
    assert directive.find("word") is directive.args[3]
    assert directive.find("other") is None
    for ask in (
        lambda: directive.scan("other"),
        lambda: directive.scan("word").text(),
        lambda: directive.scan("n").number(1),
        lambda: directive.scan("b").number(),
        lambda: directive.scan("n").flag(),
    ):
        with pytest.raises(Malformed, match=r"^f:1: "):
            ask()


@pytest.mark.parametrize("word", ["-1", "1.0", "", "²", str(1 << 64)])
def test_what_is_no_number(word: str) -> None:
    (directive,) = parse(f"do n={word}\n----\n", "f")
    with pytest.raises(Malformed, match="not a number"):
        directive.scan("n").number()


def test_rendering_replaces_outputs_alone() -> None:
    outputs = ["new\n", "", "no newline", "one\n\ntwo\n", "last\n"]
    text = render(SCRIPT, "a.txt", outputs)
    again = parse(text, "a.txt")
    assert [d.expected for d in again] == [
        end_with_newline(output) for output in outputs
    ]
    assert [d.head for d in again] == [d.head for d in parse(SCRIPT, "a.txt")]
    assert text.endswith("fifth\n----\nlast\n")
    with pytest.raises(ValueError, match="shorter"):
        render(SCRIPT, "a.txt", outputs[1:])


def test_what_stands_after_the_last_directive_is_kept() -> None:
    text = "do\n----\nok\n\n# The end.\n"
    assert render(text, "f", ["ok\n"]) == text
    assert parse("# Only a comment.\n", "f") == []
    assert render("# Only a comment.\n", "f", []) == "# Only a comment.\n"


lines = st.sampled_from(["", " ", "text", "# comment", "do k=v", "a (b"])


@given(
    st.lists(st.lists(lines.filter(str.strip), max_size=3), max_size=4),
    st.data(),
)
def test_what_was_rendered_is_read_back(
    inputs: list[list[str]], data: st.DataObject
) -> None:
    script = "".join(
        f"do\n{''.join(f'{line}{chr(10)}' for line in given)}----\n\n"
        for given in inputs
    )
    outputs = [
        "".join(f"{line}\n" for line in data.draw(st.lists(lines)))
        for _ in inputs
    ]
    rendered = render(script, "f", outputs)
    assert [d.expected for d in parse(rendered, "f")] == outputs
    assert render(rendered, "f", outputs) == rendered


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("do\n----\nok\n\ndo\ninput\n", "f:5: no ---- after 'do'"),
        ("\n----\nok\n", "f:2: ---- without a directive"),
        ("do k=(1,2\n----\n", "f:1: cannot parse directive at column 6: do"),
        ("do =1\n----\n", "f:1: cannot parse directive at column 4: do =1"),
        ("do\n----\n----\nok\n\n", "f:1: no second pair of ----"),
        ("do\n----\n----\nok\n----\n----\nmore\n", "f:7: this line should be"),
        ("# x\nsubtest a\n", "f:2: subtest is not supported"),
    ],
)
def test_what_is_no_script(text: str, complaint: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(text, "f")
    assert str(refusal.value).startswith(complaint)


CONFCHANGE = (
    "joint_autoleave", "joint_idempotency", "joint_learners_next",
    "joint_safety", "simple_idempotency", "simple_promote_demote",
    "simple_safety", "update", "zero",
)  # fmt: skip
QUORUM = ("joint_commit", "joint_vote", "majority_commit", "majority_vote")


def check(script: Path, handler: ConfChangeHandler | QuorumHandler) -> None:
    """Plays a script; holds what comes against what the script says."""
    text = script.read_text(encoding="utf-8")
    outputs = []
    for directive in parse(text, str(script)):
        outputs.append(handler.handle(directive))
        # By directive first: the whole text makes no legible difference.
        assert (
            end_with_newline(outputs[-1]) == directive.expected
        ), directive.place
    assert render(text, str(script), outputs) == text


@pytest.mark.upstream
@pytest.mark.parametrize("name", CONFCHANGE)
def test_conf_change_data_driven(name: str, upstream: Path) -> None:
    script = upstream / "confchange" / "testdata" / f"{name}.txt"
    check(script, ConfChangeHandler())


@pytest.mark.upstream
@pytest.mark.parametrize("name", QUORUM)
def test_data_driven(name: str, upstream: Path) -> None:
    check(upstream / "quorum" / "testdata" / f"{name}.txt", QuorumHandler())


@pytest.mark.upstream
def test_no_script_of_upstream_is_left_out(upstream: Path) -> None:
    for package, names in (("confchange", CONFCHANGE), ("quorum", QUORUM)):
        found = (upstream / package / "testdata").glob("*.txt")
        assert sorted(path.stem for path in found) == sorted(names)


def handled(script: str) -> list[str]:
    """What the directives of a `confchange` script print."""
    handler = ConfChangeHandler()
    return [handler.handle(d) for d in parse(script, "f")]


def test_the_last_index_counts_refusals_too() -> None:
    assert handled(
        "simple\nv1\n----\n\nleave-joint\n----\n\nsimple\nv2\n----\n"
    ) == [
        "voters=(1)\n1: StateProbe match=0 next=1\n",
        "can't leave a non-joint config\n",
        "voters=(1 2)\n"
        "1: StateProbe match=0 next=1\n"
        "2: StateProbe match=0 next=2\n",
    ]


def test_what_a_confchange_script_cannot_say() -> None:
    assert handled(
        "simple\nx1\n----\n\nsimple\nv\n----\n\ndance\nv1\n----\n\n"
        "leave-joint\nv1\n----\n"
    ) == [
        "unknown input: x1",
        "unknown token v",
        "unknown command",
        "this command takes no input\n",
    ]


def answer(line: str) -> str:
    """What a directive of a `quorum` script prints."""
    (directive,) = parse(f"{line}\n----\n", "f")
    return QuorumHandler().handle(directive)


def test_every_voter_has_to_be_spoken_of() -> None:
    assert answer("committed cfg=(2,1) cfgj=(3) idx=(5,_)") == (
        "error: mismatched input (explicit or _) for voters"
        " map[1:{} 2:{} 3:{}]: [5 0]"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("committed cfg=(1) idx=(0)", "cannot use 0 as idx"),
        ("committed cfg=(1) idx=(x)", "not a number"),
        ("committed cfg=(1) cfgj=(zero,2) idx=(1,2)", "not a number"),
        ("vote cfg=(1) votes=(maybe)", "unknown vote: maybe"),
        ("vote cfg=(1) ballots=(y)", "unknown argument ballots"),
        ("elect cfg=(1)", "unknown command: elect"),
    ],
)
def test_what_a_quorum_script_cannot_say(line: str, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        answer(line)


def test_ways_that_disagree_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "committed cfg=(1,2,3) idx=(5,7,9)"
    assert "<--" not in answer(line)
    monkeypatch.setattr(
        quorum_datadriven, "plain_committed_index", lambda config, acked: 8
    )
    assert answer(line).endswith("8 <-- via alternative computation\n7\n")
