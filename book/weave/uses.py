"""Who uses what in the port: names in the code, and what they stand for.

A walk says who calls its function, and a name in the code leads to where it
is explained. Both want to know what a name stands for: in `r.raft_log.append`
the method of `RaftLog`, and of nobody else. So the types are followed, as far
as the annotations go: parameters, fields as `__init__` sets them, what a
function returns, and what a list holds. That is little of what a type checker
knows, and enough, since the port is annotated throughout. What cannot be told
stays out: a link that is missing is better than one that is wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from book.weave.python import MODULE

Function = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, str]

# The tests that may hold a function of the port.
TESTS = ("tests/port", "tests/book")

# What holds other things, and which of its arguments they are.
_BOXES = {
    "list": 0, "tuple": 0, "set": 0, "frozenset": 0, "Sequence": 0,
    "Iterable": 0, "Iterator": 0, "AsyncIterator": 0, "deque": 0,
    "dict": 1, "Mapping": 1,
}  # fmt: skip
_WRAPPERS = ("Final", "ClassVar")
_SAME = ("list", "sorted", "tuple", "set", "frozenset", "reversed", "iter")


@dataclass(frozen=True, slots=True)
class Type:
    """What an expression is.

    Attributes:
        kind: `module`, `class`, `function`, `instance` of a class, or `box`.
        path: The file that it is in.
        name: Its dotted name there; for a box, the box's.
        args: What a box holds.
    """

    kind: str
    path: str = ""
    name: str = ""
    args: tuple[Type | None, ...] = ()

    @property
    def inside(self) -> Type | None:
        """What one gets out of a box."""
        at = _BOXES.get(self.name, 0)
        return self.args[at] if len(self.args) > at else None


@dataclass(frozen=True, slots=True)
class Use:
    """A name in the code that stands for something of the port's.

    Attributes:
        path: The file with the name.
        line: Its line.
        column: Where it starts on the line.
        name: The name as it stands there.
        owner: The symbol whose code it is in; a table of the module, by its
            name.
        target: The file and the dotted name of what it stands for.
        call: Whether it is called there.
        stored: Whether a value is put there.
    """

    path: str
    line: int
    column: int
    name: str
    owner: str
    target: Place
    call: bool
    stored: bool


# What the names of a function are; `None` for what cannot be told.
Scope = dict[str, Type | None]

# What gives a name to something, inside a function.
_PLACED = (
    ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For | ast.ListComp
    | ast.SetComp | ast.GeneratorExp | ast.DictComp
)  # fmt: skip


@dataclass(slots=True)
class _Class:
    node: ast.ClassDef
    methods: dict[str, Function] = field(default_factory=dict)
    # How a field is said to be, or what it is set to, and in which method.
    fields: dict[str, tuple[ast.expr, bool, Function | None]] = field(
        default_factory=dict
    )


@dataclass(slots=True)
class _Module:
    tree: ast.Module
    # Where an imported name comes from, or the node that defines it.
    names: dict[str, Place | ast.AST] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    classes: dict[str, _Class] = field(default_factory=dict)


class Index:
    """Every use of every name of the port.

    Args:
        root: The repository.
        more: Folders besides `port` in which to look for uses.
    """

    def __init__(self, root: Path, more: tuple[str, ...] = ()) -> None:
        self._modules: dict[str, _Module] = {}
        self._under_way: set[Place] = set()
        self._fields: dict[Place, Type | None] = {}
        for file in (
            file
            for folder in ("port", *more)
            for file in sorted((root / folder).rglob("*.py"))
        ):
            path = file.relative_to(root).as_posix()
            tree = ast.parse(file.read_text(encoding="utf-8"), path)
            self._modules[path] = _Module(tree)
        for path, module in self._modules.items():
            self._read(path, module, module.tree.body)
        self.uses: list[Use] = []
        for path, module in self._modules.items():
            _Visitor(self, path, module).run(self.uses)
        self._by_target: dict[Place, list[Use]] = {}
        self._by_line: dict[tuple[str, int], list[Use]] = {}
        for use in self.uses:
            self._by_target.setdefault(use.target, []).append(use)
            self._by_line.setdefault((use.path, use.line), []).append(use)

    # ---- Questions ----------------------------------------------------------

    def of(self, path: str, name: str, within: str = "port/") -> list[Use]:
        """Returns the uses of a symbol in a folder, in the files' order.

        A method that a protocol promises is also used where the protocol's
        is: whoever calls it need not know whose it is.
        """
        found = list(self._by_target.get((path, name), []))
        owner, _, last = name.rpartition(".")
        for file, promised in self._promises(path, owner):
            found += self._by_target.get((file, f"{promised}.{last}"), [])
        return [use for use in found if use.path.startswith(within)]

    def on_line(self, path: str, line: int) -> list[Use]:
        """Returns the uses on a line, from left to right."""
        found = self._by_line.get((path, line), [])
        return sorted(found, key=lambda use: use.column)

    def _promises(self, path: str, owner: str) -> Iterator[Place]:
        """Yields the protocols that a class keeps."""
        module = self._modules.get(path)
        if module is None or owner not in module.classes:
            return
        mine = module.classes[owner].methods.keys()
        for (file, name), promised in self._protocols.items():
            if name != owner and promised <= mine:
                yield file, name

    @cached_property
    def _protocols(self) -> dict[Place, set[str]]:
        """Every protocol, and the methods that it promises."""
        return {
            (path, name): set(cls.methods)
            for path, module in self._modules.items()
            for name, cls in module.classes.items()
            if cls.methods
            and "Protocol" in [ast.unparse(base) for base in cls.node.bases]
        }

    def trees(self) -> Iterator[tuple[str, ast.Module]]:
        """Yields every file, read."""
        for path, module in self._modules.items():
            yield path, module.tree

    def tree(self, path: str) -> ast.Module:
        """Returns a file of the port, read."""
        return self._modules[path].tree

    def imported(self, path: str) -> set[str]:
        """Returns the names that a file imports or defines."""
        return set(self._modules[path].names)

    # ---- Reading ------------------------------------------------------------

    def _read(
        self, path: str, module: _Module, body: Iterable[ast.stmt]
    ) -> None:
        for node in body:
            if isinstance(node, ast.If | ast.Try):
                self._read(path, module, node.body)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                self._imported(module, node)
            elif isinstance(node, Function):
                module.names[node.name] = node
            elif isinstance(node, ast.ClassDef):
                module.names[node.name] = node
                module.classes[node.name] = _class(node)
            elif isinstance(node, ast.AnnAssign) and isinstance(
                node.target, ast.Name
            ):
                module.names[node.target.id] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        module.names[target.id] = node

    def _imported(self, module: _Module, node: ast.ImportFrom) -> None:
        source = self.file(node.module or "")
        if source is None:
            return
        for alias in node.names:
            if alias.name == "*":
                module.stars.append(source)
                continue
            inner = self.file(f"{node.module}.{alias.name}")
            known = alias.asname or alias.name
            module.names[known] = (inner, "") if inner else (source, alias.name)

    def file(self, dotted: str) -> str | None:
        """Returns the file of a module of the port, if it is one."""
        stem = dotted.replace(".", "/")
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if path in self._modules:
                return path
        return None

    # ---- Types --------------------------------------------------------------

    def named(self, path: str, name: str) -> Type | None:
        """Returns what a module knows under a name."""
        module = self._modules[path]
        found = module.names.get(name)
        if found is None:
            for star in module.stars:
                if (inner := self.named(star, name)) is not None:
                    return inner
            return None
        if isinstance(found, tuple):
            source, original = found
            if not original:
                return Type("module", source)
            return self.named(source, original)
        if isinstance(found, ast.ClassDef):
            return Type("class", path, name)
        if isinstance(found, Function):
            return Type("function", path, name)
        if (path, name) in self._under_way:
            return None
        self._under_way.add((path, name))
        try:
            return self._assigned(path, found)
        finally:
            self._under_way.discard((path, name))

    def _assigned(self, path: str, node: ast.AST) -> Type | None:
        if isinstance(node, ast.AnnAssign):
            said = self.annotated(path, node.annotation)
            if said is None and node.value is not None:
                return self.infer(path, node.value, {})
            return said
        if isinstance(node, ast.Assign):
            # An alias of a type, or a value.
            return self.infer(path, node.value, {})
        return None

    def annotated(self, path: str, node: ast.expr | None) -> Type | None:
        """Returns what an annotation says that a value is."""
        if isinstance(node, ast.BinOp):
            return self.annotated(path, node.left) or self.annotated(
                path, node.right
            )
        if isinstance(node, ast.Subscript):
            name = ast.unparse(node.value).rpartition(".")[2]
            inner = (
                node.slice.elts
                if isinstance(node.slice, ast.Tuple)
                else [node.slice]
            )
            args = tuple(self.annotated(path, one) for one in inner)
            if name in _WRAPPERS:
                return args[0]
            if name in _BOXES:
                return Type("box", "", name, args)
            return self.annotated(path, node.value)
        if isinstance(node, ast.Name | ast.Attribute):
            found = self.infer(path, node, {})
            if found and found.kind == "class":
                return Type("instance", found.path, found.name)
            return found if found and found.kind == "box" else None
        return None

    def _class_of(self, kind: Type) -> _Class | None:
        module = self._modules.get(kind.path)
        return module.classes.get(kind.name) if module else None

    def member(self, kind: Type, name: str) -> tuple[Place, Type | None] | None:
        """Returns where a class says what `name` is, and what it is."""
        cls = self._class_of(kind)
        if cls is None:
            return None
        place = (kind.path, f"{kind.name}.{name}")
        if name in cls.methods:
            function = cls.methods[name]
            if any(
                ast.unparse(d).endswith(("property", "property()"))
                for d in function.decorator_list
            ):
                return place, self.annotated(kind.path, function.returns)
            return place, Type("function", *place)
        if name in cls.fields:
            if place not in self._fields:
                # Whoever asks again while this is found out, gets nothing.
                self._fields[place] = None
                self._fields[place] = self._field(kind, *cls.fields[name])
            return place, self._fields[place]
        for base in cls.node.bases:
            above = self.infer(kind.path, base, {})
            is_class = above is not None and above.kind == "class"
            if above and is_class and (found := self.member(above, name)):
                return found
        return None

    def _field(
        self,
        kind: Type,
        node: ast.expr,
        annotation: bool,
        method: Function | None,
    ) -> Type | None:
        if annotation:
            return self.annotated(kind.path, node)
        scope: Scope = {}
        if method:
            scope = self.parameters(kind.path, method, kind)
            self.bind(kind.path, method, scope)
        return self.infer(kind.path, node, scope)

    def parameters(
        self, path: str, function: Function, cls: Type | None
    ) -> Scope:
        """Returns what the parameters of a function are."""
        known: Scope = {}
        args = function.args
        for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs):
            known[arg.arg] = self.annotated(path, arg.annotation)
        if args.vararg:
            inner = self.annotated(path, args.vararg.annotation)
            known[args.vararg.arg] = Type("box", "", "tuple", (inner,))
        if cls and args.args and args.args[0].annotation is None:
            is_class = any(
                ast.unparse(d) == "classmethod"
                for d in function.decorator_list
            )
            kind = "class" if is_class else "instance"
            known[args.args[0].arg] = Type(kind, cls.path, cls.name)
        return known

    def bind(self, path: str, function: Function, scope: Scope) -> None:
        """Finds out what the local names are, from top to bottom.

        Args:
            path: The file.
            function: The function.
            scope: What is known so far, to be added to.
        """
        binder = _Binder(self, path, scope)
        for node in sorted(
            (n for n in ast.walk(function) if isinstance(n, _PLACED)),
            key=_place,
        ):
            binder.bind(node)

    def returned(self, place: Type) -> Type | None:
        """Returns what a function or a method returns."""
        owner, _, last = place.name.rpartition(".")
        module = self._modules[place.path]
        if owner:
            function = module.classes[owner].methods.get(last)
        else:
            named = module.names.get(last)
            function = named if isinstance(named, Function) else None
        if function is None:
            return None
        if function.returns and ast.unparse(function.returns) == "Self":
            return Type("instance", place.path, owner)
        return self.annotated(place.path, function.returns)

    def boxed(self, kind: Type | None) -> Type | None:
        """Returns the box that an object is, if its class is made of one."""
        cls = self._class_of(kind) if kind else None
        if kind is None or cls is None or kind.kind != "instance":
            return kind
        for base in cls.node.bases:
            box = self.annotated(kind.path, base)
            if box and box.kind == "box":
                return box
        return kind

    def infer(
        self, path: str, node: ast.expr, scope: Scope
    ) -> Type | None:
        """Returns what an expression is, as far as that can be told."""
        match node:
            case ast.Name(id=name):
                if name in scope:
                    return scope[name]
                return self.named(path, name)
            case ast.Attribute(value=value, attr=attr):
                kind = self.infer(path, value, scope)
                if kind is None:
                    return None
                if kind.kind == "module":
                    return self.named(kind.path, attr)
                if kind.kind in ("class", "instance"):
                    found = self.member(kind, attr)
                    return found[1] if found else None
                return None
            case ast.Call(func=func, args=args):
                return self._called(path, func, args, scope)
            case ast.Subscript(value=value, slice=part):
                kind = self.boxed(self.infer(path, value, scope))
                if kind and kind.kind == "box":
                    sliced = isinstance(part, ast.Slice)
                    return kind if sliced else kind.inside
                if kind is None:
                    return self.annotated(path, node)
                return None
            case ast.BoolOp(values=values):
                kinds = (self.infer(path, one, scope) for one in values)
                return next((kind for kind in kinds if kind), None)
            case ast.IfExp(body=body, orelse=orelse):
                return self.infer(path, body, scope) or self.infer(
                    path, orelse, scope
                )
            case ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.infer(path, value, scope)
            case ast.List(elts=elts) | ast.Set(elts=elts) if elts:
                inner = self.infer(path, elts[0], scope)
                return Type("box", "", "list", (inner,))
            case ast.BinOp(left=left, right=right):
                return self.infer(path, left, scope) or self.infer(
                    path, right, scope
                )
        return None

    def _called(
        self,
        path: str,
        func: ast.expr,
        args: list[ast.expr],
        scope: Scope,
    ) -> Type | None:
        kind = self.infer(path, func, scope)
        if kind and kind.kind == "class":
            return Type("instance", kind.path, kind.name)
        if kind and kind.kind == "function":
            return self.returned(kind)
        if isinstance(func, ast.Name) and func.id in _SAME and args:
            return self.infer(path, args[0], scope)
        if isinstance(func, ast.Name) and func.id == "cast" and args:
            return self.annotated(path, args[0])
        if isinstance(func, ast.Attribute):
            held = self.boxed(self.infer(path, func.value, scope))
            if held and held.kind == "box":
                if func.attr in ("get", "pop", "popleft"):
                    return held.inside
                if func.attr in ("values", "copy"):
                    inside = held.inside
                    return Type("box", "", "list", (inside,))
                if func.attr == "items":
                    pair = Type("box", "", "pair", held.args)
                    return Type("box", "", "list", (pair,))
        return None


class _Binder:
    """Learns what the local names of a function are."""

    def __init__(self, index: Index, path: str, scope: Scope) -> None:
        self.index = index
        self.path = path
        self.scope = scope

    def bind(self, node: ast.stmt | ast.expr) -> None:
        """Takes in what one statement or expression gives names to."""
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)
            ):
                for target, value in zip(names, values, strict=False):
                    kind = self.index.infer(self.path, value, self.scope)
                    self._name(target, kind)
            case ast.Assign(targets=targets, value=value):
                kind = self.index.infer(self.path, value, self.scope)
                for target in targets:
                    self._name(target, kind)
            case ast.AnnAssign(target=target, annotation=said):
                self._name(target, self.index.annotated(self.path, said))
            case ast.NamedExpr(target=target, value=value):
                kind = self.index.infer(self.path, value, self.scope)
                self._name(target, kind)
            case ast.For(target=target, iter=over):
                self._loop(target, over)
            case (
                ast.ListComp() | ast.SetComp()
                | ast.GeneratorExp() | ast.DictComp()
            ):  # fmt: skip
                for gen in node.generators:
                    self._loop(gen.target, gen.iter)

    def _loop(self, target: ast.expr, over: ast.expr) -> None:
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Name):
            if over.func.id == "enumerate" and over.args:
                if isinstance(target, ast.Tuple):
                    self._loop(target.elts[1], over.args[0])
                return
            if over.func.id == "zip" and isinstance(target, ast.Tuple):
                for one, held in zip(target.elts, over.args, strict=False):
                    self._loop(one, held)
                return
        kind = self.index.infer(self.path, over, self.scope)
        kind = self.index.boxed(kind)
        if kind and kind.kind == "box":
            self._name(target, kind.inside)

    def _name(self, target: ast.expr, kind: Type | None) -> None:
        if isinstance(target, ast.Name):
            if kind is not None or target.id not in self.scope:
                self.scope[target.id] = kind
        elif isinstance(target, ast.Tuple) and kind and kind.kind == "box":
            for one, part in zip(target.elts, kind.args, strict=False):
                self._name(one, part)


class _Visitor(ast.NodeVisitor):
    """Goes through a module and writes down what it uses."""

    def __init__(self, index: Index, path: str, module: _Module) -> None:
        self.index = index
        self.path = path
        self.module = module
        self.owner = MODULE
        self.cls: Type | None = None
        self.scope: Scope = {}
        self.called: set[int] = set()
        self.found: list[Use] = []

    def run(self, found: list[Use]) -> None:
        """Appends the uses of the module."""
        self.found = found
        self.visit(self.module.tree)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """An import uses nothing; what uses the name does."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The body of a class is the class's."""
        before = self.owner, self.cls
        self.owner, self.cls = node.name, Type("class", self.path, node.name)
        self.generic_visit(node)
        self.owner, self.cls = before

    def visit_Assign(self, node: ast.Assign) -> None:
        """What a table of the module holds is used by the table."""
        self._table(node, node.targets[0])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Likewise."""
        self._table(node, node.target)

    def _table(self, node: ast.stmt, target: ast.expr) -> None:
        before = self.owner
        if before == MODULE and isinstance(target, ast.Name):
            self.owner = target.id
        self.generic_visit(node)
        self.owner = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """The body of a function is the function's."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Likewise."""
        self._function(node)

    def _function(self, node: Function) -> None:
        helper = not node.name.startswith("test_")
        if helper and self.path.startswith("tests/"):
            return  # What helps a test holds nothing by itself.
        before = self.owner, self.scope, self.cls
        outer = self.owner == MODULE or self.owner == (
            self.cls.name if self.cls else None
        )
        if outer:
            prefix = f"{self.cls.name}." if self.cls else ""
            self.owner = prefix + node.name
            self.scope = {}
        known = self.index.parameters(
            self.path, node, self.cls if outer else None
        )
        self.scope = {**self.scope, **known}
        self.index.bind(self.path, node, self.scope)
        self.cls = None
        for inner in node.body:
            self.visit(inner)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default:
                self.visit(default)
        self.owner, self.scope, self.cls = before

    def visit_Call(self, node: ast.Call) -> None:
        """Remembers what is called."""
        self.called.add(id(node.func))
        self.generic_visit(node)
        kind = self.index.infer(self.path, node.func, self.scope)
        if kind and kind.kind == "class":
            made = self.index.member(kind, "__init__")
            if made:
                self._use(node.func, "", made[0], True)

    def visit_Name(self, node: ast.Name) -> None:
        """A name of the module, or one that it imports."""
        if node.id in self.scope:
            return
        place = self._definition(self.path, node.id)
        if place:
            self._use(node, node.id, place, isinstance(node.ctx, ast.Store))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """A name of another module, or of a class."""
        self.visit(node.value)
        kind = self.index.infer(self.path, node.value, self.scope)
        if kind is None:
            return
        stored = isinstance(node.ctx, ast.Store)
        if kind.kind == "module":
            place = self._definition(kind.path, node.attr)
            if place:
                self._use(node, node.attr, place, stored)
        elif kind.kind in ("class", "instance"):
            found = self.index.member(kind, node.attr)
            if found:
                self._use(node, node.attr, found[0], stored)

    def _definition(self, path: str, name: str) -> Place | None:
        """Returns the class or function that a module knows by a name."""
        kind = self.index.named(path, name)
        if kind and kind.kind in ("class", "function"):
            # A value may have been given a second name: `X = Some.X`.
            return kind.path, kind.name
        return None

    def _use(
        self, node: ast.expr, name: str, target: Place, stored: bool
    ) -> None:
        end_line = node.end_lineno or node.lineno
        end = node.end_col_offset or 0
        self.found.append(
            Use(
                self.path, end_line, end - len(name.encode()), name,
                self.owner, target, id(node) in self.called, stored,
            )
        )  # fmt: skip


