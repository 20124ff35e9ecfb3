"""What 5.6 must do: be short, and change nothing."""

from types import FunctionType
from typing import Final
from unittest.mock import patch

import port.raft
from labs.lab5_porting.replaying import longest, replay
from labs.runner.checking import Trial, check
from labs.runner.exercise import Reading
from port import raftpb as pb

COMMIT = Reading("commit.md", "Commit")
STEP = Reading("step.md", "Step, whole")
MOST: Final = 20  # lines of code


def functions(t: Trial) -> dict[str, FunctionType]:
    """What the file defines itself."""
    return {
        name: each
        for name, each in vars(t.found).items()
        if isinstance(each, FunctionType) and each.__module__ == mine(t)
    }


def mine(t: Trial) -> str:
    return str(t.name("leader_app_resp").__module__)


@check("no function has more than twenty lines of code", STEP)
def short(t: Trial) -> None:
    name, lines = longest(functions(t))
    found = len(functions(t))
    t.called = f"{found} function{'s' * (found != 1)} in {t.file}"
    t.holds(
        lines <= MOST,
        "cut it where it asks a question, and let the answer be the name",
        f"the longest, {name}, has {lines}", f"at most {MOST}",
    )  # fmt: skip


@check("every function says what it is for", STEP)
def said(t: Trial) -> None:
    for name, function in functions(t).items():
        t.called = f"{name} in {t.file}"
        t.holds(
            function.__doc__,
            "a piece that cannot be described in a line is cut in the wrong"
            " place",
            "it has no docstring", "one line, at least",
        )  # fmt: skip


@check("all recordings stay as they are", COMMIT)
def recordings(t: Trial) -> None:
    table = port.raft._LEADER_WITH_PROGRESS
    with patch.dict(table, {pb.MsgAppResp: t.name("leader_app_resp")}):
        replay(t)


CHECKS = [short, said, recordings]
