"""Moderation and lounges over HTTP: what is asked, what is answered, and who may."""

from typing import Any

import pytest
from falcon import testing

from services.actors import Role
from services.ids import new_id
from tests.factories import bearer, make_channel, make_stream, make_user

Client = testing.TestClient
BANS, LOG = "/api/moderation/bans", "/api/moderation/log"
REPORTS, MODERATORS = "/api/moderation/reports", "/api/moderation/moderators"
NOBODY = "00000000-0000-7000-8000-000000000000"


class Show:
    """A stream with its streamer and a viewer who has said something."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.streamer, self.viewer, self.staff = make_user(role=Role.STREAMER), make_user(), make_user(role=Role.ADMIN)
        self.stream = make_stream(make_channel(self.streamer))
        self.room = f"stream:{self.stream.id}"
        self.message = self.say(self.viewer, "hello").json["data"]

    def say(self, user: Any, text: str) -> testing.Result:
        body = {"streamId": str(self.stream.id), "text": text}
        return self.client.simulate_post("/api/messages", json=body, headers=bearer(user))


@pytest.fixture
def show(client: Client) -> Show:
    return Show(client)


def test_a_ban_is_made_listed_felt_and_lifted(client: Client, show: Show) -> None:
    body = {"userId": str(show.viewer.id), "room": show.room, "seconds": 600, "reason": "rude"}
    made = client.simulate_post(BANS, json=body, headers=bearer(show.streamer))
    assert made.status_code == 201, made.json
    ban = made.json["data"]
    assert made.headers["location"] == f"{BANS}/{ban['id']}"
    assert (ban["user"]["id"], ban["by"]["id"], ban["room"]) == (
        str(show.viewer.id),
        str(show.streamer.id),
        show.room,
    )
    refused = show.say(show.viewer, "let me in")
    assert (refused.status_code, refused.json["code"]) == (403, "banned")
    by_id = {"streamId": str(show.stream.id)}
    assert client.simulate_get(BANS, params=by_id, headers=bearer(show.streamer)).json["data"] == [ban]
    assert client.simulate_get(BANS, headers=bearer(show.staff)).json["data"] == []
    assert client.simulate_delete(f"{BANS}/{ban['id']}", headers=bearer(show.viewer)).status_code == 404
    assert client.simulate_delete(f"{BANS}/nonsense", headers=bearer(show.staff)).status_code == 404
    lifted = client.simulate_delete(f"{BANS}/{ban['id']}", headers=bearer(show.streamer))
    assert lifted.json["data"]["liftedAt"]
    assert show.say(show.viewer, "thank you").status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"userId": "x"}, 400),
        ({"seconds": 0}, 400),
        ({"seconds": 10**10}, 400),
        ({"reason": "x" * 501}, 400),
        ({"until": "yesterday"}, 400),
        ({"colour": "red"}, 400),
        ({"room": "nonsense"}, 404),
        ({"room": f"stream:{NOBODY}"}, 404),
        ({"streamId": NOBODY, "loungeId": NOBODY}, 400),
        ({"userId": NOBODY}, 404),
    ],
)
def test_a_bad_ban_is_refused(client: Client, show: Show, body: dict[str, object], status: int) -> None:
    whole = {"userId": str(show.viewer.id), "room": show.room} | body if body else {}
    if "streamId" in body:
        whole.pop("room")
    refused = client.simulate_post(BANS, json=whole, headers=bearer(show.streamer))
    assert refused.status_code == status, refused.json


def test_a_viewer_may_not_moderate(client: Client, show: Show) -> None:
    headers, body = bearer(make_user()), {"userId": str(show.viewer.id)}
    for payload in (body, body | {"room": show.room}):
        assert client.simulate_post(BANS, json=payload, headers=headers).status_code == 403
        assert client.simulate_post("/api/moderation/removals", json=payload, headers=headers).status_code == 403
    for path in (BANS, LOG, REPORTS):
        assert client.simulate_get(path, headers=headers).status_code == 403
        assert client.simulate_get(path, params={"room": show.room}, headers=headers).status_code == 403
    assert client.simulate_post(MODERATORS, json=body, headers=headers).status_code == 403


def test_a_moderator_of_a_chat_is_named_moderates_and_is_dismissed(client: Client, show: Show) -> None:
    mod, streamer = make_user(), bearer(show.streamer)
    named = client.simulate_post(MODERATORS, json={"userId": str(mod.id)}, headers=streamer)
    assert (named.status_code, named.json["data"]["user"]["id"]) == (201, str(mod.id))
    assert len(client.simulate_get(MODERATORS, headers=streamer).json["data"]) == 1
    removal = {"userId": str(show.viewer.id), "streamId": str(show.stream.id)}
    gone = client.simulate_post("/api/moderation/removals", json=removal, headers=bearer(mod))
    assert gone.json["data"] == {"userId": str(show.viewer.id), "deleted": 1}
    assert client.simulate_get(f"/api/chat/{show.stream.id}").json["data"][0]["text"] == ""
    assert client.simulate_delete(f"{MODERATORS}/{mod.id}", headers=streamer).status_code == 200
    assert client.simulate_delete(f"{MODERATORS}/{mod.id}", headers=streamer).status_code == 404
    assert client.simulate_delete(f"{MODERATORS}/x", headers=streamer).status_code == 404
    log = client.simulate_get(LOG, params={"limit": "2"}, headers=streamer).json
    assert [entry["action"] for entry in log["data"]] == ["REMOVE_MODERATOR", "DELETE_MESSAGES"]
    older = client.simulate_get(LOG, params={"cursor": log["meta"]["nextCursor"]}, headers=streamer).json["data"]
    assert [entry["action"] for entry in older] == ["ADD_MODERATOR"]
    assert client.simulate_get(LOG, params={"action": "DANCE"}, headers=streamer).status_code == 400


def test_a_report_waits_in_the_queue_until_it_is_resolved(client: Client, show: Show) -> None:
    reporter = make_user()
    body = {"messageId": show.message["id"], "reason": "rude"}
    made = client.simulate_post(REPORTS, json=body, headers=bearer(reporter))
    assert made.status_code == 201, made.json
    again = client.simulate_post(REPORTS, json=body, headers=bearer(reporter))
    assert (again.status_code, again.json["code"]) == (409, "already_reported")
    queue = client.simulate_get(REPORTS, headers=bearer(show.streamer)).json["data"]
    assert [report["excerpt"] for report in queue] == ["hello"]
    one = f"{REPORTS}/{made.json['data']['id']}"
    answer = {"status": "RESOLVED", "outcome": "Timed out."}
    assert client.simulate_patch(one, json=answer, headers=bearer(reporter)).status_code == 404
    assert client.simulate_patch(one, json={"status": "MAYBE"}, headers=bearer(show.streamer)).status_code == 400
    done = client.simulate_patch(one, json=answer, headers=bearer(show.streamer)).json["data"]
    assert (done["status"], done["outcome"], done["resolvedBy"]["id"]) == (
        "RESOLVED",
        "Timed out.",
        str(show.streamer.id),
    )
    assert client.simulate_patch(one, json=answer, headers=bearer(show.streamer)).status_code == 409
    told = client.simulate_get("/api/notifications", headers=bearer(reporter)).json["data"]
    assert [(item["kind"], item["body"]) for item in told] == [("moderation", "Timed out.")]
    resolved = client.simulate_get(REPORTS, params={"status": "RESOLVED"}, headers=bearer(show.staff)).json["data"]
    assert len(resolved) == 1


def test_an_author_changes_their_words(client: Client, show: Show) -> None:
    one = f"/api/messages/{show.message['id']}"
    edited = client.simulate_patch(one, json={"text": "hello!"}, headers=bearer(show.viewer))
    assert (edited.status_code, edited.json["data"]["text"]) == (200, "hello!")
    assert edited.json["data"]["editedAt"]
    assert client.simulate_get(f"/api/chat/{show.stream.id}").json["data"] == [edited.json["data"]]
    assert client.simulate_patch(one, json={"text": "x"}, headers=bearer(show.streamer)).status_code == 403
    assert client.simulate_patch(one, json={"text": ""}, headers=bearer(show.viewer)).status_code == 400


@pytest.mark.parametrize("path", ["/api/lounges", "/lounges"])
def test_a_lounge_is_opened_talked_in_and_closed(client: Client, path: str) -> None:
    owner, guest = bearer(make_user()), make_user()
    made = client.simulate_post(path, json={"name": "Den", "visibility": "PRIVATE"}, headers=owner)
    assert made.status_code == 201, made.json
    lounge = made.json["data"]
    one = made.headers["location"]
    body = {"loungeId": lounge["id"], "text": "hello"}
    assert client.simulate_post("/api/messages", json=body, headers=bearer(guest)).status_code == 404
    invitation = {"username": guest.username}
    asked = client.simulate_post(f"{one}/invitations", json=invitation, headers=owner)
    assert asked.status_code == 201, asked.json
    sent = client.simulate_post("/api/messages", json=body, headers=bearer(guest)).json["data"]
    assert sent["room"] == lounge["room"] == f"lounge:{lounge['id']}"
    assert client.simulate_get(f"{one}/messages", headers=owner).json["data"] == [sent]
    assert [item["id"] for item in client.simulate_get(path, headers=bearer(guest)).json["data"]] == [lounge["id"]]
    assert client.simulate_get(path, headers=bearer(make_user())).json["data"] == []
    settings = client.simulate_put(f"{one}/chat-settings", json={"slowModeSeconds": 30}, headers=owner).json["data"]
    assert settings["slowModeSeconds"] == 30
    assert client.simulate_patch(one, json={"name": "Lair"}, headers=bearer(guest)).status_code == 403
    assert client.simulate_patch(one, json={"name": "Lair"}, headers=owner).json["data"]["name"] == "Lair"
    assert client.simulate_delete(one, headers=owner).json["data"]["archivedAt"]
    assert client.simulate_delete(one, headers=owner).status_code == 409
    assert client.simulate_post("/api/messages", json=body, headers=owner).status_code == 404
    assert client.simulate_get(f"{one}/messages", headers=bearer(guest)).json["data"] == [sent]


def test_bad_lounges_are_refused(client: Client) -> None:
    headers = bearer(make_user())
    for body in ({}, {"name": ""}, {"name": "x" * 81}, {"name": "x", "visibility": "SECRET"}, {"name": "x", "a": 1}):
        assert client.simulate_post("/api/lounges", json=body, headers=headers).status_code == 400
    assert client.simulate_get(f"/api/lounges/{new_id()}", headers=headers).status_code == 404
    assert client.simulate_get("/api/lounges/nonsense", headers=headers).status_code == 404
    assert client.simulate_get("/api/lounges").status_code == 401


def test_raid_protection_is_a_setting_of_the_chat(client: Client, show: Show) -> None:
    settings = {"raidProtection": "ACCOUNT_AGE", "raidProtectionMinutes": 60}
    changed = client.simulate_put("/api/stream/chat-settings", json=settings, headers=bearer(show.streamer))
    assert changed.json["data"]["raidProtection"] == "ACCOUNT_AGE"
    refused = show.say(show.viewer, "raid!")
    assert (refused.status_code, refused.json["code"]) == (403, "raid_protection")


def test_nobody_reports_themselves_and_hears_by_which_field(client: Client, show: Show) -> None:
    headers = bearer(show.viewer)
    post = client.simulate_post("/api/content/posts", json={"text": "x"}, headers=headers).json["data"]["id"]
    for field, target in (("messageId", show.message["id"]), ("userId", str(show.viewer.id)), ("postId", post)):
        refused = client.simulate_post("/api/moderation/reports", json={field: target, "reason": "x"}, headers=headers)
        assert (refused.status_code, refused.json["details"][0]["field"]) == (400, field)
