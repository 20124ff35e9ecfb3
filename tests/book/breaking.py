"""Takes a line out of the port, or puts another in its place.

The chapters ask their readers to break the port and see which test finds it;
the tests of a chapter do the same.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType

import pytest

from port import raft

# A method or function, a text in it, another for it, and the test that sees
# that.
Break = tuple[str, str, str, Callable[[], None]]


def breaks(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    other: str,
    module: ModuleType = raft,
) -> None:
    """Puts `other` where `text` is in a method or function of a module.

    Args:
        monkeypatch: Undoes it when the test is over.
        name: `Raft.reset` or `leader_beat`.
        text: What must be in it exactly once.
        other: What shall be there instead.
        module: The module; `port.raft` if it is not said.
    """
    owner, _, last = name.rpartition(".")
    home = getattr(module, owner) if owner else module
    function = getattr(home, last)
    source = inspect.getsource(function)
    assert source.count(text) == 1, f"{name} has {source.count(text)}: {text}"
    code = textwrap.dedent(source.replace(text, other))
    namespace = dict(vars(module))
    head = "from __future__ import annotations\n"
    exec(compile(head + code, name, "exec"), namespace)
    broken = namespace[last]
    monkeypatch.setattr(home, last, broken)
    for table in vars(module).values():
        if not isinstance(table, dict):
            continue
        for key, handler in list(table.items()):
            if handler is function:
                monkeypatch.setitem(table, key, broken)


def is_seen(
    monkeypatch: pytest.MonkeyPatch,
    broken: Break,
    *others: type[BaseException],
    module: ModuleType = raft,
) -> None:
    """Sees to it that a test passes, and fails once the port is broken.

    Args:
        monkeypatch: Mends it when the test is over.
        broken: What is broken, and which test is to see it.
        others: How it may fail, besides by an assertion of its own.
        module: The module that is broken.
    """
    name, text, other, test = broken
    test()
    breaks(monkeypatch, name, text, other, module)
    with pytest.raises((AssertionError, *others)):
        test()
