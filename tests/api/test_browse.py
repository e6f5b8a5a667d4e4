"""Looking around over HTTP: categories, streams of all kinds, recommendations, search."""

from typing import Any

import pytest
from falcon import testing

from db.models.users import User
from services import clock, follows
from services.actors import Role
from tests.api.test_social import pages
from tests.factories import actor_of, bearer, make_category, make_channel, make_stream, make_user

Client = testing.TestClient


def titles(streams: list[dict[str, Any]]) -> list[str]:
    return [stream["title"] for stream in streams]


def test_an_admin_makes_and_edits_categories(client: Client) -> None:
    admin = bearer(make_user(role=Role.ADMIN))
    body = {"name": "Rétro Games", "tags": ["Pixel", "pixel", "80s"]}
    made = client.simulate_post("/api/categories", json=body, headers=admin)
    assert made.status_code == 201
    category = made.json["data"]
    assert (category["slug"], category["liveCount"]) == ("retro-games", 0)
    assert [tag.lower() for tag in category["tags"]] == ["80s", "pixel"]
    make_stream(category=category["id"])
    path = f"/api/categories/{category['id']}"
    edited = client.simulate_patch(path, json={"name": "Old games", "tags": ["8bit"]}, headers=admin).json["data"]
    assert (edited["name"], edited["slug"], edited["tags"]) == ("Old games", "retro-games", ["8bit"])
    assert client.simulate_get("/api/categories").json["data"][0]["liveCount"] == 1
    assert client.simulate_get("/api/data/games").json["data"][0]["tags"] == ["8bit"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "x", "slug": "A b"}, 400),
        ({"name": "☃"}, 400),
        ({"name": "GAMES"}, 409),
    ],
)
def test_a_wrong_category_is_refused(client: Client, body: dict[str, object], status: int) -> None:
    make_category("Games")
    admin = bearer(make_user(role=Role.ADMIN))
    assert client.simulate_post("/api/categories", json=body, headers=admin).status_code == status
    assert client.simulate_post("/api/categories", json=body, headers=bearer(make_user())).status_code == 403
    assert client.simulate_post("/api/categories", json=body).status_code == 401


def test_all_streams_come_live_first(client: Client) -> None:
    make_stream(status="ENDED", title="old")
    make_stream(status="ENDED", title="older than live", viewer_count=0)
    make_stream(viewer_count=3, title="few")
    make_stream(viewer_count=9, title="many")
    make_stream(viewer_count=99, title="hidden", visibility="UNLISTED")
    assert titles(pages(client, "/api/data/streams")) == ["many", "few", "older than live", "old"]
    category = make_category("Chess")
    make_stream(title="chess", category=category.id, tags=["calm"], language="de")
    for params in ({"category": "chess"}, {"tag": "calm"}, {"language": "de"}, {"q": "hess"}):
        assert titles(client.simulate_get("/api/data/streams", params=params).json["data"]) == ["chess"]


def test_those_i_follow_come_live_first_one_stream_each(client: Client) -> None:
    viewer = make_user()
    streamers = [make_user(role=Role.STREAMER) for _ in range(4)]
    live, ended, _, other = map(make_channel, streamers)
    make_stream(live, status="ENDED", title="before")
    make_stream(live, title="now")
    make_stream(ended, status="ENDED", title="older")
    make_stream(ended, status="ENDED", title="last")
    make_stream(other, title="not followed")
    for streamer in streamers[:3]:
        follows.follow(actor_of(viewer), streamer.id)
    assert titles(pages(client, "/api/viewer/following", headers=bearer(viewer))) == ["now", "last"]


def test_recommendations_weigh_follows_and_liked_categories_and_viewers(client: Client) -> None:
    viewer = make_user()
    chess = make_category("Chess")
    star = make_user(role=Role.STREAMER)
    followed = make_channel(star)
    follows.follow(actor_of(viewer), star.id)
    make_stream(viewer_count=30, title="popular")
    make_stream(viewer_count=2, title="small")
    make_stream(followed, viewer_count=4, title="followed")
    opened = make_stream(viewer_count=10, title="liked category", category=chess.id)
    assert titles(pages(client, "/api/viewer/recommended")) == ["popular", "liked category", "followed", "small"]
    headers = bearer(viewer)
    mine = titles(pages(client, "/api/viewer/recommended", headers=headers))
    assert mine == ["followed", "popular", "liked category", "small"]
    client.simulate_get(f"/api/streams/{opened.id}", headers=headers)
    mine = titles(pages(client, "/api/viewer/recommended", headers=headers))
    assert mine == ["followed", "liked category", "popular", "small"]


