"""Streams over HTTP: who is live, and what a streamer says about it."""

from datetime import timedelta

from falcon import testing

from db.connection import query
from db.models.users import User
from services import broadcasts, channels, clock
from services.actors import Role
from services.media_facts import MediaFacts
from tests.factories import actor_of, bearer, make_channel, make_stream, make_user

Client = testing.TestClient


def publish_as(user: User) -> str:
    key = channels.stream_key(actor_of(user)).stream_key
    grant = broadcasts.authorize(key, server="here", remote_address="127.0.0.1")
    return str(broadcasts.go_live(grant, MediaFacts(height=720), server="here", remote_address="127.0.0.1").id)


def test_becoming_a_creator_gives_a_key_at_once(client: Client) -> None:
    user = make_user()
    headers = bearer(user)
    result = client.simulate_post("/api/user/become-creator", json={}, headers=headers)
    assert result.json["data"]["role"] == "streamer"
    assert result.json["data"]["application"]["status"] == "APPROVED"
    again = client.simulate_post("/api/user/become-creator", json={}, headers=headers)
    assert again.json["data"] == result.json["data"]
    key = client.simulate_get("/api/auth/stream-key", headers=headers).json["data"]
    assert key["rtmpUrl"] == f"{key['serverUrl']}/{key['streamKey']}"
    assert key["streamKey"] not in str(query("SELECT * FROM channel_keys"))


def test_a_rotated_key_replaces_the_old_one(client: Client) -> None:
    user = make_user(role=Role.STREAMER)
    headers = bearer(user)
    old = client.simulate_get("/api/auth/stream-key", headers=headers).json["data"]["streamKey"]
    new = client.simulate_post("/api/auth/stream-key", headers=headers).json["data"]["streamKey"]
    assert new != old
    assert broadcasts.authorize(new, server="s", remote_address="a").user_id == user.id
    shown = client.simulate_get("/api/stream/credentials", headers=headers).json["data"]["streamKey"]
    assert shown == new


def test_a_scheduled_stream_goes_live_with_its_metadata(client: Client) -> None:
    user = make_user(role=Role.STREAMER)
    headers = bearer(user)
    draft = {"title": " Evening session ", "tags": ["Chill", "chill", "Music"], "language": "de"}
    created = client.simulate_post("/api/streams", json=draft, headers=headers)
    assert created.status_code == 201
    stream = created.json["data"]
    assert (stream["status"], stream["title"], stream["tags"]) == ("SCHEDULED", "Evening session", ["chill", "music"])
    assert client.simulate_get("/api/streams").json["data"] == []
    assert publish_as(user) == stream["id"]
    (listed,) = client.simulate_get("/api/streams").json["data"]
    assert (listed["id"], listed["isLive"], listed["streamer"]["isLive"]) == (stream["id"], True, True)
    assert listed["playback"]["hls"].endswith(f"/hls/{stream['id']}/index.m3u8")
    for params in ({"tag": "CHILL"}, {"language": "de"}, {"q": "evening"}, {"sort": "recent"}):
        assert len(client.simulate_get("/api/viewer/live", params=params).json["data"]) == 1
    for params in ({"tag": "x"}, {"language": "en"}, {"q": "100%"}, {"category": "x"}):
        assert client.simulate_get("/api/streams", params=params).json["data"] == []


def test_a_stream_is_planned_for_a_time_to_come(client: Client) -> None:
    headers = bearer(make_user(role=Role.STREAMER))
    tomorrow, yesterday = (clock.now() + timedelta(days=days) for days in (1, -1))
    for bad in (yesterday.isoformat(), "2999-01-01T00:00:00Z", "2030-01-01T00:00:00"):
        for method, path in (("POST", "/api/streams"), ("PUT", "/api/stream/info")):
            draft = {"title": "Evening", "scheduledFor": bad}
            refused = client.simulate_request(method, path, json=draft, headers=headers)
            assert (refused.status_code, _fields(refused)) == (400, ["scheduledFor"]), (method, bad)
    draft = {"title": "Evening", "scheduledFor": tomorrow.isoformat()}
    created = client.simulate_post("/api/streams", json=draft, headers=headers)
    assert created.json["data"]["scheduledFor"] == tomorrow.isoformat().replace("+00:00", "Z")


