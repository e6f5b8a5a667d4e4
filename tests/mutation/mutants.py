"""Small wrong changes to a module: each mutant differs from the source in one place.

The kinds are those of the literature (relational, logical, arithmetic and constant replacement, negated
conditions, deleted statements), and the same comparisons inside SQL, where half of our rules live.
"""

import ast
import copy
import re
from collections.abc import Callable, Iterator

import msgspec

RELATIONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE)\b")
SQL_CHANGES = (
    (re.compile(r"<="), "<"),
    (re.compile(r">="), ">"),
    (re.compile(r"<(?![=>])"), "<="),
    (re.compile(r"(?<![<=-])>(?!=)"), ">="),
    (re.compile(r" \+ "), " - "),
    (re.compile(r" - "), " + "),
    (re.compile(r"\bAND\b"), "OR"),
    (re.compile(r"\bIS NULL\b"), "IS NOT NULL"),
    (re.compile(r"\bIS NOT NULL\b"), "IS NULL"),
    (re.compile(r"\bDESC\b"), "ASC"),
)
#: What only people read, and what is not a rule.
UNTOUCHED_CALLS = frozenset({"log", "structlog", "Counter", "Histogram", "TypeVar", "NewType", "msgspec"})


class Mutant(msgspec.Struct, frozen=True):
    """The number of a change among those of its module, where it is and what it does."""

    number: int
    line: int
    what: str


Change = Callable[[ast.AST], str]


def mutants(source: str) -> list[Mutant]:
    """Every change to a module, in the order of its text."""
    return [Mutant(number, node.lineno, what) for number, (node, what, _) in enumerate(_sites(ast.parse(source)))]


def mutated(source: str, number: int) -> ast.Module:
    """The module with its n-th change made."""
    tree = ast.parse(source)
    for at, (_, _, apply) in enumerate(_sites(tree)):
        if at == number:
            apply()
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


_Site = tuple[ast.expr | ast.stmt, str, Callable[[], None]]


def _sites(tree: ast.Module) -> Iterator[_Site]:
    sites: list[_Site] = []
    for parent in ast.walk(tree):
        for part in [parent] if _is_for_people(parent) else _types(parent):
            for child in ast.walk(part):
                child.is_for_people = True  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if not getattr(node, "is_for_people", False):
            sites.extend(_changes(node))
    yield from sorted(sites, key=lambda site: (site[0].lineno, site[0].col_offset, site[1]))


def _is_for_people(node: ast.AST) -> bool:
    """Docstrings, imports, logs, metrics: nothing that a rule rests on."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.ImportFrom() | ast.Import():
            return True
        case ast.Expr(value=ast.expr() as value):
            return _is_for_people(value)
        case ast.keyword(arg="frozen" | "kw_only" | "rename" | "forbid_unknown_fields"):
            return True
        case ast.Call(func=ast.Attribute(attr="inc" | "observe")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) | ast.Call(func=ast.Name(id=name)):
            return name in UNTOUCHED_CALLS
    return False


def _types(node: ast.AST) -> list[ast.expr]:
    """What types are said of a name or a result: mypy looks at them."""
    match node:
        case ast.AnnAssign(annotation=said) | ast.arg(annotation=ast.expr() as said):
            return [said]
        case ast.FunctionDef(returns=ast.expr() as said):
            return [said]
    return []


def _changes(node: ast.AST) -> Iterator[_Site]:
    yield from _of_operators(node)
    yield from _of_constants(node)
    yield from _of_flow(node)


def _of_operators(node: ast.AST) -> Iterator[_Site]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in RELATIONS:
            new = RELATIONS[type(op)]
            yield node, f"{_name(type(op))} becomes {_name(new)}", lambda: setattr(node, "ops", [new()])
        case ast.BoolOp(op=op):
            other: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield node, f"{_name(type(op))} becomes {_name(type(other))}", lambda: setattr(node, "op", other)
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in SUMS and not _is_text(node):
            sum_ = SUMS[type(operator)]
            yield node, f"{_name(type(operator))} becomes {_name(sum_)}", lambda: setattr(node, "op", sum_())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, "not is dropped", lambda: _replace(node, operand)


def _of_constants(node: ast.AST) -> Iterator[_Site]:
    match node:
        case ast.Constant(value=bool() as value):
            yield node, f"{value} becomes {not value}", lambda: setattr(node, "value", not value)
        case ast.Constant(value=int() as value):
            yield node, f"{value} becomes {value + 1}", lambda: setattr(node, "value", value + 1)
        case ast.Constant(value=str() as text) if SQL.search(text):
            yield from _sql_changes(node, text)


def _of_flow(node: ast.AST) -> Iterator[_Site]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield node, "the condition is negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield node, f"without `{_said(node)}`", lambda: _replace(node, ast.Pass())
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, f"None instead of `{_said(value)}`", lambda: setattr(node, "value", ast.Constant(None))


def _said(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0][:70]


def _sql_changes(node: ast.Constant, text: str) -> Iterator[_Site]:
    for pattern, new in SQL_CHANGES:
        for found in pattern.finditer(text):
            changed = text[: found.start()] + new + text[found.end() :]
            around = " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())
            yield node, f"SQL: {found[0].strip()} becomes {new.strip()} in `{around}`", _setter(node, changed)


def _setter(node: ast.Constant, text: str) -> Callable[[], None]:
    return lambda: setattr(node, "value", text)


def _is_text(node: ast.AST) -> bool:
    """Whether it joins pieces of text."""
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in ast.iter_child_nodes(node)
    )


def _replace(node: ast.AST, by: ast.AST) -> None:
    """Make one node be another in place, wherever it hangs."""
    by = copy.copy(by)
    node.__class__ = type(by)
    position = {name: getattr(node, name) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
    node.__dict__.clear()
    node.__dict__.update(by.__dict__ | position)


def _name(kind: type[ast.AST]) -> str:
    return kind.__name__
