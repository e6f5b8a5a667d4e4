"""Recordings and clips in a bucket: private objects, which the API opens to whom they are for."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import requests
from falcon import testing

from db.models.clips import Clip
from db.models.streams import Recording, Stream
from services import clip_making, clips, clock, recording_retention
from services.bus import bus
from services.clips import ClipDraft
from services.gateways.storage import open_storage
from services.recordings import finish_recording
from settings import Settings
from tests.bucket import bucket
from tests.factories import actor_of, make_stream, make_user
from tests.packaged import Broadcast


@pytest.fixture(autouse=True)
def in_a_bucket(opened: Settings, tmp_path: Path) -> Iterator[None]:
    before = bus.settings
    with bucket() as there:
        bus.settings = msgspec.structs.replace(before, hls_path=tmp_path, media_storage="s3:astro", **there)
        yield
    bus.settings = before


def recorded(visibility: str) -> Stream:
    """An ended stream of three seconds, its recording in the bucket and its live folder gone."""
    began = clock.now() - timedelta(seconds=10)
    ended = began + timedelta(seconds=3)
    stream = make_stream(status="ENDED", visibility=visibility, started_at=began, ended_at=ended)
    broadcast = Broadcast(bus.settings.hls_path, stream.id, began.timestamp())
    broadcast.record("source", 3)
    broadcast.complete()
    finish_recording(stream.id)
    shutil.rmtree(broadcast.folder)
    return stream


def playback_of(client: testing.TestClient, stream: Stream) -> dict[str, str]:
    found: dict[str, str] = client.simulate_get(f"/api/streams/{stream.id}").json["data"]["playback"]
    return found


def get(client: testing.TestClient, url: str) -> testing.Result:
    return client.simulate_get(urlsplit(url).path)


def test_a_recording_plays_from_the_bucket(client: testing.TestClient) -> None:
    shown = playback_of(client, recorded("PUBLIC"))
    assert b"source/index.m3u8" in get(client, shown["hls"]).content
    rendition = shown["hls"].replace("index.m3u8", "source/index.m3u8")
    assert b"#EXT-X-ENDLIST" in get(client, rendition).content
    assert get(client, shown["preview"]).content.startswith(b"WEBVTT")
    dash = get(client, shown["dash"])
    assert (dash.headers["content-type"], b'type="static"' in dash.content) == ("application/dash+xml", True)
    for url in (shown["recording"], rendition.replace("index.m3u8", "0.m4s")):
        sent_on = get(client, url)
        assert sent_on.status_code == 302
        assert sent_on.headers["access-control-allow-origin"] == "*"
        fetched = requests.get(sent_on.headers["location"], timeout=10)
        assert (fetched.status_code, fetched.content[4:8]) in ((200, b"ftyp"), (200, b"moof"), (200, b"styp"))


def test_in_the_bucket_too_what_is_not_public_wants_a_token(client: testing.TestClient) -> None:
    stream = recorded("UNLISTED")
    for name in ("index.m3u8", "source.mp4", "source/0.m4s"):
        assert client.simulate_get(f"/media/recordings/{stream.id}/{name}").status_code == 403
    shown = playback_of(client, stream)
    assert get(client, shown["hls"]).status_code == 200
    assert get(client, shown["recording"]).status_code == 302
    with clock.frozen(clock.now() + timedelta(seconds=bus.settings.playback_token_expires_in_s + 61)):
        assert get(client, shown["recording"]).status_code == 403


def test_only_what_belongs_to_streams_is_looked_for_in_the_bucket(client: testing.TestClient) -> None:
    stream = recorded("PUBLIC")
    for path in (f"/media/thumbs/{stream.id}/1.webp", f"/media/recordings/{stream.id}/segments.jsonl"):
        assert client.simulate_get(path).status_code == 404
    assert client.simulate_get(f"/media/recordings/{stream.id}/other/index.m3u8").status_code == 404


def test_a_clip_is_cut_from_the_bucket_and_outlives_its_recording(client: testing.TestClient) -> None:
    stream, viewer = recorded("PUBLIC"), actor_of(make_user())
    asked = clips.create_clip(viewer, stream.id, ClipDraft(start_seconds=0.5, end_seconds=1.5))
    clip_making.make_clip(asked.clip.id)
    assert Clip.get_by_id(asked.clip.id).error is None
    bus.settings = msgspec.structs.replace(bus.settings, recording_retention_days=1)
    Recording.update(created_at=clock.now() - timedelta(days=2)).execute()
    assert recording_retention.expire_recordings() == 1
    assert open_storage(bus.settings).keys(f"recordings/{stream.id}") == []
    shown = clips.clip(None, stream.id, asked.clip.id)
    assert get(client, shown.url or "").status_code == 302