def test_a_plan_whose_time_has_passed_may_stay_and_no_other_past_be_set(client: Client) -> None:
    owner = make_user(role=Role.STREAMER)
    passed = clock.now() - timedelta(hours=1)
    stream = make_stream(make_channel(owner), status="SCHEDULED", started_at=None, scheduled_for=passed)
    path, headers = f"/api/streams/{stream.id}", bearer(owner)
    kept = client.simulate_patch(path, json={"title": "Late", "scheduledFor": passed.isoformat()}, headers=headers)
    assert (kept.status_code, kept.json["data"]["title"]) == (200, "Late")
    other = (passed - timedelta(hours=1)).isoformat()
    refused = client.simulate_patch(path, json={"title": "Later", "scheduledFor": other}, headers=headers)
    assert (refused.status_code, refused.json["code"], _fields(refused)) == (400, "in_the_past", ["scheduledFor"])
    for scheduled in ((clock.now() + timedelta(hours=1)).isoformat(), None):
        moved = client.simulate_patch(path, json={"scheduledFor": scheduled}, headers=headers)
        assert (moved.status_code, moved.json["data"]["title"]) == (200, "Late")


def _fields(refused: testing.Result) -> list[str]:
    return [detail["field"] for detail in refused.json["details"]]


def test_a_list_is_paged_by_viewers_without_loss(client: Client) -> None:
    for viewers in (5, 1, 9, 5, 3):
        make_stream(viewer_count=viewers)
    seen, cursor = [], None
    while True:
        result = client.simulate_get("/api/streams", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += [stream["viewerCount"] for stream in result.json["data"]]
        cursor = result.json["meta"]["nextCursor"]
        if cursor is None:
            break
    assert seen == [9, 5, 5, 3, 1]


def test_only_its_streamer_edits_and_ends_a_stream(client: Client) -> None:
    owner = make_user(role=Role.STREAMER)
    stream = make_stream(make_channel(owner))
    path = f"/api/streams/{stream.id}"
    stranger, admin = make_user(role=Role.STREAMER), make_user(role=Role.ADMIN)
    assert client.simulate_patch(path, json={"title": "x"}, headers=bearer(stranger)).status_code == 403
    assert client.simulate_delete(path, headers=bearer(stranger)).status_code == 403
    edited = client.simulate_patch(path, json={"title": "New"}, headers=bearer(owner))
    assert edited.json["data"]["title"] == "New"
    assert client.simulate_patch(path, json={"title": ""}, headers=bearer(owner)).status_code == 400
    assert client.simulate_patch(path, json={"categoryId": "none"}, headers=bearer(owner)).status_code == 400
    ended = client.simulate_delete(path, headers=bearer(admin))
    assert ended.json["data"]["status"] == "ENDED"
    again = client.simulate_delete(path, headers=bearer(admin))
    assert (again.status_code, again.json["code"]) == (409, "already_ended")


def test_a_stream_that_is_none_is_404(client: Client) -> None:
    for path in ("/api/streams/nonsense", "/api/streams/01890000-0000-7000-8000-000000000000"):
        assert client.simulate_get(path).status_code == 404


def test_status_tells_the_streamer_what_comes_in(client: Client) -> None:
    user = make_user(role=Role.STREAMER)
    headers = bearer(user)
    assert client.simulate_get("/api/stream/status", headers=headers).json["data"]["health"] == "OFFLINE"
    publish_as(user)
    data = client.simulate_get("/api/stream/status", headers=headers).json["data"]
    assert (data["isLive"], data["height"], data["health"]) == (True, 720, "GOOD")


def test_following_counts_once_and_not_oneself(client: Client) -> None:
    streamer, viewer = make_user(role=Role.STREAMER), make_user()
    path = f"/api/users/{streamer.id}/follow"
    for _ in range(2):
        result = client.simulate_post(path, headers=bearer(viewer))
        assert result.json["data"] == {"following": True, "followerCount": 1}
    assert client.simulate_post(path, headers=bearer(streamer)).status_code == 400
    assert client.simulate_delete(path, headers=bearer(viewer)).json["data"]["followerCount"] == 0


def test_what_is_past_ran_and_ended_newest_first(client: Client) -> None:
    streamer = make_user(role=Role.STREAMER)
    headers = bearer(streamer)
    ran: list[str] = []
    for _ in range(2):
        ran.insert(0, publish_as(streamer))
        client.simulate_delete(f"/api/streams/{ran[0]}", headers=headers)
    called_off = client.simulate_post("/api/streams", json={"title": "Never"}, headers=headers).json["data"]["id"]
    client.simulate_delete(f"/api/streams/{called_off}", headers=headers)
    publish_as(streamer)
    publish_as(make_user(role=Role.STREAMER))
    past = client.simulate_get("/api/stream/past", headers=headers).json["data"]
    assert [stream["id"] for stream in past] == ran
    assert {stream["status"] for stream in past} == {"ENDED"}
