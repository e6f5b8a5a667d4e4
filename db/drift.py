"""Where models and the database disagree: a migration that was forgotten, or a model."""

import importlib
import pkgutil

import peewee

from db import models
from db.connection import query
from db.models.base import Model

# A view does not say which of its columns are never null.
_COLUMNS = """
SELECT c.table_name, c.column_name, CASE WHEN t.table_type <> 'VIEW' THEN c.is_nullable = 'YES' END
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE table_schema = 'public'"""


def differences() -> list[str]:
    """Say each difference in one line; nothing when models and schema agree.

    A column that the database has and the model lacks is none: queries may use it without a model.
    """
    tables: dict[str, dict[str, bool | None]] = {}
    for table, column, nullable in query(_COLUMNS):
        tables.setdefault(table, {})[column] = nullable
    return [line for model in _models() for line in _differences(model, tables)]


def _models() -> list[type[peewee.Model]]:
    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"{models.__name__}.{module.name}")
    return sorted(_with_tables(Model), key=lambda model: str(model._meta.table_name))


def _with_tables(base: type[peewee.Model]) -> list[type[peewee.Model]]:
    """Every model below `base`; those of `base.py` only lend their columns."""
    found = []
    for model in base.__subclasses__():
        found += _with_tables(model)
        if model.__module__ != Model.__module__:
            found.append(model)
    return found


def _differences(model: type[peewee.Model], tables: dict[str, dict[str, bool | None]]) -> list[str]:
    table = str(model._meta.table_name)
    if table not in tables:
        return [f"{table}: there is no such table"]
    columns, lines = tables[table], []
    for field in model._meta.sorted_fields:
        if field.column_name not in columns:
            lines.append(f"{table}.{field.column_name}: there is no such column")
        elif columns[field.column_name] and not field.null:
            lines.append(f"{table}.{field.column_name}: may be null, which the model denies")
        elif field.null and columns[field.column_name] is False:
            lines.append(f"{table}.{field.column_name}: is never null, which the model allows")
    return lines
