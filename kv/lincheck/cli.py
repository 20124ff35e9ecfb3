"""`python -m kv lincheck`: histories in, verdicts out.

    python -m kv lincheck FILE... [--model M] [--html OUT] [--with M:NAME]
    python -m kv lincheck --generate FILE [--operations N] [--damaged] ...

One line a file. Exit code 0: all linearizable; 1: one is not; 2: bad input;
3: unknown. Where several apply, bad input goes first, then 1, then 3.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from kv.lincheck import page
from kv.lincheck.check import BUDGET, Result, Verdict, check
from kv.lincheck.explain import Explanation, explain
from kv.lincheck.generate import MIXES, Spec, generate
from kv.lincheck.history import History, HistoryError, Operation
from kv.lincheck.models import MODELS, Model, Register, find_model
from kv.lincheck.reading import read_history, write_history
from kv.lincheck.shrink import minimal
from kv.lincheck.values import show

BAD_INPUT = 2

Check = Callable[[list[Operation]], bool]


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Args:
        argv: The arguments after `lincheck`.

    Returns:
        The exit code, as in the head of this module.
    """
    options = _parser().parse_args(argv)
    if options.generate is not None:
        return _generate(options)
    if not options.files:
        _parser().error("name a file, or --generate one")
    if wrong := _clash(options.html, options.files):
        return _complain(wrong)
    model: Model | None = None
    other: Check | None = None
    try:
        if options.model != "register":
            model = find_model(options.model)
        if options.other is not None:
            other = _find_check(options.other)
    except LookupError as error:
        return _complain(str(error))
    codes: set[int] = set()
    for name in options.files:
        try:
            codes.add(_judge(name, model, other, options))
        except HistoryError as error:
            codes.add(_complain(str(error)))
        except OSError as error:
            what = error.filename or name
            codes.add(_complain(f"{what}: {error.strerror}"))
    return next((code for code in (2, 1, 3) if code in codes), 0)


def _clash(html: str | None, files: Sequence[str]) -> str:
    """Say why a page cannot go where it is to go; nothing if it can."""
    if html is None:
        return ""
    out = Path(html)
    if out.exists() and any(
        Path(name).exists() and out.samefile(name) for name in files
    ):
        return f"--html {html} would write over the history"
    if len(files) > 1 and out.exists() and not out.is_dir():
        return f"--html {html}: with several files it is to be a folder"
    return ""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        print(f"{self.prog}: {message} (see --help)", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def _count(text: str) -> int:
    """Reads a number from 1 on; for `argparse`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)


def _share(text: str) -> float:
    """Reads a share of a whole; for `argparse`."""
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m kv lincheck",
        description="Judge histories: is there an order of the operations"
        " that explains every answer?",
        epilog="Exit code 0: linearizable, 1: not, 2: bad input, 3: unknown.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="JSON lines, a Jepsen register log, or Porcupine's store events",
    )
    parser.add_argument(
        "--model",
        default="register",
        metavar="M",
        help=f"{', '.join(MODELS)}, or MODULE:NAME (default: register)",
    )
    parser.add_argument(
        "--html",
        metavar="OUT",
        help="write the verdict as a page; with several files, OUT is a"
        " folder with a page for each",
    )
    parser.add_argument(
        "--with",
        dest="other",
        metavar="MODULE:NAME",
        help="run another check(operations) -> bool beside ours, and show"
        " a small history on which the two disagree",
    )
    parser.add_argument(
        "--budget",
        type=_count,
        default=BUDGET,
        metavar="N",
        help="places to search before saying unknown (default: %(default)s)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="one line a file, no more"
    )
    made = parser.add_argument_group("making a history")
    made.add_argument(
        "--generate", metavar="FILE", help="write one to FILE, or - for here"
    )
    spec = Spec()
    for name in ("operations", "clients", "keys"):
        made.add_argument(
            f"--{name}", type=_count, default=getattr(spec, name), metavar="N"
        )
    made.add_argument("--values", type=int, default=spec.values, metavar="N")
    made.add_argument("--seed", type=int, default=spec.seed, metavar="N")
    made.add_argument(
        "--unknown",
        type=_share,
        default=spec.unknown,
        metavar="P",
        help="the share of operations whose outcome gets lost",
    )
    made.add_argument("--mix", choices=MIXES, default=spec.mix)
    made.add_argument(
        "--damaged",
        action="store_true",
        help="let one read return a state that was over",
    )
    made.add_argument(
        "--told",
        action="store_true",
        help="let a cas that mismatched tell what it found",
    )
    return parser


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return BAD_INPUT


def _generate(options: argparse.Namespace) -> int:
    if options.values < 0:
        return _complain("--values begins at 0, for one of its own each time")
    spec = Spec(
        options.operations,
        options.clients,
        options.keys,
        options.unknown,
        options.damaged,
        options.values,
        options.told,
        options.mix,
        options.seed,
    )
    lines = write_history(generate(spec))
    if options.generate == "-":
        for line in lines:
            print(line)
        return 0
    try:
        with open(options.generate, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        return _complain(f"{options.generate}: {error.strerror}")
    return 0


# -------------------------------------------------------------- judging


class _Progress:
    """A line on the terminal that is written over, after a while."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begin = self._last = time.monotonic()
        self._shown = False
        self._terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        """Say how far we are, if it is time to say something again."""
        now = time.monotonic()
        pause = 0.2 if self._terminal else 10
        if now - self._begin < 1 or now - self._last < pause:
            return
        self._last = now
        line = f"{self._name}: {text}, {now - self._begin:.0f} s"
        if self._terminal:
            line = "\r\x1b[K" + line
        print(line, end="" if self._terminal else "\n", file=sys.stderr)
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown and self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr)


