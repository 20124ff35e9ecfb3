"""The port, line by line against the facts about the Go.

`Go:` lines say which Go a piece of Python stands for; the ledger,
`port/DIVERGENCES.md`, says what has no counterpart; the facts say what the Go
files hold and where. The three have to agree, so that a reader who follows a
line arrives at the right one, and nothing has been forgotten.
"""

import pytest

from book.weave.counterparts import (
    LEDGER,
    Ref,
    Row,
    read_ledger,
    read_port,
    read_refs,
)
from book.weave.facts import GoFile, Item, load, say_ranges

FACTS = load()
REFS, BAD_REFS = read_port()
LEDGER_ROWS, BAD_ROWS = read_ledger(LEDGER.read_text(encoding="utf-8"))
REQUIRED = ("func", "method", "type")


def missing(
    name: str, file: GoFile, refs: list[Ref], rows: list[Row]
) -> list[str]:
    """Say what of a Go file has neither a counterpart nor a ledger row.

    An item that is ported in pieces has to be there whole: each of its code
    lines lies in the range of a `Go:` line of its name, or in a row's.
    """
    refs = [ref for ref in refs if ref.file == name]
    rows = [row for row in rows if row.file == name]
    complaints = []
    for item in file.items:
        if item.kind not in REQUIRED or item.name == "_":
            continue
        if any(row.covers(item.first, item.last) for row in rows):
            continue
        left = file.code & set(range(item.first, item.last + 1))
        here = [
            ref
            for ref in refs
            if ref.name == item.name
            and item.first <= ref.first <= ref.last <= item.last
        ]
        for ref in here:
            left -= set(range(ref.first, ref.last + 1))
        for row in rows:
            left -= set(range(row.first, row.last + 1))
        what = f"{name}:{item.first}-{item.last} {item.name}"
        if not here:
            complaints.append(f"{what} has no counterpart")
        elif left:
            complaints.append(f"{what}: nothing covers {say_ranges(left)}")
    return complaints


def misplaced(ref: Ref, files: dict[str, GoFile]) -> str:
    """Say in what a `Go:` line disagrees with the facts, or nothing."""
    line = f"{ref.path}:{ref.line}: {ref.file}:{ref.first}-{ref.last}"
    if ref.file not in files:
        return f"{line}: no such Go file is ported"
    items = files[ref.file].items
    named = [item for item in items if item.name == ref.name]
    if not named:
        return f"{line}: nothing there is called {ref.name}"
    for item in named:
        if item.first <= ref.first <= ref.last <= item.last:
            return ""
        # A constant or a field may be given with more of its group or type.
        for around in items:
            if (
                item.kind in ("const", "var", "member")
                and (around.kind == "group" or around.name == item.owner)
                and around.first <= ref.first <= item.first
                and item.last <= ref.last <= around.last
            ):
                return ""
    places = ", ".join(f"{item.first}-{item.last}" for item in named)
    return f"{line}: {ref.name} is at {places}"


def disordered(refs: list[Ref]) -> list[str]:
    """Say where functions of one scope leave the order of their Go file.

    A function with several `Go:` lines serves several places of the Go; it
    may stand where any of them would.
    """
    scopes: dict[tuple[str, str, str], dict[str, list[Ref]]] = {}
    for ref in refs:
        if ref.function:
            scope = scopes.setdefault((ref.path, ref.scope, ref.file), {})
            scope.setdefault(ref.symbol, []).append(ref)
    wrong = []
    for scope in scopes.values():
        reached = min(next(iter(scope.values())), key=lambda ref: ref.first)
        for own in scope.values():
            fits = [ref for ref in own if ref.first >= reached.first]
            if fits:
                reached = min(fits, key=lambda ref: ref.first)
            else:
                wrong.append(
                    f"{own[0].path}:{own[0].line}: {own[0].symbol} "
                    f"({own[0].file}:{own[0].first}) comes after "
                    f"{reached.symbol} (:{reached.first})"
                )
    return wrong


def unfounded(row: Row, files: dict[str, GoFile]) -> str:
    """Say in what a ledger row disagrees with the facts, or nothing."""
    where = f"port/DIVERGENCES.md:{row.line}: {row.file}"
    if row.file == "raftpb/raft.pb.go":
        return ""  # Generated from raft.proto, which has the facts.
    if row.file not in files:
        return f"{where}: no such Go file is ported"
    file = files[row.file]
    if row.last > file.lines or row.first > row.last:
        return f"{where}:{row.first}-{row.last}: it has {file.lines} lines"
    for name in row.names:
        if not any(
            item.name == name
            and (
                not row.first
                or (item.first <= row.last and row.first <= item.last)
            )
            for item in file.items
        ):
            return f"{where}:{row.first}-{row.last}: {name} is not there"
    return ""


def refuse(complaints: list[str], head: str = "") -> None:
    """Fail with the complaints, one a line and nothing else, if any."""
    if complaints:
        pytest.fail("\n".join([head, *complaints]).strip(), pytrace=False)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_all_of_a_go_file_is_ported_or_in_the_ledger(name: str) -> None:
    lacks = missing(name, FACTS[name], REFS, LEDGER_ROWS)
    refuse(lacks, f"{len(lacks)} missing:")