def _class(node: ast.ClassDef) -> _Class:
    found = _Class(node)
    for inner in node.body:
        if isinstance(inner, Function):
            found.methods.setdefault(inner.name, inner)
        elif isinstance(inner, ast.AnnAssign) and isinstance(
            inner.target, ast.Name
        ):
            found.fields.setdefault(
                inner.target.id, (inner.annotation, True, None)
            )
        elif isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, ast.Name):
                    found.fields.setdefault(
                        target.id, (inner.value, False, None)
                    )
    for method in found.methods.values():
        for part in ast.walk(method):
            _fields(part, method, found)
    return found


def _fields(part: ast.AST, method: Function, found: _Class) -> None:
    """Notes the fields that a method gives its object."""
    if isinstance(part, ast.AnnAssign) and _of_self(part.target):
        name = part.target.attr  # type: ignore[union-attr]
        found.fields[name] = (part.annotation, True, None)
    elif isinstance(part, ast.Assign) and method.name == "__init__":
        for target in part.targets:
            if _of_self(target) and isinstance(target, ast.Attribute):
                found.fields.setdefault(
                    target.attr, (part.value, False, method)
                )


def _place(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _of_self(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def index(root: Path) -> Index:
    """Returns the index of port and tests as they are now, made once."""
    there = tuple(name for name in TESTS if (root / name).is_dir())
    stamp = max(
        (
            file.stat().st_mtime_ns
            for folder in ("port", *there)
            for file in (root / folder).rglob("*.py")
        ),
        default=0,
    )
    return _index(root, there, stamp)


@lru_cache(maxsize=4)
def _index(root: Path, there: tuple[str, ...], stamp: int) -> Index:
    return Index(root, there)
