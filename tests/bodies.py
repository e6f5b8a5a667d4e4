"""The smallest body that a shape accepts, so that a test over every route need not know each of them."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

SOME_ID = "01890000-0000-7000-8000-000000000000"
SOME_TIME = "2031-05-01T18:00:00Z"


def smallest(shape: Any) -> Any:
    """What must be given, and nothing else, as it stands on the wire."""
    return _smallest(inspect.type_info(shape))


def fullest(shape: Any) -> Any:
    """The same with every optional field given as well."""
    return _smallest(inspect.type_info(shape), everything=True)


def _smallest(kind: inspect.Type, *, everything: bool = False) -> Any:
    if isinstance(kind, inspect.StructType):
        fields = [field for field in kind.fields if field.required or everything]
        return {field.encode_name: _smallest(field.type, everything=everything) for field in fields}
    if isinstance(kind, inspect.ListType):
        return [_smallest(kind.item_type, everything=everything)] * max(1, kind.min_length or 0)
    if isinstance(kind, inspect.UnionType):
        first = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
        return _smallest(first, everything=everything)
    if isinstance(kind, inspect.Metadata):
        return _smallest(kind.type, everything=everything)
    return SCALARS[type(kind)](kind)


def _number(kind: inspect.IntType | inspect.FloatType) -> float:
    if kind.ge is not None:
        return kind.ge
    return 1 if kind.gt is None else kind.gt + 1


SCALARS: dict[type, Callable[[Any], Any]] = {
    inspect.StrType: lambda kind: "a" * max(1, kind.min_length or 0),
    inspect.IntType: _number,
    inspect.FloatType: _number,
    inspect.EnumType: lambda kind: next(iter(kind.cls)).value,
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.BoolType: lambda _kind: True,
    inspect.UUIDType: lambda _kind: SOME_ID,
    inspect.DateTimeType: lambda _kind: SOME_TIME,
    inspect.DictType: lambda _kind: {},
}


def is_struct(shape: Any) -> bool:
    """Whether a shape has named fields."""
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)
