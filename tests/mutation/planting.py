"""Mutants put into modules that are imported already, in a process forked for that alone.

A mutant that changes what functions do is put into the functions that there are, whoever holds them; one that
changes a private constant has the constant said again. What else a module does while it is imported has
happened: such mutants have to be planted before (`tests/mutation/runs.py`).
"""

import ast
import gc
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutation.calls import SERVICES, Function, mentioning
from tests.mutation.mutants import mutated

Definition = tuple[str, str, int]
"""The file of a function, its qualified name and its first line."""


class TooLate(Exception):
    """The mutant shows in what has been run already."""


def functions_by_definition() -> dict[Definition, list[FunctionType]]:
    """All functions of the services that there are in this process."""
    found: dict[Definition, list[FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(SERVICES):
            found[_definition(one.__code__)].append(one)
    return dict(found)


def plant(
    module: str, number: int, functions: Mapping[Definition, Sequence[FunctionType]], imported: frozenset[Function]
) -> None:
    """Make a module of the services behave as its n-th mutant; raises TooLate.

    `imported` are the functions that were called while modules were imported.
    """
    path = f"{SERVICES}{module}.py"
    source = Path(path).read_text()
    tree = mutated(source, number)
    before, after = compile(source, path, "exec"), compile(tree, path, "exec")
    if _own(before) != _own(after):
        _say_again(ast.parse(source), tree, vars(sys.modules[f"services.{module.replace('/', '.')}"]))
        return
    for old, new in _changed(before, after):
        holders = functions.get(_definition(old), ())
        if (module, old.co_qualname) in imported or not holders:
            raise TooLate(old.co_qualname)
        for function in holders:
            _give(function, new)


def _give(function: FunctionType, code: CodeType) -> None:
    try:
        function.__code__ = code
    except ValueError as error:  # it closes over other variables than before
        raise TooLate(function.__qualname__) from error


def _changed(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions, of a module or of its classes, that are not what they were."""
    for old, new in zip(_within(before), _within(after), strict=True):
        if old.co_flags & inspect.CO_OPTIMIZED:
            if old != new:
                yield old, new
        elif _own(old) == _own(new):
            yield from _changed(old, new)
        else:
            raise TooLate(old.co_qualname)


def _say_again(before: ast.Module, after: ast.Module, names: dict[str, object]) -> None:
    """Set a private constant that is another now, and those that are made of it; raises TooLate."""
    pairs = zip(before.body, after.body, strict=True)
    (other,) = (new for old, new in pairs if ast.dump(old) != ast.dump(new))
    if not isinstance(other, ast.Assign) or not isinstance(other.targets[0], ast.Name):
        raise TooLate(ast.unparse(other))
    anew = {other.targets[0].id}
    if mentioning(before, other.targets[0].id) is None:
        raise TooLate(other.targets[0].id)
    for statement in after.body:
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if isinstance(statement, ast.FunctionDef):
            if anew & _names_of_head(statement):
                raise TooLate(statement.name)
        elif anew & used:
            assert isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
            anew.add(statement.targets[0].id)
            exec(compile(ast.Module([statement], []), "<constant>", "exec"), names)


def _names_of_head(function: ast.FunctionDef) -> set[str]:
    """What a function's decorators, defaults and annotations mention, which is looked up when it is made."""
    head = [*function.decorator_list, function.args, *([function.returns] if function.returns else [])]
    return {node.id for part in head for node in ast.walk(part) if isinstance(node, ast.Name)}


def _own(code: CodeType) -> tuple[object, ...]:
    """What a module or class does by itself, without the functions and classes in it."""
    constants = [constant.co_qualname if isinstance(constant, CodeType) else constant for constant in code.co_consts]
    return code.co_code, code.co_names, repr(constants)


def _within(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _definition(code: CodeType) -> Definition:
    return code.co_filename, code.co_qualname, code.co_firstlineno
