"""Who may import whom, and what the pure core of the port may import.

The rooms of the house build on one another in one direction, so that each can
be read, tested and used without those above it. And the core of `port` takes
time, randomness and the world as arguments: it runs in a browser, in a
simulator, and twice the same.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]

# A room, and what of ours it may import besides itself. The longest room
# that a module lies in counts; what is in no room may import nothing of ours.
MAY_IMPORT = {
    "port": set[str](),
    "kv": {"port"},
    "kv.lincheck": set[str](),
    "labs": {"port", "kv"},
    "book": {"port", "kv", "labs"},
    "tests": {"port", "kv", "labs", "book"},
}
OURS = {"port", "kv", "labs", "book", "tests"}

# The standard modules that neither touch the world nor keep a clock.
PURE = {
    "__future__",
    "abc",
    "bisect",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "heapq",
    "io",  # io.StringIO; the built-in open is refused below
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "struct",
    "string",
    "textwrap",
    "types",
    "typing",
}
# The built-in functions that do.
IMPURE_CALLS = {"__import__", "breakpoint", "exec", "eval", "input", "open"}
IMPURE_CALLS |= {"print"}

# Not of the core: these may import and call what they like.
NOT_CORE = {
    "port/chan.py",
    "port/node.py",
    "port/rafttest/network.py",
    "port/rafttest/node.py",
}
# Of the core, but for one thing each.
EXCEPT = {
    "port/logger.py": {"logging"},  # The default logger.
    "port/raft.py": {"random"},  # What Config.rand is unless it is given.
    # It looks on while the core runs, and quotes its lines.
    "port/rafttest/record.py": {"sys", "pathlib"},
    # It writes a page, with the styles and the script that stand in files.
    "port/rafttest/play.py": {"html", "pathlib", "xml"},
}


def python_files(room: str) -> list[Path]:
    """Return a room's Python files, but for what a learner writes."""
    return sorted(
        path
        for path in (REPO / room).rglob("*.py")
        if "work" not in path.relative_to(REPO).parts[1:2]
    )


def module_of(path: Path) -> str:
    """Return the dotted name of a file's module, given from the root."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.Module, module: str, package: bool) -> Iterator[str]:
    """Yield the dotted name of all that a module imports, anywhere in it.

    `from port import raft` yields `port` and `port.raft`: which of the two is
    the module does not matter to who may import whom.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") + ["."] * package
                above = parts[: -node.level]
                base = ".".join(above + ([base] if base else []))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(module: str, rooms: dict[str, set[str]]) -> str:
    """Return the innermost room that a module lies in, or an empty name."""
    inside = [r for r in rooms if f"{module}.".startswith(f"{r}.")]
    return max(inside, key=len, default="")


def against_the_stream(
    source: str, path: Path, rooms: dict[str, set[str]]
) -> list[str]:
    """Name what a file imports from a room that it must not know."""
    module = module_of(path)
    room = room_of(module, rooms)
    allowed = rooms.get(room, set()) | {room}
    package = path.name == "__init__.py"
    return sorted(
        {
            f"{path.as_posix()} ({room}) imports {name}"
            for name in imports(ast.parse(source), module, package)
            if name.split(".")[0] in OURS
            and not any(f"{name}.".startswith(f"{ok}.") for ok in allowed)
        }
    )


