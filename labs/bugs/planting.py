"""How a bug is put into the running port, and taken out again.

A bug is a few changed lines in functions of the port, and nothing else: the
source of each function is read, the lines are replaced, and the function gets
the code that results. So the function stays the same object wherever it is
referred to, and a bug that no longer fits the port fails loudly instead of
planting nothing.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType, FunctionType
from typing import NamedTuple


class DoesNotFit(Exception):
    """The lines to replace are not there, or not just once."""


class Edit(NamedTuple):
    """A change to one function.

    Attributes:
        function: The function or method.
        old: Text that stands in its source once; it may span lines.
        new: What takes its place.
    """

    function: Callable[..., object]
    old: str
    new: str

    def code(self) -> CodeType:
        """Returns the code of the changed function.

        It keeps file and line of the original as far as it goes.

        Raises:
            DoesNotFit: the old text does not stand there just once.
        """
        function = self._function()
        source = textwrap.dedent(inspect.getsource(function))
        if (times := source.count(self.old)) != 1:
            raise DoesNotFit(
                f"{function.__qualname__} holds {self.old!r} {times} times"
            )
        tree = ast.parse(source.replace(self.old, self.new))
        code = function.__code__
        ast.increment_lineno(tree, code.co_firstlineno - 1)
        scope: dict[str, FunctionType] = {}
        exec(
            compile(
                tree, code.co_filename, "exec",
                flags=__future__.annotations.compiler_flag,
                dont_inherit=True,
            ),
            function.__globals__,
            scope,
        )  # fmt: skip
        return scope[function.__name__].__code__

    @contextmanager
    def made(self) -> Iterator[None]:
        """Makes the change for as long as the block runs."""
        function = self._function()
        original, changed = function.__code__, self.code()
        function.__code__ = changed
        try:
            yield
        finally:
            function.__code__ = original

    def _function(self) -> FunctionType:
        if not isinstance(self.function, FunctionType):
            raise DoesNotFit(f"{self.function!r} is no Python function")
        return self.function


class Bug(NamedTuple):
    """A mistake, and what shows it.

    Attributes:
        name: The module's name.
        mistake: What is wrong, and why that matters.
        edits: The changes to the port. Where the port would notice the
            mistake and panic, its check is taken out too: the question is
            whether the invariant catches it.
        invariant: The number of the invariant that must catch it.
        also: Numbers of others that it breaks as well, often sooner.
        schedule: A short schedule that breaks the invariant.
    """

    name: str
    mistake: str
    edits: tuple[Edit, ...]
    invariant: int
    schedule: str
    also: tuple[int, ...] = ()

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Plants the bug for as long as the block runs."""
        with ExitStack() as stack:
            for edit in self.edits:
                stack.enter_context(edit.made())
            yield
