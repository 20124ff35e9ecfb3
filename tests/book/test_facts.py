"""Reading what stands on which lines of a Go file."""

from pathlib import Path

import pytest

from book.weave.facts import (
    FACTS,
    Item,
    dumps,
    load,
    main,
    read_checkout,
    read_ranges,
    read_source,
    say_ranges,
)

# Every line that could lead a line-based reader astray, in one file.
TRICKY = '''\
// Package sample has a func in a comment.
package sample

import "fmt"

import (
\t"io"

\t"os"
)

/*
func hidden() {
*/

const one = 1 // with a { in a comment

const (
\ttwo, three = 2, '{'
\tlong         = "a" +
\t\t"b"

\t// four is alone.
\tfour
)

var text = `
func alsoHidden() {

}
`

var sum = one +
\tone

type box struct {
\tsync.Mutex
\t*os.File
\tlid, floor int
\tinner      struct {
\t\tdeep int
\t}
}

type opener interface {
\tio.Reader
\tOpen(force bool) (
\t\tn int, err error)
}

type size uint64

func (b *box) String() string { return "{" }

func (size) none() {}

func open(
\tlid int,
) error {
\tdefer func() {
\t}()

\treturn fmt.Errorf("%d", lid)
}
'''


def test_items_of_a_tricky_file() -> None:
    assert read_source(TRICKY).items == (
        Item("const", "one", "", 16, 16),
        Item("group", "const", "", 18, 25),
        Item("const", "two", "", 19, 19),
        Item("const", "three", "", 19, 19),
        Item("const", "long", "", 20, 21),
        Item("const", "four", "", 24, 24),
        Item("var", "text", "", 27, 31),
        Item("var", "sum", "", 33, 34),
        Item("type", "box", "", 36, 43),
        Item("member", "Mutex", "box", 37, 37),
        Item("member", "File", "box", 38, 38),
        Item("member", "lid", "box", 39, 39),
        Item("member", "floor", "box", 39, 39),
        Item("member", "inner", "box", 40, 42),
        Item("type", "opener", "", 45, 49),
        Item("member", "Reader", "opener", 46, 46),
        Item("member", "Open", "opener", 47, 48),
        Item("type", "size", "", 51, 51),
        Item("method", "String", "box", 53, 53),
        Item("method", "none", "size", 55, 55),
        Item("func", "open", "", 57, 64),
    )


def test_code_is_what_is_neither_blank_nor_comment() -> None:
    file = read_source(TRICKY)
    assert say_ranges(file.frame) == "2,4,6-10"
    assert say_ranges(file.code) == (
        "2,4,6-7,9-10,16,18-21,24-25,27-31,33-34,36-43,45-49,51,53,55,"
        "57-61,63-64"
    )
    assert file.lines == 64


def test_a_proto_file() -> None:
    source = (
        'syntax = "proto2";\n\nenum Kind {\n\tBig = 0; // large\n}\n\n'
        "message Crate {\n\toptional Kind   kind = 1;\n"
        "\trepeated uint64 ids  = 2;\n}\n"
    )
    assert read_source(source, proto=True).items == (
        Item("type", "Kind", "", 3, 5),
        Item("member", "Big", "Kind", 4, 4),
        Item("type", "Crate", "", 7, 10),
        Item("member", "kind", "Crate", 8, 8),
        Item("member", "ids", "Crate", 9, 9),
    )


@pytest.mark.parametrize("source", ["func f() {\n", "fund f() {\n}\n"])
def test_what_it_does_not_know_it_refuses(source: str) -> None:
    with pytest.raises(ValueError, match="line 1: "):
        read_source(source)


def test_ranges_read_back() -> None:
    numbers = frozenset({1, 3, 4, 5, 9})
    assert say_ranges(numbers) == "1,3-5,9"
    assert read_ranges("1,3-5,9") == numbers
    assert read_ranges("") == frozenset()


def test_written_facts_read_back(tmp_path: Path) -> None:
    files = {"a.go": read_source(TRICKY), "b.go": read_source("package b\n")}
    (tmp_path / "facts.json").write_text(dumps(files))
    assert load(tmp_path / "facts.json") == files


def test_a_folder_that_is_no_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "is no checkout" in capsys.readouterr().err


def test_check_tells_a_changed_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raft.go").write_text("package raft\n\nconst a = 1\n")
    kept = tmp_path / "facts.json"
    assert main([str(tmp_path), "-o", str(kept)]) == 0
    assert main([str(tmp_path), "--check", str(kept)]) == 0
    (tmp_path / "raft.go").write_text("package raft\n\n\nconst a = 1\n")
    assert main([str(tmp_path), "--check", str(kept)]) == 1
    assert "does not agree" in capsys.readouterr().out


@pytest.mark.upstream
def test_kept_facts_are_those_of_the_checkout(upstream_checkout: Path) -> None:
    assert dumps(read_checkout(upstream_checkout)) == FACTS.read_text()
