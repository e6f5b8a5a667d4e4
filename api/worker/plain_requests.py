"""Heads of the plain kind, which nearly all are, read by one pattern that knows nothing else.

Whatever it does not match in full is not refused here but left to gunicorn's own parser: bodies in chunks,
expectations, names with underscores, HTTP/1.0, and everything malformed. So this can only be stricter.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

#: A longer head is gunicorn's to judge, which also bounds each line of it, and their number.
LONGEST_HEAD = 8190
MOST_LINES = 100
#: A longer body is read while the application asks for it.
LONGEST_BODY = 1 << 16

# RFC 9112, sections 3 to 5: origin-form without a fragment; tokens but those with underscores, which the environment
# cannot tell from hyphens; values without controls; no folded lines, no space before a colon, no lone CR or LF.
_HEAD = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\"$-~]*) HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
_NOT_PLAIN = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_TRAILER"})
_ONCE = frozenset({"HTTP_HOST", "HTTP_CONNECTION", "CONTENT_TYPE", "CONTENT_LENGTH"})
_UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_KEEPS_OR_CLOSES = frozenset({"keep-alive", "close"})

MOST_NAMES = 1000
_keys: dict[str, str] = {}


class PlainRequest(msgspec.Struct):
    """A request as WSGI wants it, but for its body of `body_bytes`; and whether the connection ends with it."""

    environ: dict[str, Any]
    body_bytes: int
    closes: bool


def read(head: bytes, surroundings: Mapping[str, Any], schemes: Mapping[str, str]) -> PlainRequest | None:
    """The request of a head that ends with its empty line; None where it is not plain.

    `surroundings` is what the environment says anyway; `schemes` are the headers that may tell
    that the client speaks HTTPS, and by which value.
    """
    found = _HEAD.fullmatch(head) if len(head) <= LONGEST_HEAD else None
    if found is None:
        return None
    method, target, lines = (part.decode("latin-1") for part in found.groups())
    environ = _with_headers(dict(surroundings), lines, schemes)
    if environ is None or "HTTP_HOST" not in environ:
        return None
    path, _, query = target.partition("?")
    environ["REQUEST_METHOD"], environ["RAW_URI"] = method, target
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    environ["QUERY_STRING"] = query
    length = environ.get("CONTENT_LENGTH", "0")
    connection = environ.get("HTTP_CONNECTION", "keep-alive").lower()
    if not (length.isascii() and length.isdigit() and len(length) <= 10 and connection in _KEEPS_OR_CLOSES):
        return None
    return PlainRequest(environ, int(length), connection == "close")


def _with_headers(environ: dict[str, Any], lines: str, schemes: Mapping[str, str]) -> dict[str, Any] | None:
    """The environment with a head's fields; None for one that is not plain, or comes twice and may not."""
    fields = lines.split("\r\n")
    if len(fields) > MOST_LINES:
        return None
    scheme = ""
    for field in fields[:-1]:
        name, _, value = field.partition(":")
        key, value = _keys.get(name) or environ_key(name), value.strip(" \t")
        if key in _NOT_PLAIN:
            return None
        if key in environ:
            if key in _ONCE:
                return None
            value = f"{environ[key]},{value}"
        environ[key] = value
        if key in schemes:
            told = "https" if value == schemes[key] else "http"
            if scheme not in ("", told):
                return None
            environ["wsgi.url_scheme"] = scheme = told
    return environ


def environ_key(name: str) -> str:
    """A field's name in the environment; remembered, but not whatever names anybody makes up."""
    key = name.upper().replace("-", "_")
    if key not in _UNPREFIXED:
        key = f"HTTP_{key}"
    if len(_keys) < MOST_NAMES:
        _keys[name] = key
    return key
