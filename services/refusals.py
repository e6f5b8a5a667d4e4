"""The database's refusals, translated by constraint name into the services' own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import peewee

from services.errors import ServiceError


@contextmanager
def translating(refusals: Mapping[str, Callable[[], ServiceError]]) -> Iterator[None]:
    """Raise the domain's error for a violated constraint that `refusals` names.

    Use it around a whole `atomic()` block: the failed statement has spoilt the transaction.
    """
    try:
        yield
    except peewee.IntegrityError as error:
        refusal = refusals.get(violated_constraint(error) or "")
        if refusal is None:
            raise
        raise refusal() from error


def violated_constraint(error: peewee.PeeweeException) -> str | None:
    """The name of the constraint that PostgreSQL says was violated."""
    cause = error.__cause__ or error.__context__ or (error.args[0] if error.args else None)
    diagnostics = getattr(cause, "diag", None)
    return getattr(diagnostics, "constraint_name", None)
