"""What lies in a queue and is no message of Celery's is thrown away with a word, rather than ending the worker.

Kombu reads whatever Redis gives it: text that is no JSON ends the worker, and JSON of another shape its connection.
"""

from typing import Any

import structlog
from kombu.transport import TRANSPORT_ALIASES, redis

log = structlog.get_logger(__name__)

NEEDED = frozenset({"body", "properties"})
NEEDED_PROPERTIES = frozenset({"delivery_tag", "delivery_info"})


class Channel(redis.Channel):
    """Goes on after a message that is no JSON; it is out of its queue by then."""

    def _brpop_read(self, **options: Any) -> bool:
        try:
            read: bool = super()._brpop_read(**options)
        except ValueError as error:
            log.error("message_unreadable", kind=type(error).__name__)
            return True
        return read


class Transport(redis.Transport):
    """Hands on what has the shape of a message."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        if _is_message(message):
            super()._deliver(message, queue)
        else:
            log.error("message_unreadable", kind="no message", queue=queue)


def read_with_care() -> None:
    """Let every connection to Redis that Kombu makes from now on read so."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or not message.keys() >= NEEDED:
        return False
    properties = message["properties"]
    return isinstance(properties, dict) and properties.keys() >= NEEDED_PROPERTIES
