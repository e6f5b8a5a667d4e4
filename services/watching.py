"""What people like to watch: the categories of the streams that they opened, for a month."""

from uuid import UUID

import redis
import structlog

from services.bus import bus

log = structlog.get_logger(__name__)

KEPT_S = 30 * 24 * 3600
MOST_CATEGORIES = 20


def note_watched(user_id: UUID, category_id: UUID) -> None:
    """Note that a person opened a stream of a category; lost without harm where Redis is away."""
    pipeline = bus.redis.pipeline(transaction=False)
    pipeline.zincrby(_key(user_id), 1, str(category_id))
    pipeline.zremrangebyrank(_key(user_id), 0, -MOST_CATEGORIES - 1)
    pipeline.expire(_key(user_id), KEPT_S)
    try:
        pipeline.execute()
    except redis.RedisError as error:
        log.warning("watching_not_noted", error=str(error))


def liked_categories(user_id: UUID, count: int) -> dict[UUID, float]:
    """The categories that a person opened most, each with its share of all openings, 0 to 1."""
    try:
        opened: list[tuple[bytes, float]] = bus.redis.zrange(_key(user_id), 0, -1, desc=True, withscores=True)  # type: ignore[assignment]
    except redis.RedisError as error:
        log.warning("watching_unknown", error=str(error))
        return {}
    total = sum(times for _, times in opened)
    return {UUID(name.decode()): times / total for name, times in opened[:count]}


def _key(user_id: UUID) -> str:
    return f"watched:{user_id}"
