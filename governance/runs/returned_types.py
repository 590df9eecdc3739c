"""What a function returns as far as its code says so, read without running it.

ZenML holds a step to the type that it names, after the step has run. Where the code says that it will be another one,
that can be told before hours of training.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final

_SAME_TYPE: Final = ("fit", "set_params", "set_output")
"""Methods of estimators that return the estimator."""

_DEPTH: Final = 5
"""Functions that are followed into one another."""

_Types = frozenset[type]


def returned_types(function: Callable[..., Any], output: int | None = None) -> list[_Types]:
    """Return for each ``return`` of ``function`` the types that it may be of; an empty set where the code does not say.

    Args:
        function: A plain function. Nothing is said of one whose source is not there.
        output: Of a function that returns a tuple, which place is asked for.
    """
    return _returned(function, output, _DEPTH)


def _returned(function: Callable[..., Any], output: int | None, depth: int) -> list[_Types]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return []
    if not isinstance(tree, ast.FunctionDef) or not isinstance(function, FunctionType):
        return []
    code = _Code(tree, function, depth)
    returned = [node.value for node in _own_nodes(tree) if isinstance(node, ast.Return) and node.value is not None]
    if output is not None:
        returned = [value.elts[output] for value in returned if isinstance(value, ast.Tuple)]
    return [code.types_of(value) for value in returned]


def _own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a function, and not in functions or classes within it."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _own_nodes(node)


class _Code:
    """The code of one function, in which names stand for values."""

    def __init__(self, tree: ast.FunctionDef, function: FunctionType, depth: int) -> None:
        self._depth, self._asked = depth, set[str]()
        outside = inspect.getclosurevars(function)
        self._known = {**function.__globals__, **outside.nonlocals}
        self._assigned: dict[str, list[ast.expr | None]] = defaultdict(list)
        for argument in ast.walk(tree.args):
            if isinstance(argument, ast.arg):
                self._assigned[argument.arg].append(None)
        plain: set[ast.AST] = set()
        for node in _own_nodes(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        plain.add(target)
                        self._assigned[target.id].append(node.value)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                module = sys.modules.get(node.module)  # what is not imported yet may be on another machine only
                self._known |= {name.asname or name.name: getattr(module, name.name, None) for name in node.names}
        # Whatever else gives a name a value, such as a loop: nothing is known of it.
        for node in _own_nodes(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in plain:
                self._assigned[node.id].append(None)

    def types_of(self, node: ast.expr | None) -> _Types:
        """Return the types that an expression may be of; empty where one of them is unknown."""
        match node:
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _SAME_TYPE:
                return self.types_of(inner)
            case ast.Call(func=called):
                return self._types_of_call(self._value(called))
            case ast.IfExp(body=body, orelse=other):
                return _any_of([self.types_of(body), self.types_of(other)])
            case ast.Name(id=name) if name in self._assigned and name not in self._asked:
                self._asked.add(name)
                found = _any_of([self.types_of(value) for value in self._assigned[name]])
                self._asked.discard(name)
                return found
        return frozenset()

    def _types_of_call(self, called: Any) -> _Types:
        from sklearn.pipeline import Pipeline, make_pipeline

        if isinstance(called, type):
            return frozenset([called])
        if called is make_pipeline:
            return frozenset([Pipeline])
        if isinstance(called, FunctionType) and called.__module__.startswith("pipelines.") and self._depth:
            return _any_of(_returned(called, None, self._depth - 1))
        return frozenset()

    def _value(self, node: ast.expr) -> Any:
        """Return what a name, or an attribute of one, stands for outside the function; None where it is unknown."""
        match node:
            case ast.Name(id=name) if name not in self._assigned:
                return self._known.get(name)
            case ast.Attribute(value=inner, attr=name):
                return getattr(self._value(inner), name, None)
        return None


def _any_of(found: list[_Types]) -> _Types:
    """Return all types together; nothing where something is unknown."""
    return frozenset().union(*found) if found and all(found) else frozenset()
