"""How much work waits."""

import redis

from services.bus import bus

QUEUES = ("webhooks", "notifications", "transcode", "media", "analytics", "default")


def depths() -> dict[str, int]:
    """Jobs that wait, by queue; empty where the broker is not our Redis or is away."""
    if bus.settings.celery_broker_url != bus.settings.redis_url:
        return {}
    pipeline = bus.redis.pipeline(transaction=False)
    for name in QUEUES:
        pipeline.llen(name)
    try:
        return dict(zip(QUEUES, pipeline.execute(), strict=True))
    except redis.RedisError:
        return {}