@pytest.mark.parametrize("path", ["/api/viewer/search?q={}", "/api/data/search/{}"])
def test_streams_are_found_by_title_and_streamer_live_first(client: Client, path: str) -> None:
    star = make_user(username="astromira", role=Role.STREAMER)
    make_stream(make_channel(star), status="ENDED", title="Yesterday")
    make_stream(title="Watching astro pictures")
    make_stream(title="Cooking")

    def found(words: str) -> list[str]:
        return titles(client.simulate_get(path.format(words)).json["data"])

    assert found("astro") == ["Watching astro pictures", "Yesterday"]
    assert found("astromria")[0] == "Yesterday"
    assert found("cook") == ["Cooking"]
    assert found("coking") == ["Cooking"]
    assert found("xylophone") == []
    assert client.simulate_get(path.format("%25%26")).status_code == 400


def test_found_streams_are_paged_without_loss(client: Client) -> None:
    for number in range(5):
        make_stream(title=f"Galaxy {number}", viewer_count=number)
    found = titles(pages_of_search(client))
    assert found == [f"Galaxy {number}" for number in (4, 3, 2, 1, 0)]


def pages_of_search(client: Client) -> list[dict[str, Any]]:
    seen, cursor = [], None
    while True:
        params = {"q": "galaxy", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        result = client.simulate_get("/api/viewer/search", params=params).json
        seen += result["data"]
        cursor = result["meta"]["nextCursor"]
        if cursor is None:
            return seen


def test_search_finds_people_streams_and_categories(client: Client) -> None:
    make_user(username="mira_lund")
    make_category("Miracles")
    make_stream(title="Mirages of the desert")
    found = client.simulate_get("/api/search", params={"q": "mira"}).json["data"]
    assert [user["username"] for user in found["users"]] == ["mira_lund"]
    assert titles(found["streams"]) == ["Mirages of the desert"]
    assert [category["name"] for category in found["categories"]] == ["Miracles"]
    only = client.simulate_get("/api/search", params={"q": "mira", "type": "users"}).json["data"]
    assert (len(only["users"]), only["streams"], only["categories"]) == (1, [], [])
    for params in ({}, {"q": ""}, {"q": "x", "type": "planets"}, {"q": "x", "limit": "101"}, {"q": "x" * 101}):
        assert client.simulate_get("/api/search", params=params).status_code == 400


def test_streams_of_somebody_suspended_are_staffs_alone_to_see(client: Client) -> None:
    streamer, follower = make_user(role=Role.STREAMER), make_user()
    stream = make_stream(make_channel(streamer), status="ENDED")
    follows.follow(actor_of(follower), streamer.id)
    path, by_name = f"/api/streams/{stream.id}", f"/api/viewer/stream/{streamer.username}"
    pages = (path, by_name, f"/api/data/streams/details/{streamer.username}", f"{path}/clips")
    lists = ("/api/data/streams", "/api/viewer/following", f"/api/users/{streamer.id}/streams")
    headers, staff = bearer(follower), bearer(make_user(role=Role.MODERATOR))
    assert [client.simulate_get(page, headers=headers).status_code for page in pages] == [200] * 4
    assert [len(client.simulate_get(page, headers=headers).json["data"]) for page in lists] == [1] * 3
    User.update(suspended_at=clock.now()).where(User.id == streamer.id).execute()
    assert [client.simulate_get(page, headers=headers).status_code for page in pages] == [404] * 4
    assert [client.simulate_get(page, headers=headers).json["data"] for page in lists] == [[]] * 3
    token = client.simulate_post("/api/viewer/token", json={"streamId": str(stream.id)}, headers=headers)
    assert token.status_code == 404
    assert [client.simulate_get(page, headers=staff).status_code for page in (path, by_name)] == [200, 200]
