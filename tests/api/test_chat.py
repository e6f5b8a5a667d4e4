"""Chat over HTTP: the same rules and the same messages as on a socket."""

from falcon import testing

from db.connection import query
from db.models.room_moderators import RoomModerator
from services.actors import Role
from tests.factories import bearer, make_channel, make_stream, make_user

Client = testing.TestClient


def test_what_is_sent_is_found_in_the_history_newest_first(client: Client) -> None:
    stream, headers = make_stream(), bearer(make_user())
    for number in range(3):
        sent = client.simulate_post(
            "/api/messages", json={"streamId": str(stream.id), "text": f"words {number}"}, headers=headers
        )
        assert sent.status_code == 201, sent.json
    first = client.simulate_get(f"/api/chat/{stream.id}", params={"limit": "2"}).json
    assert [message["text"] for message in first["data"]] == ["words 2", "words 1"]
    assert first["data"][0] == sent.json["data"] | {"room": f"stream:{stream.id}"}
    rest = client.simulate_get(f"/api/chat/{stream.id}", params={"cursor": first["meta"]["nextCursor"]}).json
    assert [message["seq"] for message in rest["data"]] == [1]
    assert rest["meta"]["nextCursor"] is None


def test_a_message_needs_one_room_a_known_stream_and_some_words(client: Client) -> None:
    stream, headers = str(make_stream().id), bearer(make_user())
    unknown = "00000000-0000-7000-8000-000000000000"
    for body, status, code in (
        ({"text": "x"}, 400, "room_required"),
        ({"text": "x", "streamId": stream, "loungeId": unknown}, 400, "room_required"),
        ({"text": "x", "streamId": unknown}, 404, "room_not_found"),
        ({"text": " ", "streamId": stream}, 400, "invalid"),
        ({"text": "x" * 501, "streamId": stream}, 400, "invalid"),
        ({"text": "x", "streamId": stream, "replyTo": unknown}, 400, "reply_not_found"),
        ({"text": "x", "streamId": stream, "colour": "red"}, 400, "invalid"),
    ):
        refused = client.simulate_post("/api/messages", json=body, headers=headers)
        assert (refused.status_code, refused.json["code"]) == (status, code), refused.json
    assert client.simulate_post("/api/messages", json={"text": "x", "streamId": stream}).status_code == 401
    assert query("SELECT count(*) FROM messages") == [(0,)]


def test_the_same_client_message_id_is_stored_once(client: Client) -> None:
    stream, headers = make_stream(), bearer(make_user())
    body = {"streamId": str(stream.id), "text": "once", "clientMessageId": "c-1"}
    sent, again = (client.simulate_post("/api/messages", json=body, headers=headers) for _ in range(2))
    assert sent.json["data"] == again.json["data"]
    assert query("SELECT count(*), max(last_seq) FROM messages, rooms") == [(1, 1)]


def test_only_those_who_keep_order_may_pin_and_delete(client: Client) -> None:
    streamer, author, helper = make_user(role=Role.STREAMER), make_user(), make_user()
    channel = make_channel(streamer)
    stream = make_stream(channel)
    body = {"streamId": str(stream.id), "text": "look"}
    message = client.simulate_post("/api/messages", json=body, headers=bearer(author)).json["data"]
    pin, one = f"/api/messages/{message['id']}/pin", f"/api/messages/{message['id']}"
    assert client.simulate_patch(pin, headers=bearer(helper)).status_code == 403
    assert client.simulate_delete(one, headers=bearer(helper)).status_code == 403
    RoomModerator.create(room=channel.room_id, user=helper)
    assert client.simulate_patch(pin, headers=bearer(helper)).json["data"]["isPinned"] is True
    assert client.simulate_patch(pin, headers=bearer(streamer)).json["data"]["isPinned"] is False
    deleted = client.simulate_delete(one, headers=bearer(streamer)).json["data"]
    assert (deleted["isDeleted"], deleted["text"], deleted["seq"]) == (True, "", 1)
    assert client.simulate_get(f"/api/chat/{stream.id}").json["data"] == [deleted]


def test_an_unknown_stream_has_no_chat_and_a_bad_cursor_is_refused(client: Client) -> None:
    assert client.simulate_get("/api/chat/nonsense").status_code == 404
    stream = make_stream()
    assert client.simulate_get(f"/api/chat/{stream.id}", params={"cursor": "%%%"}).status_code == 400


def test_the_history_of_a_stream_is_without_the_words_of_whom_its_reader_blocks(client: Client) -> None:
    stream, reader, author = make_stream(), make_user(), make_user()
    body = {"streamId": str(stream.id), "text": "look"}
    client.simulate_post("/api/messages", json=body, headers=bearer(author))
    blocked = client.simulate_post(f"/api/social/block/{author.id}", headers=bearer(reader))
    assert blocked.status_code in (200, 201), blocked.json
    shown = client.simulate_get(f"/api/chat/{stream.id}", headers=bearer(reader)).json["data"]
    assert [(message["text"], message.get("isHidden")) for message in shown] == [("", True)]
    for headers in ({}, bearer(author)):
        others = client.simulate_get(f"/api/chat/{stream.id}", headers=headers).json["data"]
        assert [(message["text"], "isHidden" in message) for message in others] == [("look", False)]
