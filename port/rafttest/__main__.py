"""Runs interaction scripts, and compares recordings with what happens now.

    python -m port.rafttest run FILE
    python -m port.rafttest check PATH...
    python -m port.rafttest play FILE [-o OUT]

`run` prints the script with the outputs that its commands have now. `check`
compares the outputs that stand in the files with those, byte for byte; a
folder stands for all the files in it. Files of upstream's packages
`confchange` and `quorum` are told by their folder and have commands of their
own. `play` writes a page, `FILE.html` unless told otherwise, on which the
script can be stepped through forth and back in a browser. A script that fails
is reported with file, line, command and reason, and the exit status is 1;
`check` goes on with the next.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

from port.errors import Malformed, RaftError, RaftPanic
from port.rafttest.confchange_datadriven import ConfChangeHandler
from port.rafttest.datadriven import (
    SEPARATOR,
    Directive,
    end_with_newline,
    parse,
    render,
)
from port.rafttest.interaction_env import InteractionEnv
from port.rafttest.play import NoPlayer, page
from port.rafttest.quorum_datadriven import QuorumHandler
from port.rafttest.record import record

Handler = Callable[[Directive], str]

MAX_DIFF_LINES = 20

# Scripts that know no nodes, by the folders that they lie in.
_OTHER_COMMANDS: dict[tuple[str, ...], Callable[[], Handler]] = {
    ("confchange", "testdata"): lambda: ConfChangeHandler().handle,
    ("quorum", "testdata"): lambda: QuorumHandler().handle,
}


class Failure(Exception):
    """A file that cannot be read or run, or that prints something else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carries out the command line, and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m port.rafttest",
        description="Run interaction scripts, and compare recordings.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", help="print a script with the outputs that it has now"
    )
    run.add_argument("file", type=Path, metavar="FILE", help="the script")
    check = commands.add_parser(
        "check", help="compare recordings, byte for byte"
    )
    check.add_argument(
        "paths", type=Path, metavar="PATH", nargs="+",
        help="a recording, or a folder of them",
    )  # fmt: skip
    play = commands.add_parser(
        "play", help="write a page to step through a script in a browser"
    )
    play.add_argument("file", type=Path, metavar="FILE", help="the script")
    play.add_argument(
        "-o", dest="out", type=Path, metavar="OUT",
        help="the page to write (FILE.html)",
    )  # fmt: skip
    args = parser.parse_args(argv)
    # A number of any length is read, to be refused as what it is: too large.
    sys.set_int_max_str_digits(0)
    try:
        if args.command == "run":
            return run_file(args.file)
        if args.command == "play":
            return play_file(args.file, args.out)
        return check_paths(args.paths)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def run_file(path: Path) -> int:
    """Prints the transcript of one script, and returns the exit status.

    If the script fails, what it printed until then is there too, up to the
    line before the failure.
    """
    env = InteractionEnv()
    done: list[Directive] = []
    outputs: list[str] = []
    failure: Failure | None = None
    try:
        text, directives = load(path)
    except Failure as err:
        print(err, file=sys.stderr)
        return 1
    handler = handler_for(path, env)
    for d in directives:
        done.append(d)
        try:
            outputs.append(execute(d, handler))
        except Failure as err:
            failure = err
            outputs.append(str(env.output))
            text = _without_outputs(done)
            break
    sys.stdout.write(render(text, str(path), outputs))
    sys.stdout.flush()
    if failure is not None:
        print(failure, file=sys.stderr)
    return 0 if failure is None else 1


def play_file(path: Path, out: Path | None) -> int:
    """Writes a page that plays one script, and returns the exit status.

    If the script fails, the page goes up to there.
    """
    try:
        _, directives = load(path)
        if _package(path) in _OTHER_COMMANDS:
            raise Failure(f"{path}: no nodes in it, so nothing to play")
        if not directives:
            raise Failure(f"{path}: no commands in it, so nothing to play")
        out = out or path.with_name(f"{path.name}.html")
        if out.resolve() == path.resolve():
            raise Failure(f"{out}: this is the script itself")
        recording = record(directives)
        command = f"python -m port.rafttest run {path}"
        try:
            text = page(recording, path.name, command)
            out.write_text(text, encoding="utf-8")
        except OSError as err:
            raise Failure(f"{out}: {err.strerror}") from err
        except NoPlayer as err:
            raise Failure(str(err)) from err
        print(f"wrote {out}; open it in a browser")
        if recording.failure is not None:
            raise _failure(*recording.failure)
    except Failure as failure:
        sys.stdout.flush()
        print(failure, file=sys.stderr)
        return 1
    return 0


