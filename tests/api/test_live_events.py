"""An organiser's whole job over HTTP, and what others may know of it."""

from datetime import timedelta
from typing import Any

import pytest
from falcon import testing

from services import broadcasts
from services.actors import Role
from services.errors import Conflict, Forbidden
from services.media_facts import MediaFacts
from services.projects import Stage
from tests.factories import bearer, make_user
from tests.live_events import START, make_event, make_organiser, make_poll, make_session, make_survey

Client = testing.TestClient
HERE: dict[str, Any] = {"server": "here", "remote_address": "127.0.0.1"}


@pytest.fixture
def organiser() -> dict[str, str]:
    return bearer(make_organiser())


@pytest.fixture
def viewer() -> dict[str, str]:
    return bearer(make_user())


def times(hours: float = 1) -> dict[str, str]:
    return {"startTime": START.isoformat(), "endTime": (START + timedelta(hours=hours)).isoformat()}


def new_event(client: Client, organiser: dict[str, str], **fields: Any) -> dict[str, Any]:
    project = client.simulate_post("/api/projects", json={"name": "P"}, headers=organiser).json["data"]
    body = {"projectId": project["id"], "title": "Launch Día", **times()} | fields
    result = client.simulate_post("/api/events", json=body, headers=organiser)
    assert result.status_code == 201, result.text
    assert result.headers["location"] == f"/api/events/{result.json['data']['id']}"
    return dict(result.json["data"])


def test_a_draft_project_is_known_to_organisers_alone(client: Client, organiser: Any, viewer: Any) -> None:
    created = client.simulate_post("/api/projects", json={"name": "P", "isOnDemand": True}, headers=organiser)
    path = f"/api/projects/{created.json['data']['id']}"
    assert client.simulate_get(path, headers=viewer).status_code == 404
    assert client.simulate_get("/api/projects", headers=viewer).status_code == 403
    edited = client.simulate_patch(path, json={"status": "LIVE", "youtubeVideoId": "dQw4w9WgXcQ"}, headers=organiser)
    assert edited.json["data"]["youtubeVideoId"] == "dQw4w9WgXcQ"
    assert client.simulate_get(path, headers=viewer).json["data"]["isOnDemand"] is True
    assert client.simulate_post("/api/projects", json={"name": "P"}, headers=viewer).status_code == 403
    assert client.simulate_delete(path, headers=organiser).status_code == 200
    assert client.simulate_get(path, headers=organiser).status_code == 404


def test_slugs_are_made_from_titles_and_made_unique(client: Client, organiser: Any) -> None:
    assert new_event(client, organiser)["slug"] == "launch-dia"
    assert new_event(client, organiser)["slug"] == "launch-dia-2"
    assert new_event(client, organiser, title="live")["slug"] == "event-live"
    assert new_event(client, organiser, title="東京")["slug"] == "event"
    mine = new_event(client, organiser, slug="mine")
    for body, status in (({"slug": "launch-dia"}, 409), ({"slug": "live"}, 400), ({"slug": "Not Good"}, 400)):
        assert client.simulate_patch(f"/api/events/{mine['id']}", json=body, headers=organiser).status_code == status
    taken = {"projectId": mine["projectId"], "title": "x", "slug": "mine", **times()}
    assert client.simulate_post("/api/events", json=taken, headers=organiser).json["code"] == "slug_taken"


def test_an_event_is_found_by_id_and_by_slug_once_it_is_no_draft(client: Client, organiser: Any, viewer: Any) -> None:
    event = new_event(client, organiser)
    for key in (event["id"], event["slug"]):
        assert client.simulate_get(f"/api/events/{key}", headers=viewer).status_code == 404
        assert client.simulate_get(f"/api/events/{key}", headers=organiser).json["data"]["id"] == event["id"]
    assert client.simulate_get("/api/events", headers=viewer).json["data"] == []
    assert client.simulate_get("/api/events/live", headers=viewer).json["data"] is None
    client.simulate_patch(f"/api/events/{event['id']}", json={"status": "LIVE"}, headers=organiser)
    assert client.simulate_get(f"/api/events/{event['slug']}", headers=viewer).json["data"]["status"] == "LIVE"
    assert client.simulate_get("/api/events/live", headers=viewer).json["data"]["id"] == event["id"]
    for status, expected in (("LIVE", 1), ("ENDED", 0)):
        found = client.simulate_get("/api/events", params={"status": status}, headers=viewer).json["data"]
        assert len(found) == expected


