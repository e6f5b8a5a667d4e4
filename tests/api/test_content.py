"""Posts, comments and likes over HTTP."""

import io
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from falcon import testing
from PIL import Image

from db.connection import query
from db.models.users import User
from services import blocks, follows
from services.actors import Role
from tests.api.test_social import pages
from tests.factories import actor_of, bearer, make_post, make_user
from tests.fakes import FakeJobs

Client = testing.TestClient
JSON = {"text": "Hello"}


def picture(form: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, form)
    return written.getvalue()


def form(files: list[tuple[str, bytes]], **texts: str) -> tuple[bytes, dict[str, str]]:
    """A multipart body and its headers."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in texts.items()
    ]
    for name, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={boundary}"
    }


def send(client: Client, headers: dict[str, str], files: list[tuple[str, bytes]], **texts: str) -> testing.Result:
    body, kind = form(files, **texts)
    return client.simulate_post("/api/content/posts", body=body, headers=headers | kind)


def test_a_post_of_text_is_made_read_edited_and_deleted(client: Client) -> None:
    headers = bearer(make_user())
    made = client.simulate_post("/api/content/posts", json=JSON, headers=headers)
    assert made.status_code == 201
    post = made.json["data"]
    assert (post["text"], post["visibility"], post["media"], post["likedByMe"]) == ("Hello", "PUBLIC", [], False)
    path = made.headers["location"]
    assert client.simulate_get(path).json["data"] == post
    edited = client.simulate_put(path, json={"text": "Better", "visibility": "FOLLOWERS"}, headers=headers)
    assert (edited.json["data"]["text"], edited.json["data"]["visibility"]) == ("Better", "FOLLOWERS")
    assert client.simulate_get(path).status_code == 404
    assert client.simulate_delete(path, headers=headers).status_code == 200
    assert client.simulate_get(path, headers=headers).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": "x" * 5001},
        {"text": "x", "visibility": "SECRET"},
        {"text": "x", "y": 1},
    ],
)
def test_a_wrong_post_is_refused(client: Client, body: dict[str, object]) -> None:
    assert client.simulate_post("/api/content/posts", json=body, headers=bearer(make_user())).status_code == 400


def test_a_form_with_pictures_makes_a_post_whose_media_are_processing(client: Client, jobs: FakeJobs) -> None:
    headers = bearer(make_user())
    result = send(client, headers, [("a.png", picture()), ("b", picture("JPEG"))], text="Look", visibility="PUBLIC")
    assert result.status_code == 201, result.text
    media = result.json["data"]["media"]
    assert [(one["kind"], one["status"], one["url"]) for one in media] == [("IMAGE", "PROCESSING", None)] * 2
    assert [job.queue for job in jobs.named("posts.process_media")] == ["media"] * 2


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("a.png", b"no picture at all")], 415),
        ([("a.mp4", b"<script>alert(1)</script>")], 415),
        ([("a.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\nfile:///etc/passwd")], 415),
        ([("a.png", b"")], 415),
        ([("a.png", picture("GIF"))], 415),
        ([("a.png", picture())] * 11, 400),
        ([("a.png", picture() + b"\0" * (10 << 20))], 413),
    ],
)
def test_a_file_that_no_post_takes_is_refused_and_nothing_is_posted(
    client: Client, files: list[tuple[str, bytes]], status: int
) -> None:
    headers = bearer(make_user())
    assert send(client, headers, files, text="Look").status_code == status
    assert client.simulate_get("/api/content/posts", headers=headers).json["data"] == []


def test_a_form_without_text_or_with_an_unknown_field_is_refused(client: Client) -> None:
    headers = bearer(make_user())
    assert send(client, headers, [("a.png", picture())]).status_code == 400
    assert send(client, headers, [], text="x", other="y").status_code == 400
    body = urlencode(JSON)
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.simulate_post("/api/content/posts", body=body, headers=headers | urlencoded).status_code == 415


def test_only_its_author_or_an_admin_changes_a_post(client: Client) -> None:
    post = make_post()
    path = f"/api/content/posts/{post.id}"
    stranger, admin = bearer(make_user()), bearer(make_user(role=Role.ADMIN))
    assert client.simulate_put(path, json=JSON, headers=stranger).status_code == 403
    assert client.simulate_delete(path, headers=stranger).status_code == 403
    assert client.simulate_put(path, json=JSON).status_code == 401
    assert client.simulate_put(path, json=JSON, headers=admin).status_code == 200
    assert client.simulate_delete(path, headers=admin).status_code == 200


def test_who_sees_what(client: Client) -> None:
    author, follower, stranger = make_user(), make_user(), make_user()
    follows.follow(actor_of(follower), author.id)
    made = {name: make_post(author, name, name) for name in ("PUBLIC", "FOLLOWERS", "SUBSCRIBERS")}

    def seen(path: str, headers: dict[str, str] | None) -> list[str]:
        return [post["text"] for post in client.simulate_get(path, headers=headers).json["data"]]

    wall = f"/api/content/users/{author.id}/posts"
    assert seen(wall, None) == seen(wall, bearer(stranger)) == ["PUBLIC"]
    assert seen(wall, bearer(follower)) == ["FOLLOWERS", "PUBLIC"]
    assert seen(wall, bearer(author)) == seen("/api/content/posts", bearer(author)) == list(reversed(made))
    assert seen("/api/content/feed/public", None) == ["PUBLIC"]
    assert seen("/api/content/feed", bearer(stranger)) == ["PUBLIC"]
    assert seen("/api/content/feed", bearer(follower)) == ["FOLLOWERS", "PUBLIC"]
    assert seen("/api/content/feed", bearer(author)) == list(reversed(made))
    limited = f"/api/content/posts/{made['FOLLOWERS'].id}"
    assert client.simulate_get(limited, headers=bearer(stranger)).status_code == 404
    assert client.simulate_get(limited, headers=bearer(follower)).status_code == 200
    assert client.simulate_post(f"{limited}/like", headers=bearer(stranger)).status_code == 404
    comment = {"postId": str(made["FOLLOWERS"].id), "text": "x"}
    assert client.simulate_post("/api/content/comments", json=comment, headers=bearer(stranger)).status_code == 404


def test_a_subscriber_sees_what_is_for_subscribers_until_it_expires(client: Client) -> None:
    author, fan = make_user(role=Role.STREAMER), make_user()
    make_post(author, "FOLLOWERS", "FOLLOWERS")
    made = make_post(author, "SUBSCRIBERS", "SUBSCRIBERS")
    query(
        """INSERT INTO subscriptions (id, subscriber_id, streamer_id, tier, payment_method, price, currency, status,
                                      started_at, anchor_at, expires_at)
           VALUES (%s, %s, %s, 'premium', 'coins', 1, 'COIN', 'cancelled', now(), now(), now() + interval '1 day')""",
        (uuid.uuid4(), fan.id, author.id),
    )
    feed = client.simulate_get("/api/content/feed", headers=bearer(fan)).json["data"]
    assert [post["text"] for post in feed] == ["SUBSCRIBERS", "FOLLOWERS"]
    assert client.simulate_get(f"/api/content/posts/{made.id}", headers=bearer(fan)).status_code == 200
    query("UPDATE subscriptions SET expires_at = now() - interval '1 minute'")
    assert client.simulate_get("/api/content/feed", headers=bearer(fan)).json["data"] == []
    assert client.simulate_get(f"/api/content/posts/{made.id}", headers=bearer(fan)).status_code == 404


def test_feeds_are_paged_without_loss_over_both_kinds_of_posts(client: Client) -> None:
    reader, friend = make_user(), make_user()
    follows.follow(actor_of(reader), friend.id)
    made = [make_post(friend, str(n), "FOLLOWERS" if n % 2 else "PUBLIC") for n in range(7)]
    feed = pages(client, "/api/content/feed", headers=bearer(reader))
    assert [post["id"] for post in feed] == [str(post.id) for post in reversed(made)]
    assert len(pages(client, "/api/content/feed/public")) == 4


def test_a_like_is_toggled_and_counted(client: Client) -> None:
    post, one, other = make_post(), bearer(make_user()), bearer(make_user())
    path = f"/api/content/posts/{post.id}"
    assert client.simulate_post(f"{path}/like", headers=one).json["data"] == {"liked": True, "likeCount": 1}
    assert client.simulate_post(f"{path}/like", headers=other).json["data"] == {"liked": True, "likeCount": 2}
    assert client.simulate_get(path, headers=one).json["data"]["likedByMe"] is True
    assert client.simulate_get(path).json["data"]["likedByMe"] is False
    assert client.simulate_post(f"{path}/like", headers=one).json["data"] == {"liked": False, "likeCount": 1}


def test_comments_have_replies_and_likes_and_go_with_their_thread(client: Client) -> None:
    author, guest, third = make_user(), make_user(), make_user()
    post = make_post(author)

    def say(user: User, text: str, parent: str | None = None) -> dict[str, Any]:
        body = {"postId": str(post.id), "text": text} | ({"parentId": parent} if parent else {})
        result = client.simulate_post("/api/content/comments", json=body, headers=bearer(user))
        assert result.status_code == 201, result.text
        return result.json["data"]

    first = say(guest, "First")
    reply = say(author, "Reply", first["id"])
    say(third, "Deeper", reply["id"])
    last = say(third, "Other")
    path = f"/api/content/posts/{post.id}/comments"
    assert [c["text"] for c in pages(client, path)] == ["First", "Reply", "Deeper", "Other"]
    replies = client.simulate_get(path, params={"parentId": first["id"]}).json["data"]
    assert [(c["text"], c["parentId"]) for c in replies] == [("Reply", first["id"])]
    liked = client.simulate_post(f"/api/content/comments/{last['id']}/like", headers=bearer(guest))
    assert liked.json["data"] == {"liked": True, "likeCount": 1}
    assert client.simulate_delete(f"/api/content/comments/{last['id']}", headers=bearer(guest)).status_code == 403
    assert client.simulate_delete(f"/api/content/comments/{first['id']}", headers=bearer(author)).status_code == 200
    assert [c["text"] for c in pages(client, path)] == ["Other"]
    assert client.simulate_get(f"/api/content/posts/{post.id}").json["data"]["commentCount"] == 1


def test_a_reply_stays_with_its_post(client: Client) -> None:
    user = make_user()
    here, there = make_post(), make_post()
    body = {"postId": str(there.id), "text": "x"}
    parent = client.simulate_post("/api/content/comments", json=body, headers=bearer(user)).json["data"]["id"]
    wrong = {"postId": str(here.id), "text": "x", "parentId": parent}
    assert client.simulate_post("/api/content/comments", json=wrong, headers=bearer(user)).status_code == 400


def test_people_apart_see_nothing_of_each_other(client: Client) -> None:
    one, other = make_user(), make_user()
    post, host = make_post(other), make_post()
    for user in (one, other):
        body = {"postId": str(host.id), "text": user.username}
        client.simulate_post("/api/content/comments", json=body, headers=bearer(user))
    blocks.block(actor_of(one), other.id)
    for user, hidden in ((one, other), (other, one)):
        headers = bearer(user)
        comments = client.simulate_get(f"/api/content/posts/{host.id}/comments", headers=headers).json["data"]
        assert hidden.username not in [comment["text"] for comment in comments]
    assert str(post.id) not in [p["id"] for p in pages(client, "/api/content/feed", headers=bearer(one))]
    assert client.simulate_get(f"/api/content/posts/{post.id}", headers=bearer(one)).status_code == 404