def test_go_lines_agree_with_the_facts() -> None:
    refuse(BAD_REFS + [said for r in REFS if (said := misplaced(r, FACTS))])


def test_ledger_agrees_with_the_facts() -> None:
    rows = [said for row in LEDGER_ROWS if (said := unfounded(row, FACTS))]
    refuse(BAD_ROWS + rows)


def test_python_follows_the_order_of_the_go() -> None:
    refuse(disordered(REFS))


# What follows shows that the checks above can fail.

SAMPLE = {
    "a.go": GoFile(
        lines=40,
        frame=frozenset({1}),
        code=frozenset({1, *range(3, 8), *range(10, 21), *range(22, 26)}),
        items=(
            Item("type", "box", "", 3, 7),
            Item("member", "lid", "box", 5, 5),
            Item("func", "open", "", 10, 20),
            Item("group", "const", "", 22, 25),
            Item("const", "Small", "", 23, 23),
        ),
    )
}


def refs_of(source: str) -> list[Ref]:
    refs, wrong = read_refs(source, "port/a.py")
    assert not wrong
    return refs


def function(name: str, go: str, indent: str = "") -> str:
    return (
        f'{indent}def {name}():\n{indent}    """Do it.\n\n'
        f'{indent}    Go: {go}\n{indent}    """\n\n'
    )


def test_pieces_have_to_make_up_the_whole() -> None:
    box = "# Go: a.go:3-7 box\n"
    one = function("open", "a.go:10-14 open")
    two = function("open_lid", "a.go:16-20 open")

    def lacks(source: str, ledger: str = "") -> list[str]:
        rows, wrong = read_ledger(ledger)
        assert not wrong
        return missing("a.go", SAMPLE["a.go"], refs_of(source), rows)

    assert lacks(box) == ["a.go:10-20 open has no counterpart"]
    assert lacks(box + one + two) == ["a.go:10-20 open: nothing covers 15"]
    assert not lacks(box + one + two, "| `a.go:15` | `open` | - | why |")
    assert not lacks("", "| `a.go` | - | - | why |")
    assert lacks("", "| `a.go:3-19` | - | - | why |") == [
        "a.go:10-20 open has no counterpart"
    ]


@pytest.mark.parametrize(
    "go",
    [
        "a.go:3-7 box",
        "a.go:12-14 open",
        "a.go:23 Small",
        "a.go:23-23 Small",
        "a.go:22-25 Small",
        "a.go:4-5 lid",
    ],
)
def test_a_right_go_line_passes(go: str) -> None:
    (ref,) = refs_of(function("f", go))
    assert misplaced(ref, SAMPLE) == ""


@pytest.mark.parametrize(
    ("go", "complaint"),
    [
        ("b.go:1-2 box", "no such Go file"),
        ("a.go:3-7 crate", "nothing there is called crate"),
        ("a.go:3-8 box", "box is at 3-7"),
        ("a.go:9-20 open", "open is at 10-20"),
        ("a.go:14-13 open", "open is at 10-20"),
        ("a.go:24-25 Small", "Small is at 23-23"),
        ("a.go:6-7 lid", "lid is at 5-5"),
    ],
)
def test_a_wrong_go_line_is_named(go: str, complaint: str) -> None:
    (ref,) = refs_of(function("f", go))
    assert complaint in misplaced(ref, SAMPLE)


@pytest.mark.parametrize(
    "go", ["a.go box", "a.go:3-7", "a.go:3-7 box; a.go:10-20 open", "later"]
)
def test_a_go_line_that_cannot_be_read_is_named(go: str) -> None:
    refs, wrong = read_refs(function("f", go), "port/a.py")
    assert not refs
    assert len(wrong) == 1


def test_a_go_file_is_sought_in_the_package_of_its_python_file() -> None:
    source = "# Go: a.go:1-2 x\n# Go: quorum/b.go:3-4 y\n"
    refs, _ = read_refs(source, "port/raftpb/a.py")
    assert [ref.file for ref in refs] == ["raftpb/a.go", "quorum/b.go"]


def test_order_counts_within_a_class_and_among_functions() -> None:
    early, late = "a.go:10-14 open", "a.go:15-20 open"
    both = f"{early}\n    Go: {late}"
    assert not disordered(refs_of(function("f", late) + function("g", both)))
    inside = "class C:\n" + function("g", early, "    ")
    assert not disordered(refs_of(function("f", late) + inside))
    assert disordered(refs_of(function("f", late) + function("g", early)))
    assert disordered(
        refs_of(
            "class C:\n"
            + function("f", late, "    ")
            + function("g", early, "    ")
        )
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("| `b.go` | - | - | why |", "no such Go file"),
        ("| `a.go:39-41` | - | - | why |", "it has 40 lines"),
        ("| `a.go:3-7` | `open` | - | why |", "open is not there"),
    ],
)
def test_a_wrong_row_is_named(row: str, complaint: str) -> None:
    (read,), _ = read_ledger(row)
    assert complaint in unfounded(read, SAMPLE)


@pytest.mark.parametrize(
    "row", ["| `a.go:3` | `box` | - |", "| box | - | - | w |", "| `a.go` | |"]
)
def test_a_row_that_cannot_be_read_is_named(row: str) -> None:
    rows, wrong = read_ledger(row)
    assert not rows
    assert len(wrong) == 1