@pytest.mark.parametrize("key", ["nothing-here", "%00", "Not%20a%20slug", "..", "x" * 3000])
def test_an_event_that_is_none_is_404(client: Client, viewer: Any, key: str) -> None:
    for path in (f"/api/events/{key}", f"/api/sessions/event/{key}", f"/api/streams/event/{key}/active"):
        assert client.simulate_get(path, headers=viewer).status_code == 404


def test_what_ends_before_it_starts_is_refused(client: Client, organiser: Any) -> None:
    event = new_event(client, organiser)
    wrong = {"startTime": START.isoformat(), "endTime": (START - timedelta(hours=1)).isoformat()}
    for path, body in (
        ("/api/events", {"projectId": event["projectId"], "title": "x", **wrong}),
        ("/api/sessions", {"eventId": event["id"], "title": "x", **wrong}),
    ):
        result = client.simulate_post(path, json=body, headers=organiser)
        assert (result.status_code, result.json["details"][0]["field"]) == (400, "endTime")
    later = {"startTime": (START + timedelta(days=1)).isoformat()}
    assert client.simulate_patch(f"/api/events/{event['id']}", json=later, headers=organiser).status_code == 400
    strange = {"projectId": event["projectId"], "title": "x", **times(), "nonsense": 1}
    assert (
        client.simulate_post("/api/events", json=strange, headers=organiser).json["details"][0]["field"] == "nonsense"
    )


def test_sessions_come_in_the_order_in_which_they_begin(client: Client, organiser: Any, viewer: Any) -> None:
    event = new_event(client, organiser, status="LIVE")
    made = []
    for hour in (2, 0, 1):
        start = START + timedelta(hours=hour)
        body = {"eventId": event["id"], "title": f"s{hour}", "speaker": "Ada"}
        body |= {"startTime": start.isoformat(), "endTime": (start + timedelta(hours=1)).isoformat()}
        made.append(client.simulate_post("/api/sessions", json=body, headers=organiser).json["data"])
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        result = client.simulate_get(f"/api/sessions/event/{event['slug']}", params=params, headers=viewer).json
        seen += [session["title"] for session in result["data"]]
        cursor = result["meta"]["nextCursor"]
        if cursor is None:
            break
    assert seen == ["s0", "s1", "s2"]
    edited = client.simulate_patch(f"/api/sessions/{made[0]['id']}", json={"speaker": "Bob"}, headers=organiser)
    assert (edited.json["data"]["speaker"], edited.json["data"]["room"]) == ("Bob", f"session:{made[0]['id']}")
    assert client.simulate_delete(f"/api/sessions/{made[0]['id']}", headers=organiser).status_code == 200
    assert client.simulate_patch(f"/api/sessions/{made[0]['id']}", json={}, headers=organiser).status_code == 404


