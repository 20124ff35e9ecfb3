"""Reads and writes scripts in the file format of data-driven tests.

Upstream's scripts are files of directives, each with what it should print:

    # A comment; so is every line that starts with a number sign.
    add-nodes 3 voters=(1,2,3) index=10
    input lines, if the command takes any
    ----
    expected output, up to the next blank line

Four things to know:

* **Arguments** are `key`, `key=value` or `key=(a, b, c)`. Values in
  parentheses may hold parentheses themselves. A directive whose line ends
  in a backslash goes on in the next line.
* **Input** may hold blank lines, so only `----` ends it. A directive
  without one would swallow the rest of the file: that is malformed here.
* **Output with blank lines** stands between two pairs of `----` lines.
* **Comments** belong to the file, not to a directive. `render` keeps them,
  so a script that is recorded anew changes in its outputs alone.

The format is that of github.com/cockroachdb/datadriven v1.0.2, less its
`subtest` directive, which no script here uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from port.errors import Malformed

SEPARATOR = "----"

TRUE_WORDS = frozenset(("1", "t", "T", "TRUE", "true", "True"))
FALSE_WORDS = frozenset(("0", "f", "F", "FALSE", "false", "False"))
MAX_UINT64 = (1 << 64) - 1


class Arg:
    """One argument of a directive: a key, and none, one or many values.

    `place` is `path:line` of the directive, for errors.
    """

    __slots__ = ("key", "place", "vals")

    def __init__(self, key: str, vals: list[str], place: str = "?") -> None:
        self.key = key
        self.vals = vals
        self.place = place

    def __repr__(self) -> str:
        return f"Arg({str(self)!r})"

    def __str__(self) -> str:
        if not self.vals:
            return self.key
        if len(self.vals) == 1:
            return f"{self.key}={self.vals[0]}"
        return f"{self.key}=({', '.join(self.vals)})"

    def text(self, i: int = 0) -> str:
        """Returns value `i` as it stands.

        Raises:
            Malformed: there is no such value.
        """
        if not 0 <= i < len(self.vals):
            raise self.error(f"argument {self.key} has no value {i}")
        return self.vals[i]

    def number(self, i: int = 0) -> int:
        """Returns value `i` as an unsigned number of 64 bits.

        Raises:
            Malformed: there is no such value, or it is not a number.
        """
        word = self.text(i)
        if not (word.isascii() and word.isdigit()) or int(word) > MAX_UINT64:
            raise self.error(f"{self.key}: not a number: {word!r}")
        return int(word)

    def numbers(self) -> list[int]:
        """Returns every value as a number.

        Raises:
            Malformed: one of them is not.
        """
        return [self.number(i) for i in range(len(self.vals))]

    def flag(self, i: int = 0) -> bool:
        """Returns value `i` as a truth value, in any spelling that Go takes.

        Raises:
            Malformed: there is no such value, or it is neither.
        """
        word = self.text(i)
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise self.error(f"{self.key}: neither true nor false: {word!r}")
        return word in TRUE_WORDS

    def error(self, text: str) -> Malformed:
        """Returns an error that says where this argument stands."""
        return Malformed(f"{self.place}: {text}")


class Directive:
    """One command of a script, with its input and its expected output.

    Attributes:
        cmd: The first word of the directive line.
        args: Its arguments, in order; a key may occur more than once.
        input: The lines before `----`, without white space at either end.
        expected: The lines after it, each with its newline; `""` if none.
        line: The number of the directive line, counted from 1.
        path: The name that the text was parsed under.
        head: The lines of the file that lead up to this one's `----`, from
            the end of the output before it: comments, blank lines, the
            directive and its input, untouched.
    """

    __slots__ = ("args", "cmd", "expected", "head", "input", "line", "path")

    def __init__(
        self,
        cmd: str,
        args: list[Arg],
        input: str = "",
        expected: str = "",
        line: int = 0,
        path: str = "?",
        head: list[str] | None = None,
    ) -> None:
        self.cmd = cmd
        self.args = args
        self.input = input
        self.expected = expected
        self.line = line
        self.path = path
        self.head = [] if head is None else head

    def __repr__(self) -> str:
        return f"<Directive {self.place} {str(self)!r}>"

    def __str__(self) -> str:
        return " ".join([self.cmd, *map(str, self.args)])

    @property
    def place(self) -> str:
        """`path:line`, as errors and reports name it."""
        return f"{self.path}:{self.line}"

    def find(self, key: str) -> Arg | None:
        """Returns the first argument with this key, or `None`."""
        for arg in self.args:
            if arg.key == key:
                return arg
        return None

    def scan(self, key: str) -> Arg:
        """Returns the first argument with this key.

        Raises:
            Malformed: there is none.
        """
        arg = self.find(key)
        if arg is None:
            raise self.error(f"missing argument: {key}")
        return arg

    def error(self, text: str) -> Malformed:
        """Returns an error that says where this directive stands."""
        return Malformed(f"{self.place}: {text}")


def parse(text: str, path: str) -> list[Directive]:
    """Reads a script.

    Args:
        text: The whole file.
        path: Its name, as errors should give it.

    Returns:
        Its directives in order; empty if it only holds comments.

    Raises:
        Malformed: the text is no script; the message starts with
            `path:line: `.
    """
    return _Reader(text, path).read()[0]


def render(text: str, path: str, outputs: Sequence[str]) -> str:
    """Returns the script with its outputs replaced, and nothing else.

    Args:
        text: The script to rewrite.
        path: Its name, as errors should give it.
        outputs: What each directive printed, in order. A newline is added
            where the last line lacks one.

    Raises:
        Malformed: `text` is no script.
        ValueError: there are more or fewer outputs than directives.
    """
    directives, tail = _Reader(text, path).read()
    lines: list[str] = []
    for directive, output in zip(directives, outputs, strict=True):
        lines += directive.head
        lines += _rendered_output(end_with_newline(output))
    lines += tail
    if lines and lines[-1] == "":
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def end_with_newline(output: str) -> str:
    """Returns the output of a handler in the form that scripts hold it."""
    if output and not output.endswith("\n"):
        return output + "\n"
    return output


def parse_line(line: str, place: str) -> tuple[str, list[Arg]]:
    """Reads a directive line: the command, then its arguments.

    Raises:
        Malformed: a key is missing or a parenthesis stays open; the message
            names the column.
    """
    line = line.strip()
    end = _first_of(line, " ", 0)
    cmd = line[:end]
    args: list[Arg] = []
    at = _skip_spaces(line, end)
    while at < len(line):
        end = _first_of(line, " =", at)
        key = line[at:end]
        if not key:
            raise _bad_column(line, at, place)
        vals: list[str] = []
        if line[end : end + 1] == "=":
            vals, end = _parse_values(line, end + 1, place)
        args.append(Arg(key, vals, place))
        at = _skip_spaces(line, end)
    return cmd, args


def _parse_values(line: str, at: int, place: str) -> tuple[list[str], int]:
    """Reads what follows the `=` at `at - 1`; returns it and where it ends."""
    if line[at : at + 1] != "(":
        end = _first_of(line, " ", at)
        return [line[at:end]], end
    vals: list[str] = []
    depth, start = 1, at + 1
    for i in range(start, len(line)):
        char = line[i]
        if char == "," and depth == 1:
            vals.append(line[start:i])
            start = _skip_spaces(line, i + 1)
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                vals.append(line[start:i])
                return vals, i + 1
    raise _bad_column(line, at, place)


def _first_of(line: str, chars: str, at: int) -> int:
    """Returns where one of `chars` occurs first from `at` on, or the end."""
    while at < len(line) and line[at] not in chars:
        at += 1
    return at


def _skip_spaces(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _bad_column(line: str, at: int, place: str) -> Malformed:
    return Malformed(
        f"{place}: cannot parse directive at column {at + 1}: {line}"
    )


def _rendered_output(output: str) -> Iterator[str]:
    """Yields the separator, the output and the blank line that ends it."""
    lines = output.split("\n")[:-1]
    doubled = any(not line.strip() for line in lines)
    marks = [SEPARATOR] * (2 if doubled else 1)
    yield from marks
    yield from lines
    if doubled:
        yield from marks
    yield ""


class _Reader:
    """Walks over the lines of a script once, from the first to the last."""

    __slots__ = ("at", "lines", "path")

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.at = 0  # index into `lines` of the next one
        self.lines = [line.removesuffix("\r") for line in text.split("\n")]
        if self.lines[-1] == "":
            self.lines.pop()

    def read(self) -> tuple[list[Directive], list[str]]:
        """Returns the directives, and the lines after the last of them."""
        directives: list[Directive] = []
        start = 0  # where the head of the next directive begins
        while (line := self._next()) is not None:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            directives.append(self._directive(line, start))
            start = self.at
        return directives, self.lines[start:]

    def _next(self) -> str | None:
        if self.at == len(self.lines):
            return None
        self.at += 1
        return self.lines[self.at - 1]

    def _directive(self, line: str, start: int) -> Directive:
        number = self.at
        place = f"{self.path}:{number}"
        if line == SEPARATOR:
            raise Malformed(f"{place}: {SEPARATOR} without a directive")
        while line.endswith("\\") and (more := self._next()) is not None:
            line = f"{line[:-1]} {more.strip()}"
        cmd, args = parse_line(line, place)
        if cmd == "subtest":
            raise Malformed(f"{place}: subtest is not supported")
        given = self.at
        while (line_ := self._next()) != SEPARATOR:
            if line_ is None:
                raise Malformed(f"{place}: no {SEPARATOR} after {cmd!r}")
        head = self.lines[start : self.at - 1]
        given_lines = self.lines[given : self.at - 1]
        return Directive(
            cmd=cmd,
            args=args,
            input="\n".join(given_lines).strip(),
            expected=self._expected(place),
            line=number,
            path=self.path,
            head=head,
        )

    def _expected(self, place: str) -> str:
        if self.lines[self.at : self.at + 1] == [SEPARATOR]:
            self.at += 1
            return self._expected_between_pairs(place)
        start = self.at
        while (line := self._next()) is not None:
            if not line.strip():
                return _joined(self.lines[start : self.at - 1])
        return _joined(self.lines[start:])

    def _expected_between_pairs(self, place: str) -> str:
        start = self.at
        pair = [SEPARATOR, SEPARATOR]
        while self.lines[self.at : self.at + 2] != pair:
            if self._next() is None:
                raise Malformed(f"{place}: no second pair of {SEPARATOR}")
        expected = _joined(self.lines[start : self.at])
        self.at += 2
        if self._next():
            raise Malformed(
                f"{self.path}:{self.at}: this line should be blank, after the"
                f" second pair of {SEPARATOR}"
            )
        return expected


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
