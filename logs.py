"""Structured logs: JSON lines on standard output (or readable ones), never a secret in them."""

import json
import logging
import sys
from typing import Any

import msgspec
import structlog

from log_files import open_log_file
from settings import Settings

HIDDEN = frozenset(
    {"password", "token", "secret", "key", "authorization", "cookie", "refresh_token", "access_token", "stream_key"}
)


class Line(str):
    """A line that is finished, and only to be written."""

    __slots__ = ()


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Makes lines of the standard library's records, and lets finished ones pass."""

    def format(self, record: logging.LogRecord) -> str:
        return record.msg if isinstance(record.msg, Line) else super().format(record)


def configure_logs(process: str, settings: Settings) -> None:
    """Send structlog's and the standard library's records the same way, each naming its process.

    Raises SettingsError where LOG_FILE cannot be written.
    """
    handlers = _handlers(settings)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
        _hide_secrets,
    ]
    render: list[Any] = [structlog.processors.format_exc_info, _renderer(settings.log_format)]
    structlog.configure(
        processors=[*shared, *render, _finished],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=True,
    )
    formatter = Formatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )
    # What no line of ours tells need not be found out for each (logging's own advice, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [_with(formatter, handler) for handler in handlers]
    root.setLevel(settings.log_level.upper())
    for noisy in ("botocore", "urllib3", "yoyo", "kombu", "amqp", "stripe", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for told_better in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(told_better).setLevel(logging.WARNING)  # each job says itself what became of it


def _handlers(settings: Settings) -> list[logging.Handler]:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if settings.log_file:
        handlers.append(open_log_file(settings.log_file))
    return handlers


def _with(formatter: logging.Formatter, handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(formatter)
    return handler


def _renderer(log_format: str) -> Any:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    plain = structlog.dev.plain_traceback  # the rich one prints local variables, secrets among them
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=28, exception_formatter=plain)


def _finished(_logger: Any, _method: str, text: Any) -> Any:
    return Line(text)


def _json(event: dict[str, Any], **_: Any) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which somebody sent: written as an escape
        return json.dumps(event, default=repr)


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["process"] = process
        return event

    return add


def _hide_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for name in event:
        if name.lower() in HIDDEN:
            event[name] = "***"
    return event