def _without_outputs(directives: list[Directive]) -> str:
    """Returns a script of these directives alone, to be rendered."""
    lines: list[str] = []
    for d in directives:
        lines += [*d.head, SEPARATOR, ""]
    return "".join(f"{line}\n" for line in lines)


def check_paths(paths: Sequence[Path]) -> int:
    """Compares all recordings under `paths`, and returns the exit status.

    The last line printed is `N passed, M failed`.
    """
    passed = failed = 0
    skipped: Counter[str] = Counter()
    for path in _files(paths):
        if path.suffix != ".txt" and path.exists():
            skipped[_group(path)] += 1
            continue
        try:
            if check_file(path):
                passed += 1
            else:
                skipped[str(path)] += 1
        except Failure as failure:
            failed += 1
            print(failure)
    for name, count in skipped.items():
        files = f" ({count} files)" if count > 1 else ""
        print(f"skipped {name}{files}: no transcript")
    if passed + failed == 0:
        print("found nothing to check")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yields the files among `paths` and under the folders among them.

    Hidden files and folders are left out, unless named.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(
                part.startswith(".") for part in found.relative_to(path).parts
            )
            if found.is_file() and not hidden:
                yield found


def _group(path: Path) -> str:
    """Returns how a file that is skipped is called, with others of its kind."""
    if path.suffix in ("", ".md"):
        return str(path)
    return str(path.parent / f"*{path.suffix}")


def check_file(path: Path) -> bool:
    """Runs one recording; returns whether there was anything to run.

    Raises:
        Failure: it cannot be read or run, or an output differs.
    """
    _, directives = load(path)
    handler = handler_for(path, InteractionEnv())
    for d in directives:
        output = execute(d, handler)
        if output != d.expected:
            raise Failure(
                f"{d.place}: {d}: the output differs\n{_diff(d, output)}"
            )
    return bool(directives)


def load(path: Path) -> tuple[str, list[Directive]]:
    """Returns the text of a script, and its directives.

    Raises:
        Failure: it cannot be read, or is no script.
    """
    try:
        text = path.read_bytes().decode()
        return text, parse(text, str(path))
    except OSError as err:
        raise Failure(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise Failure(f"{path}: not UTF-8 text") from err
    except Malformed as err:
        raise Failure(str(err)) from err


def handler_for(path: Path, env: InteractionEnv) -> Handler:
    """Returns what carries out the directives of the file at `path`."""
    other = _OTHER_COMMANDS.get(_package(path))
    return env.handle if other is None else other()


def _package(path: Path) -> tuple[str, ...]:
    """Returns the folders by which upstream tells what a script is for."""
    return path.resolve().parts[-3:-1]


def execute(d: Directive, handler: Handler) -> str:
    """Carries out one directive; returns what it printed.

    Raises:
        Failure: it makes no sense, or a node broke down over it.
    """
    try:
        return end_with_newline(handler(d))
    except (RaftError, RaftPanic) as err:
        raise _failure(d, err) from err


def _failure(d: Directive, err: RaftError | RaftPanic) -> Failure:
    """Returns what to tell of a directive that failed."""
    if isinstance(err, RaftPanic):
        return Failure(f"{d.place}: {d.cmd}: panic: {err}")
    reason = str(err).removeprefix(f"{d.place}: ")
    reason = reason.removeprefix(f"{d.cmd}: ")
    return Failure(f"{d.place}: {d.cmd}: {reason}")


def _diff(d: Directive, output: str) -> str:
    """Returns the beginning of the difference to what the file holds."""
    lines = list(
        unified_diff(
            d.expected.splitlines(),
            output.splitlines(),
            "recorded",
            "now",
            lineterm="",
        )
    )
    if len(lines) > MAX_DIFF_LINES:
        rest = len(lines) - MAX_DIFF_LINES
        lines[MAX_DIFF_LINES:] = [f"... and {rest} lines more"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