def impurities(source: str, path: Path) -> list[str]:
    """Name what a file of the core imports or calls that is not pure."""
    name = path.as_posix()
    tree = ast.parse(source)
    package = path.name == "__init__.py"
    pure = PURE | {"port"} | EXCEPT.get(name, set())
    found = {
        f"{name} imports {imported}"
        for imported in imports(tree, module_of(path), package)
        if imported.split(".")[0] not in pure
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in IMPURE_CALLS:
                found.add(f"{name}:{node.lineno} calls {node.func.id}")
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.add(f"{name}:{node.lineno} is asynchronous")
    return sorted(found)


def test_imports_point_one_way() -> None:
    wrong = []
    for room in sorted(OURS):
        for path in python_files(room):
            source = path.read_text(encoding="utf-8")
            here = path.relative_to(REPO)
            wrong += against_the_stream(source, here, MAY_IMPORT)
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_core_is_pure() -> None:
    wrong = []
    core = 0
    for path in python_files("port"):
        here = path.relative_to(REPO)
        if here.as_posix() in NOT_CORE or here.name == "__main__.py":
            continue
        core += 1
        wrong += impurities(path.read_text(encoding="utf-8"), here)
    assert core > 20
    assert not wrong, "\n" + "\n".join(wrong)


def circle(files: dict[str, str]) -> list[str]:
    """Return modules that import one another in a circle, or none.

    Args:
        files: Sources by path. What only a type checker imports counts, too;
            what a function imports when it is called does not.
    """
    modules = {module_of(Path(path)): path for path in files}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        tree = ast.parse(files[path])
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = []
        package = path.endswith("__init__.py")
        named = imports(tree, module, package)
        graph[module] = {*named} & modules.keys() - {module}
        # A package that takes something from a part of its own needs it; a
        # part that takes something from another does not need the package.
        graph[module] -= {
            above for above in graph[module] if module.startswith(f"{above}.")
        }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("room", ["kv", "labs", "book"])
def test_no_imports_go_in_a_circle(room: str) -> None:
    """Those of the port do, as do the files of one Go package."""
    found = circle(
        {
            path.relative_to(REPO).as_posix(): path.read_text(encoding="utf-8")
            for path in python_files(room)
        }
    )
    assert not found, " -> ".join(found)


# What follows shows that the checks above can fail.


def test_a_circle_is_named() -> None:
    line = {"kv/a.py": "import kv.b", "kv/b.py": "from kv import c"}
    assert not circle({**line, "kv/c.py": "def f():\n    import kv.a"})
    ring = circle({**line, "kv/c.py": "from kv.a import x"})
    assert {*ring} == {"kv.a", "kv.b", "kv.c"}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("port/raft.py", "import kv"),
        ("port/raft.py", "def f():\n    from kv.store import Store"),
        ("port/raft.py", "from book.weave import facts"),
        ("kv/wal.py", "import labs.bugs"),
        ("kv/lincheck/model.py", "from port import raft"),
        ("kv/lincheck/model.py", "from kv.parts import Log"),
        ("kv/lincheck/model.py", "from .. import parts"),
        ("kv/lincheck/__init__.py", "from ..parts import Log"),
        ("labs/runner.py", "import book.weave"),
        ("book/weave/walks.py", "from tests import conftest"),
    ],
)
def test_an_import_against_the_stream_is_named(path: str, source: str) -> None:
    assert against_the_stream(source, Path(path), MAY_IMPORT)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("port/raft.py", "from . import errors\nfrom port.raftpb import x"),
        ("port/raftpb/__init__.py", "from .alias import *\nfrom .. import x"),
        ("kv/wal.py", "import port.raft\nimport kv.lincheck.model"),
        ("kv/lincheck/model.py", "from kv.lincheck import x\nfrom . import y"),
        ("book/weave/walks.py", "import labs, kv, port.raft, mkdocs"),
        ("tests/kv/test_wal.py", "from labs.bugs import x\nimport book"),
    ],
)
def test_an_import_with_the_stream_passes(path: str, source: str) -> None:
    assert not against_the_stream(source, Path(path), MAY_IMPORT)


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "import time",
        "import random",
        "import msgpack",
        "from os import path",
        "def f():\n    import threading",
        "open('x')",
        "print(1)",
        "async def f(): ...",
    ],
)
def test_what_is_not_pure_is_named(source: str) -> None:
    assert impurities(source, Path("port/log.py"))


def test_an_exception_is_for_one_file_and_one_module() -> None:
    assert not impurities("import logging", Path("port/logger.py"))
    assert impurities("import random", Path("port/logger.py"))
    assert impurities("import logging", Path("port/raft.py"))
