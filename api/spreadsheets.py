"""Lists as CSV (RFC 4180), row by row: an export is never held in memory whole."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextvars import Context, copy_context
from datetime import datetime
from itertools import chain
from typing import Any

import falcon

from api.requests import Request

CSV = "text/csv"
ROWS_A_PIECE = 200
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(req: Request) -> bool:
    """Whether the caller would rather have CSV than JSON."""
    return req.client_prefers(("application/json", CSV)) == CSV


def send_csv(resp: falcon.Response, name: str, heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """200 with a file to save; `rows` may be read while the answer is on its way."""
    resp.content_type = f"{CSV}; charset=utf-8"
    resp.downloadable_as = f"{name}.csv"
    resp.stream = _within(copy_context(), _pieces(chain([heads], rows)))


def _within(context: Context, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, read on behalf of whoever asked: the request itself is over by then."""
    while (piece := context.run(next, pieces, None)) is not None:
        yield piece


def _pieces(rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, row in enumerate(rows, 1):
        writer.writerow([_cell(value) for value in row])
        if number % ROWS_A_PIECE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _cell(value: Any) -> Any:
    """A value as a cell; words that a spreadsheet would run as a formula are marked as words (OWASP, CSV Injection)."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
