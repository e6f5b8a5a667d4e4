"""Cutting off a publisher through Redis, as the services do."""

import asyncio
from concurrent.futures import Future
from uuid import uuid4

import msgspec
import redis

from ingest.control import Control
from services.events import PublishCut
from services.topics import INGEST
from settings import Settings
from tests.ingest.stage import RawEncoder, Stage, wait_for


def publish(client: "redis.Redis", event: PublishCut) -> None:
    client.publish(INGEST, b"0\n" + msgspec.json.encode(event))


def test_a_cut_ends_the_channel_that_it_names(stage: Stage, opened: Settings, redis_client: "redis.Redis") -> None:
    control = Control(opened.redis_url, stage.lifecycle)
    listening: Future[None] = asyncio.run_coroutine_threadsafe(control.run(), stage.loop)
    wait_for(control.listening.is_set)
    with RawEncoder(stage) as encoder:
        encoder.send_picture()
        wait_for(lambda: stage.live_stream)
        (broadcast,) = stage.lifecycle.broadcasts
        redis_client.publish(INGEST, b"0\nnonsense")
        publish(redis_client, PublishCut(channel_id=uuid4(), reason="suspended"))
        publish(redis_client, PublishCut(channel_id=broadcast.grant.channel_id, reason="key_revoked"))
        assert encoder.status_codes_until_closed()[-1] == "NetStream.Publish.Denied"
    wait_for(lambda: stage.platform.told_of("end"))
    assert stage.platform.told_of("end") == ["key_revoked"]
    listening.cancel()