def test_an_event_has_one_main_stage(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event()
    made = [
        client.simulate_post(
            "/api/rooms", json={"eventId": str(event.id), "name": name, "isMainStage": main}, headers=organiser
        ).json["data"]
        for name, main in (("side", False), ("old stage", True), ("new stage", True))
    ]
    path = f"/api/rooms/event/{event.id}"
    found = client.simulate_get(path, headers=viewer).json["data"]
    assert [(room["name"], room["isMainStage"]) for room in found] == [
        ("new stage", True), ("side", False), ("old stage", False),
    ]  # fmt: skip
    assert (found[0]["peopleCount"], found[0]["people"], found[0]["room"]) == (0, [], f"breakout:{made[2]['id']}")
    client.simulate_patch(f"/api/rooms/{made[0]['id']}", json={"isMainStage": True, "topic": "x"}, headers=organiser)
    assert client.simulate_get(path, headers=viewer, params={"limit": 1}).json["data"][0]["name"] == "side"
    assert client.simulate_delete(f"/api/rooms/{made[1]['id']}", headers=organiser).status_code == 200
    assert len(client.simulate_get(path, headers=viewer).json["data"]) == 2


@pytest.mark.parametrize(
    "thumbnail", ["javascript:alert(1)", "http://127.0.0.1/x.png", "https://me:secret@example.org/x"]
)
def test_the_picture_of_a_breakout_room_is_a_public_one(client: Client, organiser: Any, thumbnail: str) -> None:
    body = {"eventId": str(make_event().id), "name": "side"}
    refused = client.simulate_post("/api/rooms", json=body | {"thumbnail": thumbnail}, headers=organiser)
    assert refused.status_code == 400
    made = client.simulate_post(
        "/api/rooms", json=body | {"thumbnail": "https://example.org/x.webp"}, headers=organiser
    )
    assert made.status_code == 201
    path = f"/api/rooms/{made.json['data']['id']}"
    assert client.simulate_patch(path, json={"thumbnail": thumbnail}, headers=organiser).status_code == 400


def test_what_belongs_to_a_draft_is_not_known_to_others(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event(Stage.DRAFT)
    session = make_session(event)
    poll = make_poll(session.id)
    for path in (
        f"/api/sessions/event/{event.id}", f"/api/rooms/event/{event.id}", f"/api/events/{event.id}/streams",
        f"/api/streams/event/{event.id}/active", f"/api/questions/session/{session.id}",
        f"/api/polls/session/{session.id}", f"/api/polls/session/{session.id}/active",
        f"/api/surveys/session/{session.id}", f"/api/messages/session/{session.id}",
    ):  # fmt: skip
        assert client.simulate_get(path, headers=viewer).status_code == 404, path
        assert client.simulate_get(path, headers=organiser).status_code == 200, path
    for path, body in (
        ("/api/questions", {"sessionId": str(session.id), "text": "x"}),
        ("/api/messages", {"sessionId": str(session.id), "text": "x"}),
        ("/api/polls/vote", {"pollId": str(poll.id), "optionId": str(poll.options[0].id)}),
        (f"/api/events/{event.id}/join", {}),
    ):
        assert client.simulate_post(path, json=body, headers=viewer).status_code == 404, path


def test_messages_of_a_session_are_sent_and_read_over_http(client: Client, viewer: Any) -> None:
    session = make_session()
    for text in ("one", "two"):
        body = {"sessionId": str(session.id), "text": text}
        sent = client.simulate_post("/api/messages", json=body, headers=viewer)
        assert (sent.status_code, sent.json["data"]["room"]) == (201, f"session:{session.id}")
    found = client.simulate_get(f"/api/messages/session/{session.id}", headers=viewer).json["data"]
    assert [message["text"] for message in found] == ["two", "one"]
    pinned = client.simulate_patch(f"/api/messages/{found[0]['id']}/pin", headers=bearer(make_organiser()))
    assert (pinned.json["data"]["isPinned"], pinned.json["data"]["room"]) == (True, f"session:{session.id}")


def test_a_source_elsewhere_goes_on_air_and_another_is_refused(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event()
    path = f"/api/events/{event.id}/streams"
    youtube = {"sourceType": "YOUTUBE", "sourceUrl": "https://youtu.be/dQw4w9WgXcQ?t=3", "status": "LIVE"}
    made = client.simulate_post(path, json=youtube, headers=organiser)
    assert (made.status_code, made.json["data"]["youtubeVideoId"]) == (201, "dQw4w9WgXcQ")
    hls = {"sourceType": "HLS", "sourceUrl": "https://cdn.example.com/a.m3u8"}
    second = client.simulate_post(path, json=hls, headers=organiser).json["data"]
    assert (second["status"], second["playback"]["hls"]) == ("IDLE", "https://cdn.example.com/a.m3u8")
    refused = client.simulate_patch(f"{path}/{second['id']}", json={"status": "LIVE"}, headers=organiser)
    assert refused.json["code"] == "another_stream_live"
    active = client.simulate_get(f"/api/streams/event/{event.id}/active", headers=viewer).json["data"]
    assert (active["id"], active["isLive"]) == (made.json["data"]["id"], True)
    client.simulate_patch(f"{path}/{active['id']}", json={"status": "ENDED"}, headers=organiser)
    on_air = client.simulate_patch(f"{path}/{second['id']}", json={"status": "LIVE"}, headers=organiser)
    assert on_air.json["data"]["status"] == "LIVE"
    assert client.simulate_get("/api/streams", headers=viewer).json["data"] == []


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("HLS", "http://127.0.0.1/a.m3u8"), ("HLS", "http://2130706433/a.m3u8"), ("HLS", "http://0x7f.1/a"),
        ("HLS", "http://[::1]/a"), ("HLS", "http://[::ffff:10.0.0.1]/a"), ("HLS", "http://10.0.0.1/a"),
        ("HLS", "http://169.254.169.254/latest"), ("HLS", "http://localhost/a"), ("HLS", "http://db.internal/a"),
        ("HLS", "http://printer/a"), ("HLS", "https://user:pw@example.com/a"), ("HLS", "file:///etc/passwd"),
        ("HLS", "https://example.com:99999/a"), ("HLS", "http://127。0。0。1/a"), ("RTMP", "rtmp://192.168.1.2/live"),
        ("RTMP", "https://example.com/a"), ("YOUTUBE", "https://evil.example/watch?v=dQw4w9WgXcQ"),
        ("YOUTUBE", "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ"), ("YOUTUBE", "javascript:alert(1)"),
        ("HLS", None),
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_media_are_refused(client: Client, source: str, url: str | None) -> None:
    body = {"sourceType": source} | ({"sourceUrl": url} if url else {})
    path = f"/api/events/{make_event().id}/streams"
    result = client.simulate_post(path, json=body, headers=bearer(make_organiser()))
    assert (result.status_code, result.json["details"][0]["field"]) == (400, "sourceUrl")


def test_an_event_is_broadcast_with_a_key_of_its_own(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event()
    path = f"/api/events/{event.id}/streams"
    made = client.simulate_post(path, json={"sourceType": "RTMP", "title": "Main"}, headers=organiser).json["data"]
    assert made["status"] == "IDLE"
    grant = broadcasts.authorize(made["ingest"]["streamKey"], **HERE)
    assert (grant.user_id, grant.username) == (None, event.slug)
    live = broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert (str(live.id), live.event_id, live.streamer) == (made["id"], event.id, None)
    active = client.simulate_get(f"/api/streams/event/{event.slug}/active", headers=viewer).json["data"]
    assert (active["title"], active["ingest"], active["playback"]["hls"] is None) == ("Main", None, False)
    assert client.simulate_get(f"/api/streams/{made['id']}", headers=viewer).json["data"]["eventId"] == str(event.id)
    assert client.simulate_get("/api/streams").json["data"] == []
    rotated = client.simulate_post(f"/api/events/{event.id}/stream-key", headers=organiser).json["data"]
    assert broadcasts.authorize(rotated["streamKey"], **HERE).channel_id == grant.channel_id
    with pytest.raises(Forbidden):
        broadcasts.authorize(made["ingest"]["streamKey"], **HERE)


def test_an_encoder_cannot_take_over_what_another_source_shows(client: Client, organiser: Any) -> None:
    path = f"/api/events/{make_event().id}/streams"
    made = client.simulate_post(path, json={"sourceType": "RTMP"}, headers=organiser).json["data"]
    video = {"sourceType": "YOUTUBE", "sourceUrl": "dQw4w9WgXcQ", "status": "LIVE"}
    client.simulate_post(path, json=video, headers=organiser)
    grant = broadcasts.authorize(made["ingest"]["streamKey"], **HERE)
    with pytest.raises(Conflict) as refused:
        broadcasts.go_live(grant, MediaFacts(), **HERE)
    assert refused.value.code == "another_source_live"


def test_ending_an_event_ends_what_it_shows_and_closes_its_polls(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event()
    session = make_session(event)
    make_poll(session.id)
    streams = f"/api/events/{event.id}/streams"
    made = client.simulate_post(streams, json={"sourceType": "RTMP"}, headers=organiser).json["data"]
    grant = broadcasts.authorize(made["ingest"]["streamKey"], **HERE)
    broadcasts.go_live(grant, MediaFacts(), **HERE)
    client.simulate_patch(f"/api/events/{event.id}", json={"status": "ENDED"}, headers=organiser)
    assert client.simulate_get(f"/api/streams/event/{event.id}/active", headers=viewer).json["data"] is None
    assert client.simulate_get(f"/api/polls/session/{session.id}/active", headers=viewer).json["data"] is None
    for path, body in (
        ("/api/questions", {"sessionId": str(session.id), "text": "x"}),
        (f"/api/events/{event.id}/join", {}),
    ):
        assert client.simulate_post(path, json=body, headers=viewer).json["code"] == "event_ended"
    with pytest.raises(Forbidden):
        broadcasts.authorize(made["ingest"]["streamKey"], **HERE)


@pytest.mark.parametrize("on_demand", [True, False])
def test_an_ended_event_is_watched_on_demand_where_its_project_says_so(
    client: Client, organiser: Any, viewer: Any, on_demand: bool
) -> None:
    event = make_event(on_demand=on_demand)
    path = f"/api/events/{event.id}/streams"
    url = "https://cdn.example.com/a.m3u8"
    client.simulate_post(path, json={"sourceType": "HLS", "sourceUrl": url, "status": "LIVE"}, headers=organiser)
    client.simulate_patch(f"/api/events/{event.id}", json={"status": "ENDED"}, headers=organiser)
    [stream] = client.simulate_get(path, headers=viewer).json["data"]
    assert stream["playback"]["hls"] == (url if on_demand else None)
    assert stream["sourceUrl"] == (url if on_demand else None)


def test_a_copy_has_the_plan_and_nothing_of_what_happened(client: Client, organiser: Any, viewer: Any) -> None:
    event = make_event(title="Template")
    session = make_session(event)
    poll = make_poll(session.id)
    make_survey(session.id)
    client.simulate_post("/api/rooms", json={"eventId": str(event.id), "name": "Hall"}, headers=organiser)
    vote = {"pollId": str(poll.id), "optionId": str(poll.options[0].id)}
    assert client.simulate_post("/api/polls/vote", json=vote, headers=viewer).status_code == 200
    start = (START + timedelta(days=7)).isoformat()
    copied = client.simulate_post(f"/api/events/{event.slug}/copy", json={"startTime": start}, headers=organiser)
    copy = copied.json["data"]
    assert (copied.status_code, copy["status"], copy["title"]) == (201, "DRAFT", "Template (copy)")
    assert copy["endTime"] == "2030-05-08T21:00:00Z"
    [other] = client.simulate_get(f"/api/sessions/event/{copy['id']}", headers=organiser).json["data"]
    assert (other["startTime"], other["speaker"]) == ("2030-05-08T18:00:00Z", "Dr. Speaker")
    [ballot] = client.simulate_get(f"/api/polls/session/{other['id']}", headers=organiser).json["data"]
    assert (ballot["status"], ballot["totalVotes"], len(ballot["options"])) == ("DRAFT", 0, 3)
    [survey] = client.simulate_get(f"/api/surveys/session/{other['id']}", headers=organiser).json["data"]
    assert [field["type"] for field in survey["fields"]] == ["RATING", "CHOICE", "TEXT"]
    rooms = client.simulate_get(f"/api/rooms/event/{copy['id']}", headers=organiser).json["data"]
    assert [room["name"] for room in rooms] == ["Hall"]


def test_deleting_a_project_leaves_nothing_of_its_events(client: Client, organiser: Any) -> None:
    event = make_event()
    session = make_session(event)
    client.simulate_post(f"/api/events/{event.id}/streams", json={"sourceType": "RTMP"}, headers=organiser)
    client.simulate_post("/api/messages", json={"sessionId": str(session.id), "text": "x"}, headers=organiser)
    assert client.simulate_delete(f"/api/projects/{event.project_id}", headers=organiser).status_code == 200
    assert client.simulate_get(f"/api/events/{event.id}", headers=organiser).status_code == 404
    assert client.simulate_get(f"/api/messages/session/{session.id}", headers=organiser).status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STREAMER, Role.MODERATOR])
def test_only_administrators_organise(client: Client, role: Role) -> None:
    headers = bearer(make_user(role=role))
    session = make_session()
    event, id_ = session.event_id, session.id
    for method, path in (
        ("POST", "/api/projects"), ("POST", "/api/events"), ("PATCH", f"/api/events/{event}"),
        ("DELETE", f"/api/events/{event}"), ("POST", f"/api/events/{event}/copy"), ("POST", "/api/rooms"),
        ("POST", f"/api/events/{event}/streams"), ("GET", f"/api/events/{event}/attendance"),
        ("POST", "/api/sessions"), ("PATCH", f"/api/sessions/{id_}"), ("DELETE", f"/api/sessions/{id_}"),
        ("POST", "/api/polls"), ("POST", "/api/surveys"), ("GET", f"/api/surveys/{id_}/results"),
    ):  # fmt: skip
        assert client.simulate_request(method, path, json={}, headers=headers).status_code == 403, path
