"""Whether an address can be read by the library that will be given it: asked of that library, before it is needed."""

import re
from collections.abc import Callable
from email.utils import parseaddr
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import parse_dsn
from redis.connection import parse_url

REDIS = ("redis", "rediss", "unix")
POSTGRES = ("postgresql", "postgres")
#: These may name several hosts, or none; what they mean is Celery's business.
UNREAD = ("sentinel", "sqs", "redis+socket")

HIGHEST_PORT = 65535


def is_readable(url: str) -> bool:
    """Say whether an address, its scheme known to be a good one, could be connected to or shown."""
    scheme = url.partition("://")[0]
    try:
        return _check_of(scheme)(url)
    except (ValueError, psycopg2.ProgrammingError):
        return False


def is_sender(text: str) -> bool:
    """Say whether letters could come from there: `Name <address>` or an address alone, in one line."""
    name, address = parseaddr(text)
    return (
        bool(re.fullmatch(r"[^\s<>@,]+@[^\s<>@,]+", address))
        and text.isprintable()
        and "," not in text.replace(name, "")
    )


def _check_of(scheme: str) -> Callable[[str], bool]:
    if scheme in POSTGRES:
        return _is_database
    if scheme in REDIS:
        return _is_redis
    return _is_any if scheme in UNREAD else _is_host


def _is_database(url: str) -> bool:
    """PostgreSQL's own grammar (libpq, "Connection URIs"); it may name several hosts, each with its port."""
    parts = parse_dsn(url)
    ports = [port for port in parts.get("port", "").split(",") if port]
    return bool(parts.get("dbname")) and all(
        re.fullmatch(r"\d{1,5}", port) and int(port) <= HIGHEST_PORT for port in ports
    )


def _is_redis(url: str) -> bool:
    parts = urlsplit(url)
    parse_url(url)
    if parts.scheme == "unix":
        return bool(parts.path)
    return bool(parts.hostname) and re.fullmatch(r"/?\d{0,4}", parts.path) is not None


def _is_host(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and parts.port != 0


def _is_any(_url: str) -> bool:
    return True
