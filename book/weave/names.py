"""What the names in the code of the port stand for.

In `r.raft_log.append`, the method of `RaftLog`, and of nobody else. So the
types are followed, as far as the annotations go: parameters, fields as
`__init__` sets them, what a function returns, and what a list holds. That is
little of what a type checker knows, and enough, since the port is annotated
throughout. What cannot be told stays out.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from book.weave.modules import Class, Function, Modules, Place

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


# What the names of a function are; `None` for what cannot be told.
Scope = dict[str, Type | None]

# What gives a name to something, inside a function.
_PLACED = (
    ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For | ast.ListComp
    | ast.SetComp | ast.GeneratorExp | ast.DictComp
)  # fmt: skip


class Names:
    """What is known under a name, in a module, a class or a function.

    Args:
        modules: The files.
    """

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._under_way: set[Place] = set()
        self._fields: dict[Place, Type | None] = {}

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

    def _class_of(self, kind: Type) -> Class | None:
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

    def __init__(self, names: Names, path: str, scope: Scope) -> None:
        self.names = names
        self.path = path
        self.scope = scope

    def bind(self, node: ast.stmt | ast.expr) -> None:
        """Takes in what one statement or expression gives names to."""
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)
            ):
                for target, value in zip(names, values, strict=False):
                    kind = self.names.infer(self.path, value, self.scope)
                    self._name(target, kind)
            case ast.Assign(targets=targets, value=value):
                kind = self.names.infer(self.path, value, self.scope)
                for target in targets:
                    self._name(target, kind)
            case ast.AnnAssign(target=target, annotation=said):
                self._name(target, self.names.annotated(self.path, said))
            case ast.NamedExpr(target=target, value=value):
                kind = self.names.infer(self.path, value, self.scope)
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
        kind = self.names.infer(self.path, over, self.scope)
        kind = self.names.boxed(kind)
        if kind and kind.kind == "box":
            self._name(target, kind.inside)

    def _name(self, target: ast.expr, kind: Type | None) -> None:
        if isinstance(target, ast.Name):
            if kind is not None or target.id not in self.scope:
                self.scope[target.id] = kind
        elif isinstance(target, ast.Tuple) and kind and kind.kind == "box":
            for one, part in zip(target.elts, kind.args, strict=False):
                self._name(one, part)


def _place(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset
