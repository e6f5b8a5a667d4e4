"""Structured logs: JSON lines on standard output (or readable ones), never a secret in them."""

import functools
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from log_files import open_log_file
from log_output import Line, Output
from settings import Settings

HIDDEN = frozenset(
    {"password", "token", "secret", "key", "authorization", "cookie", "refresh_token", "access_token", "stream_key"}
)
#: Methods of loggers that tell at a level of another name.
LEVELS = {"exception": "error", "warn": "warning", "fatal": "critical"}


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Makes lines of the standard library's records, and lets finished ones pass."""

    def format(self, record: logging.LogRecord) -> str:
        return record.msg if isinstance(record.msg, Line) else super().format(record)


class Teller:
    """What structlog hands a finished line to: writes it where lines go, without making a record of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def info(self, line: str) -> None:
        """Tell what may wait for a moment."""
        _output.tell(line, urgent=False)

    def warning(self, line: str) -> None:
        """Tell at once."""
        _output.tell(line, urgent=True)

    debug = info
    error = exception = critical = fatal = warn = warning


#: Loggers that were made before logs are configured write to the new one from then on.
_output = Output(sys.stdout)


def configure_logs(process: str, settings: Settings) -> None:
    """Send structlog's and the standard library's records the same way, each naming its process.

    Raises SettingsError where LOG_FILE cannot be written.
    """
    global _output
    others: list[logging.Handler] = [open_log_file(settings.log_file)] if settings.log_file else []
    event: Any = _Event(process)
    render: list[Any] = [structlog.processors.format_exc_info, _renderer(settings.log_format)]
    structlog.configure(
        processors=[event, *render],
        logger_factory=_teller,
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=True,
    )
    formatter = Formatter(
        foreign_pre_chain=[event], processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render]
    )
    _output = Output(sys.stdout, others)
    # What no line of ours tells need not be found out for each (logging's own advice, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [_with(formatter, handler) for handler in (_output, *others)]
    root.setLevel(settings.log_level.upper())
    for noisy in ("botocore", "urllib3", "yoyo", "kombu", "amqp", "stripe", "httpx", "httpcore", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for told_better in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(told_better).setLevel(logging.WARNING)  # each job says itself what became of it


def gather_lines() -> None:
    """Write what is no warning together with others, some moments later; for a process that answers many.

    Called after it has forked for the last time.
    """
    _output.gather()


def _teller(*names: Any) -> Teller:
    """A logger of this name, or of the module that asks for it."""
    return Teller(names[0] if names else structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])().name)


def _with(formatter: logging.Formatter, handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(formatter)
    return handler


class _Event:
    """Says of an event what is said of each: the context, the level, who tells it and when; hides secrets."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
        context = structlog.contextvars.get_contextvars()
        whole = {
            **context,
            **event,
            "level": LEVELS.get(method, method),
            "logger": record.name if (record := event.get("_record")) else logger.name,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "process": self._process,
        }
        for name in whole:
            if _is_secret(name):
                whole[name] = "***"
        return whole


def _renderer(log_format: str) -> Any:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    plain = structlog.dev.plain_traceback  # the rich one prints local variables, secrets among them
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=28, exception_formatter=plain)


def _json(event: dict[str, Any], **_: Any) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=repr).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which somebody sent: written as an escape
        return json.dumps(event, default=repr)


@functools.lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return name.lower() in HIDDEN