def _judge(
    name: str,
    model: Model | None,
    other: Check | None,
    options: argparse.Namespace,
) -> int:
    """Judge one file and print its line."""
    told = _Progress(name)
    functions = None if model is None else model.functions
    if type(model) is Register:
        functions = None
    begin = time.process_time()
    history = read_history(
        name, functions, lambda count: told(f"{count:,} lines read")
    )
    read = time.process_time() - begin
    result = check(history, model, options.budget, told)
    judged = time.process_time() - begin - read
    explanation = explain(result, model)
    told.clear()
    print(
        f"{name}: {result.verdict}, {len(history):,} operations on"
        f" {_keys(result)}, {judged:.3f} s (read in {read:.3f} s)"
        + ("" if len(history) else "; there was nothing to judge")
    )
    if explanation is not None and not options.quiet:
        print(_indent(explanation))
    if other is not None:
        _compare(result, other, options.other, model)
    if options.html is not None:
        out = Path(options.html)
        if len(options.files) > 1:
            out.mkdir(parents=True, exist_ok=True)
            out /= Path(name).name + ".html"
        out.write_text(
            page.render(result, explanation, model), encoding="utf-8"
        )
    return result.verdict.value


def _keys(result: Result) -> str:
    count = len(result.keys)
    text = "1 key" if count == 1 else f"{count:,} keys"
    paths = {verdict.path for verdict in result.keys}
    return f"{text} ({', '.join(sorted(paths))})" if paths else text


def _indent(explanation: Explanation) -> str:
    lines = [f"  key {show(explanation.key)}: {explanation.sentence}"]
    lines += [f"    {op}" for op in explanation.conflict]
    if explanation.reasons:
        lines.append("  what could come next:")
        lines += [f"    {op}: {why}" for op, why in explanation.reasons[:8]]
        if len(explanation.reasons) > 8:
            lines.append(f"    and {len(explanation.reasons) - 8} more")
    return "\n".join(lines)


# ----------------------------------------------------- somebody else's


def _find_check(name: str) -> Check:
    """The check at MODULE:NAME.

    Raises:
        LookupError: There is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise LookupError(f"--with takes MODULE:NAME, not {name!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # it is somebody's own, and not yet right
        kind = type(error).__name__
        raise LookupError(f"no check {name!r}: {kind}: {error}") from None
    if not callable(found):
        kind = type(found).__name__
        raise LookupError(f"{name} is a {kind}, and cannot be called")
    check_of: Check = found
    return check_of


def _ask(other: Check, operations: list[Operation]) -> bool | str:
    """What another check says, or how it failed."""
    try:
        return bool(other(operations))
    except Exception as error:  # it is somebody's first attempt
        return f"{type(error).__name__}: {error}"


def _compare(
    result: Result, other: Check, name: str, model: Model | None
) -> None:
    """Run another check; on a disagreement show it small."""
    operations = result.history.operations()
    said = _ask(other, operations)
    if result.verdict is Verdict.UNKNOWN:
        print(f"  {name} says {said}; we do not know")
        return
    ours = result.verdict is Verdict.LINEARIZABLE
    if said is ours:
        print(f"  {name} agrees")
        return
    small = disagreement(operations, other, model)
    verdict = _check_all(small, model)
    print(f"  {name} DISAGREES: it says {_answer(_ask(other, small))} of")
    for op in small:
        end = "never" if op.ret > 1 << 62 else op.ret
        print(f"    [{op.call}, {end}] client {op.process}: {op}")
    print(f"  which is {verdict.verdict}:")
    explanation = explain(verdict, model)
    if explanation is not None:
        print(f"    {explanation.sentence}")
        return
    for each in verdict.keys:
        part = [op for op in small if op.key == each.key or model]
        print(f"    key {show(each.key)} in this order:")
        for i in each.order:
            print(f"      {part[i]}")


def _answer(said: bool | str) -> str:
    if isinstance(said, str):
        return said
    return "linearizable" if said else "not linearizable"


def disagreement(
    operations: list[Operation], other: Check, model: Model | None = None
) -> list[Operation]:
    """Shrink a history on which another check is wrong.

    Here any part will do, for each is judged anew: operations may simply go.

    Args:
        operations: The history.
        other: A check that is wrong about it.
        model: What the object does; the store if not given.

    Returns:
        A part of it that it is wrong about, too.
    """

    def wrong(part: list[int]) -> bool:
        chosen = [operations[i] for i in part]
        verdict = _check_all(chosen, model).verdict
        if verdict is Verdict.UNKNOWN:
            return False
        return _ask(other, chosen) is not (verdict is Verdict.LINEARIZABLE)

    small = minimal(list(range(len(operations))), wrong)
    return [operations[i] for i in small]


def _check_all(operations: list[Operation], model: Model | None) -> Result:
    history = History.of(operations) if model is None else History()
    if model is not None:
        history.objects = operations
    return check(history, model, 100_000)
