"""Following, blocking and creators over HTTP."""

from typing import Any

from falcon import testing

from services.actors import Role
from tests.factories import bearer, make_channel, make_stream, make_user

Client = testing.TestClient
NOBODY = "01890000-0000-7000-8000-000000000000"


def pages(client: Client, path: str, **rest: Any) -> list[dict[str, Any]]:
    """Everything on a list, two rows a page."""
    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        result = client.simulate_get(path, params=params, **rest)
        assert result.status_code == 200, result.text
        seen += result.json["data"]
        cursor = result.json["meta"]["nextCursor"]
        if cursor is None:
            return seen


def test_following_in_three_forms(client: Client) -> None:
    streamer, fan = make_user(role=Role.STREAMER), make_user()
    headers = bearer(fan)
    assert client.simulate_post(f"/api/users/{streamer.id}/follow", headers=headers).json["data"]["following"]
    alias = client.simulate_post(f"/api/social/follow/{streamer.id}", headers=headers)
    assert alias.json["data"] == {"following": True, "followerCount": 1}
    toggle = f"/api/user/follow/{streamer.id}"
    assert client.simulate_post(toggle, headers=headers).json["data"] == {"following": False, "followerCount": 0}
    assert client.simulate_post(toggle, headers=headers).json["data"] == {"following": True, "followerCount": 1}
    gone = client.simulate_delete(f"/api/social/follow/{streamer.id}", headers=headers)
    assert gone.json["data"] == {"following": False, "followerCount": 0}


def test_toggling_oneself_or_nobody_is_refused(client: Client) -> None:
    user = make_user()
    assert client.simulate_post(f"/api/user/follow/{user.id}", headers=bearer(user)).status_code == 400
    assert client.simulate_post(f"/api/user/follow/{NOBODY}", headers=bearer(user)).status_code == 404
    assert client.simulate_post("/api/user/follow/x", headers=bearer(user)).status_code == 404


def test_the_relation_is_told_both_ways(client: Client) -> None:
    one, other = make_user(), make_user()
    client.simulate_post(f"/api/social/follow/{other.id}", headers=bearer(one))
    path = f"/api/social/follow/{other.id}"
    mine = client.simulate_get(path, headers=bearer(one)).json["data"]
    assert (mine["following"], mine["followedBy"]) == (True, False)
    theirs = client.simulate_get(f"/api/social/follow/{one.id}", headers=bearer(other)).json["data"]
    assert (theirs["following"], theirs["followedBy"]) == (False, True)
    assert client.simulate_get(path).json["data"]["following"] is False
    assert client.simulate_get(f"/api/social/follow/{NOBODY}").status_code == 404


def test_followers_and_following_are_paged_newest_first(client: Client) -> None:
    streamer = make_user(role=Role.STREAMER)
    fans = [make_user() for _ in range(5)]
    for fan in fans:
        client.simulate_post(f"/api/users/{streamer.id}/follow", headers=bearer(fan))
        client.simulate_post(f"/api/users/{fan.id}/follow", headers=bearer(streamer))
    newest_first = [fan.username for fan in reversed(fans)]
    assert [user["username"] for user in pages(client, f"/api/social/followers/{streamer.id}")] == newest_first
    assert [user["username"] for user in pages(client, f"/api/social/following/{streamer.id}")] == newest_first
    mine = pages(client, "/api/user/following", headers=bearer(streamer))
    assert [user["username"] for user in mine] == newest_first
    assert client.simulate_get(f"/api/social/followers/{NOBODY}").status_code == 404
    assert client.simulate_get(f"/api/social/followers/{streamer.id}", params={"cursor": "?"}).status_code == 400


def test_creators_are_listed_by_followers(client: Client) -> None:
    famous, known, new = (make_user(role=Role.STREAMER) for _ in range(3))
    make_user()
    for creator, count in ((famous, 3), (known, 1)):
        for _ in range(count):
            client.simulate_post(f"/api/users/{creator.id}/follow", headers=bearer(make_user()))
    listed = pages(client, "/api/social/creators")
    assert [user["id"] for user in listed] == [str(famous.id), str(known.id), str(new.id)]


def test_a_creators_page_has_counts_the_live_stream_and_the_relation(client: Client) -> None:
    creator = make_user(role=Role.STREAMER)
    channel = make_channel(creator)
    stream = make_stream(channel)
    make_stream(channel, status="ENDED")
    fan = make_user()
    client.simulate_post(f"/api/users/{creator.id}/follow", headers=bearer(fan))
    path = f"/api/social/creator/{creator.username.upper()}"
    seen = client.simulate_get(path, headers=bearer(fan)).json["data"]
    assert (seen["followerCount"], seen["streamCount"], seen["postCount"]) == (1, 1, 0)
    assert (seen["stream"]["id"], seen["following"], seen["levels"]) == (str(stream.id), True, [])
    assert client.simulate_get(path).json["data"]["following"] is False
    assert client.simulate_get(f"/api/social/creator/{fan.username}").status_code == 404


def test_a_users_streams_are_listed_without_the_unlisted(client: Client) -> None:
    creator = make_user(role=Role.STREAMER)
    channel = make_channel(creator)
    streams = [make_stream(channel, status="ENDED") for _ in range(3)]
    make_stream(channel, status="ENDED", visibility="UNLISTED")
    expected = [str(stream.id) for stream in reversed(streams)]
    assert [stream["id"] for stream in pages(client, f"/api/users/{creator.id}/streams")] == expected
    assert [stream["id"] for stream in pages(client, f"/api/users/{creator.username}/streams")] == expected
    assert client.simulate_get(f"/api/users/{NOBODY}/streams").status_code == 404


def test_blocking_parts_both_and_can_be_taken_back(client: Client) -> None:
    one, other = make_user(), make_user()
    client.simulate_post(f"/api/users/{other.id}/follow", headers=bearer(one))
    client.simulate_post(f"/api/users/{one.id}/follow", headers=bearer(other))
    path = f"/api/social/block/{other.id}"
    for _ in range(2):
        assert client.simulate_post(path, headers=bearer(one)).json["data"] == {"blocked": True}
    for user in (one, other):
        profile = client.simulate_get(f"/api/users/{user.id}").json["data"]
        assert (profile["followerCount"], profile["followingCount"]) == (0, 0)
    refused = client.simulate_post(f"/api/users/{one.id}/follow", headers=bearer(other))
    assert (refused.status_code, refused.json["code"]) == (403, "blocked")
    assert client.simulate_post(f"/api/social/block/{one.id}", headers=bearer(one)).status_code == 400
    assert client.simulate_delete(path, headers=bearer(one)).json["data"] == {"blocked": False}
    assert client.simulate_post(f"/api/users/{one.id}/follow", headers=bearer(other)).status_code == 200
