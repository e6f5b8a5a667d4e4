"""Which tests can see a change: those that call a function in which it shows."""

import ast
import sys
import threading
from collections import defaultdict
from pathlib import Path
from types import FrameType

import pytest

SERVICES = str(Path(__file__).resolve().parents[2] / "services") + "/"
Function = tuple[str, str]
"""A module of the services, and a function or method of it by its qualified name."""


class Calls:
    """A pytest plugin: the functions that each test calls, and the seconds that it takes, by its node id.

    What is called while modules are imported stands under the empty id. The first test that fails is kept.
    """

    def __init__(self) -> None:
        self.by_test: dict[str, set[Function]] = defaultdict(set)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed = ""
        self._current = ""

    def listen(self) -> None:
        sys.settrace(self._called)
        threading.settrace(self._called)

    def listen_no_more(self) -> None:
        sys.settrace(None)
        threading.settrace(None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._current = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        self.failed = self.failed or (report.nodeid if report.failed else "")

    def _called(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(SERVICES):
            module = code.co_filename.removeprefix(SERVICES).removesuffix(".py")
            self.by_test[self._current].add((module, code.co_qualname.partition(".<locals>")[0]))


def shown_in(source: str, line: int) -> frozenset[str] | None:
    """The functions of a module in which a change to one line shows; None where it may show anywhere.

    A private constant shows in the functions that mention it, also by way of other constants.
    """
    tree = ast.parse(source)
    for statement in tree.body:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            return _shown(tree, statement, line)
    return None


def _shown(tree: ast.Module, statement: ast.stmt, line: int) -> frozenset[str] | None:
    match statement:
        case ast.FunctionDef(name=name) if _is_remembered(statement):
            callers = mentioning(tree, name)
            return None if callers is None else callers | {name}
        case ast.FunctionDef(name=name):
            return frozenset({name})
        case ast.ClassDef(name=name, body=body):
            for part in body:
                if isinstance(part, ast.FunctionDef) and part.lineno <= line <= (part.end_lineno or part.lineno):
                    return frozenset({f"{name}.{part.name}"})
        case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("_"):
            return mentioning(tree, name)
    return None


def _is_remembered(function: ast.FunctionDef) -> bool:
    """Whether results are kept, so that only the first of all tests calls it."""
    return any("cache" in ast.unparse(decorator) for decorator in function.decorator_list)


def mentioning(tree: ast.Module, name: str) -> frozenset[str] | None:
    """The functions that use a constant, also by way of private constants; None where something else does."""
    found: set[str] = set()
    for statement in tree.body:
        if not any(_is_use(node, name) for node in ast.walk(statement)):
            continue
        match statement:
            case ast.FunctionDef() if not _is_remembered(statement):
                found.add(statement.name)
            case ast.FunctionDef(name=other):
                further = mentioning(tree, other)
                if further is None:
                    return None
                found |= further | {other}
            case ast.Assign(targets=[ast.Name(id=other)]) if other.startswith("_"):
                further = mentioning(tree, other)
                if further is None:
                    return None
                found |= further
            case _:
                return None
    return frozenset(found)


def _is_use(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
