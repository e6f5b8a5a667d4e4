"""Playback rights: who is not entitled gets no address, and an address that got about dies with its token."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest
from falcon import testing

from db.connection import database, query
from db.models.streams import Recording, Stream
from db.models.users import User
from services import clock, open_streams
from services.actors import Role
from services.bus import bus
from services.ids import new_id
from settings import Settings
from tests.factories import bearer, make_channel, make_stream, make_user
from tests.fakes import FakeJobs

SEGMENT = b"moof" * 100


@pytest.fixture(autouse=True)
def media(opened: Settings, tmp_path: Path) -> Iterator[Path]:
    before = bus.settings
    root = tmp_path / "media"
    bus.settings = msgspec.structs.replace(before, hls_path=root, media_storage=f"file:{root}")
    yield root
    bus.settings = before


def on_air(media: Path, visibility: str, user: User | None = None) -> Stream:
    """A live stream with files as ingest writes them."""
    stream = make_stream(make_channel(user), visibility=visibility)
    for name, content in (("index.m3u8", b"source/index.m3u8\n"), ("source/0.m4s", SEGMENT)):
        path = media / "hls" / str(stream.id) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return stream


def recorded(media: Path, visibility: str) -> Stream:
    stream = make_stream(status="ENDED", visibility=visibility, started_at=clock.now())
    folder = media / "recordings" / str(stream.id)
    folder.mkdir(parents=True)
    for name in ("index.m3u8", "source.mp4", "preview.vtt"):
        (folder / name).write_bytes(b"kept")
    place = f"/media/recordings/{stream.id}"
    Recording.create(
        stream=stream.id,
        status="READY",
        hls=f"{place}/index.m3u8",
        mp4=f"{place}/source.mp4",
        preview=f"{place}/preview.vtt",
    )
    return stream


def path_of(url: str) -> str:
    return urlsplit(url).path


def playback_of(client: testing.TestClient, stream: Stream, viewer: User | None = None) -> dict[str, str | None]:
    answer = client.simulate_get(f"/api/streams/{stream.id}", headers=bearer(viewer) if viewer else {})
    assert answer.status_code == 200
    found: dict[str, str | None] = answer.json["data"]["playback"]
    return found


def ask(client: testing.TestClient, body: dict[str, object], viewer: User | None = None) -> testing.Result:
    return client.simulate_post("/api/viewer/token", json=body, headers=bearer(viewer) if viewer else {})


def test_a_public_stream_plays_for_everybody_and_may_be_cached(client: testing.TestClient, media: Path) -> None:
    stream = on_air(media, "PUBLIC")
    url = playback_of(client, stream)["hls"] or ""
    assert url.endswith(f"/hls/{stream.id}/index.m3u8")
    playlist = client.simulate_get(path_of(url))
    segment = client.simulate_get(f"/hls/{stream.id}/source/0.m4s")
    assert (playlist.content, segment.content) == (b"source/index.m3u8\n", SEGMENT)
    assert playlist.headers["cache-control"] == "public, max-age=1"
    assert segment.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_low_latency_address_is_the_relays(client: testing.TestClient, media: Path) -> None:
    stream = on_air(media, "PUBLIC")
    expected = f"{bus.settings.public_relay_url}/hls/{stream.id}/ll.m3u8"
    assert playback_of(client, stream)["lowLatency"] == expected


@pytest.mark.parametrize("visibility", ["UNLISTED", "SUBSCRIBERS"])
def test_what_is_not_public_does_not_open_without_a_token(
    client: testing.TestClient, media: Path, visibility: str
) -> None:
    stream = on_air(media, visibility)
    for name in ("index.m3u8", "source/0.m4s"):
        answer = client.simulate_get(f"/hls/{stream.id}/{name}")
        assert (answer.status_code, answer.json["code"]) == (403, "playback_token_required")
        assert answer.headers["access-control-allow-origin"] == "*"


def test_an_unlisted_stream_plays_for_who_knows_of_it_until_the_token_dies(
    client: testing.TestClient, media: Path
) -> None:
    stream = on_air(media, "UNLISTED")
    playlist = path_of(playback_of(client, stream)["hls"] or "")
    segment = playlist.replace("index.m3u8", "source/0.m4s")
    answer = client.simulate_get(segment)
    assert (answer.status_code, answer.content) == (200, SEGMENT)
    assert answer.headers["cache-control"].startswith("private, max-age=")
    with clock.frozen(clock.now() + timedelta(seconds=bus.settings.playback_token_expires_in_s + 61)):
        for dead in (playlist, segment):
            answer = client.simulate_get(dead)
            assert (answer.status_code, answer.json["code"]) == (403, "playback_token_invalid")


def test_a_copy_does_not_outlive_its_token(client: testing.TestClient, media: Path) -> None:
    stream = on_air(media, "UNLISTED")
    segment = path_of(playback_of(client, stream)["hls"] or "").replace("index.m3u8", "source/0.m4s")
    kept_s = int(client.simulate_get(segment).headers["cache-control"].split("max-age=")[1].split(",")[0])
    assert 0 < kept_s <= bus.settings.playback_token_expires_in_s + 60


def test_the_token_of_one_stream_opens_no_other(client: testing.TestClient, media: Path) -> None:
    mine, other = on_air(media, "UNLISTED"), on_air(media, "SUBSCRIBERS")
    url = path_of(playback_of(client, mine)["hls"] or "").replace(str(mine.id), str(other.id))
    assert client.simulate_get(url).status_code == 403


def test_a_segment_costs_no_query(client: testing.TestClient, media: Path) -> None:
    unlisted, public = on_air(media, "UNLISTED"), on_air(media, "PUBLIC")
    segments = [
        path_of(playback_of(client, stream)["hls"] or "").replace("index.m3u8", "source/0.m4s")
        for stream in (unlisted, public)
    ]
    open_streams.settle(public.id)
    asked: list[object] = []
    database.query_hooks.append(asked.append)
    try:
        assert [client.simulate_get(segment).status_code for segment in segments] == [200, 200]
    finally:
        database.query_hooks.clear()
    assert asked == []


def test_a_stream_for_subscribers_is_refused_to_others(client: testing.TestClient, media: Path) -> None:
    owner = make_user(role=Role.STREAMER)
    stream = on_air(media, "SUBSCRIBERS", owner)
    for stranger in (None, make_user()):
        assert playback_of(client, stream, stranger)["hls"] is None
        answer = ask(client, {"streamId": str(stream.id)}, stranger)
        assert (answer.status_code, answer.json["code"]) == (403, "subscription_required")
    for entitled in (owner, make_user(role=Role.ADMIN)):
        url = playback_of(client, stream, entitled)["hls"] or ""
        assert client.simulate_get(path_of(url)).status_code == 200


def test_a_subscriber_is_given_a_token_that_plays(client: testing.TestClient, media: Path) -> None:
    owner, subscriber = make_user(role=Role.STREAMER), make_user()
    stream = on_air(media, "SUBSCRIBERS", owner)
    subscribe(subscriber, owner)
    granted = ask(client, {"username": owner.username}, subscriber).json["data"]
    assert granted["provider"] == "hls"
    assert granted["token"] in granted["url"]
    assert granted["expiresAt"] > clock.now().isoformat()
    assert client.simulate_get(path_of(granted["url"])).status_code == 200
    assert playback_of(client, stream, subscriber)["hls"] == granted["url"]


def subscribe(subscriber: User, streamer: User) -> None:
    query(
        """INSERT INTO subscriptions (id, subscriber_id, streamer_id, tier, status, payment_method, price, currency,
                                      anchor_at, started_at, expires_at)
           VALUES (%s, %s, %s, 'premium', 'active', 'coins', 500, 'COIN', now(), now(), now() + interval '1 month')""",
        (new_id(), subscriber.id, streamer.id),
    )


def test_a_list_gives_each_viewer_what_they_may_play(client: testing.TestClient, media: Path) -> None:
    owner = make_user(role=Role.STREAMER)
    on_air(media, "SUBSCRIBERS", owner)
    on_air(media, "PUBLIC")
    shown = client.simulate_get("/api/streams").json["data"]
    assert sorted(stream["playback"]["hls"] is None for stream in shown) == [False, True]


def test_an_unlisted_stream_is_not_found_by_its_streamers_name(client: testing.TestClient, media: Path) -> None:
    owner = make_user(role=Role.STREAMER)
    stream = on_air(media, "UNLISTED", owner)
    for path in (f"/api/viewer/stream/{owner.username}", f"/api/data/streams/details/{owner.username}"):
        assert client.simulate_get(path).status_code == 404
    own = client.simulate_get(f"/api/viewer/stream/{owner.username}", headers=bearer(owner))
    assert own.json["data"]["id"] == str(stream.id)


def test_a_stream_made_private_while_live_closes_at_once(
    client: testing.TestClient, media: Path, jobs: FakeJobs
) -> None:
    owner = make_user(role=Role.STREAMER)
    stream = on_air(media, "PUBLIC", owner)
    segment = f"/hls/{stream.id}/source/0.m4s"
    assert client.simulate_get(segment).status_code == 200
    change = {"visibility": "SUBSCRIBERS"}
    assert client.simulate_patch(f"/api/streams/{stream.id}", json=change, headers=bearer(owner)).status_code == 200
    assert client.simulate_get(segment).status_code == 403
    assert [job.arguments for job in jobs.named("media.settle_open_stream")] == [{"stream_id": str(stream.id)}]


def test_a_recording_is_as_public_as_its_stream(client: testing.TestClient, media: Path) -> None:
    public, unlisted = recorded(media, "PUBLIC"), recorded(media, "UNLISTED")
    for name in ("index.m3u8", "source.mp4", "preview.vtt"):
        assert client.simulate_get(f"/media/recordings/{public.id}/{name}").status_code == 200
        assert client.simulate_get(f"/media/recordings/{unlisted.id}/{name}").status_code == 403
    shown = playback_of(client, unlisted)
    for url in (shown["hls"], shown["recording"], shown["preview"]):
        assert "/media/t/" in (url or "")
        assert client.simulate_get(path_of(url or "")).status_code == 200


def test_an_unknown_stream_has_no_files(client: testing.TestClient) -> None:
    unknown = UUID(int=7)
    assert client.simulate_get(f"/hls/{unknown}/index.m3u8").status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"streamId": "x", "username": "y"}, {"streamId": 7}, {"username": ""}, {"room": "x"}]
)
def test_a_token_is_asked_for_by_one_name(client: testing.TestClient, body: dict[str, object]) -> None:
    assert ask(client, body).status_code == 400


def test_nothing_to_play_says_so(client: testing.TestClient) -> None:
    coming = make_stream(status="SCHEDULED")
    answer = ask(client, {"streamId": str(coming.id)})
    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_play")
    assert ask(client, {"streamId": "0"}).status_code == 404


def test_what_comes_from_elsewhere_is_played_there(client: testing.TestClient) -> None:
    hls = make_stream(source_type="HLS", source_url="https://cdn.example/live.m3u8")
    assert ask(client, {"streamId": str(hls.id)}).json["data"]["url"] == "https://cdn.example/live.m3u8"
    video = make_stream(source_type="YOUTUBE", source_url="https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    granted = ask(client, {"streamId": str(video.id)}).json["data"]
    assert (granted["provider"], granted["token"]) == ("youtube", None)


def test_creators_see_their_own_stream(client: testing.TestClient, media: Path) -> None:
    owner = make_user(role=Role.STREAMER)
    nothing = client.simulate_post("/api/stream/creator-token", headers=bearer(owner))
    assert (nothing.status_code, nothing.json["code"]) == (409, "nothing_to_play")
    stream = on_air(media, "SUBSCRIBERS", owner)
    granted = client.simulate_post("/api/stream/creator-token", headers=bearer(owner)).json["data"]
    assert granted["streamId"] == str(stream.id)
    assert client.simulate_get(path_of(granted["url"])).status_code == 200
