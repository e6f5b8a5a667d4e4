"""What an audience does over HTTP: asking, upvoting, voting, answering, attending; and what is made of it."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from falcon import testing

from db.connection import query
from services import attendance_spans, clock, event_changes
from services.actors import Role
from services.attendance_spans import Visit
from services.event_sessions import visible_session
from services.ids import new_id
from services.live_events import EventPatch
from services.projects import Stage
from tests.factories import actor_of, bearer, make_user
from tests.live_events import ORGANISER, make_event, make_organiser, make_poll, make_session, make_survey

Client = testing.TestClient
CSV = {"Accept": "text/csv"}


@pytest.fixture
def organiser() -> dict[str, str]:
    return bearer(make_organiser())


@pytest.fixture
def viewer() -> dict[str, str]:
    return bearer(make_user())


def ask(client: Client, session: Any, headers: Any, text: str = "Why?") -> dict[str, Any]:
    result = client.simulate_post("/api/questions", json={"sessionId": str(session.id), "text": text}, headers=headers)
    assert result.status_code == 201, result.text
    return dict(result.json["data"])


def mark(client: Client, question: Any, what: str, headers: Any, **body: Any) -> testing.Result:
    return client.simulate_patch(f"/api/questions/{question['id']}/{what}", json=body or None, headers=headers)


def listed(client: Client, session: Any, headers: Any, **params: Any) -> list[dict[str, Any]]:
    return list(
        client.simulate_get(f"/api/questions/session/{session.id}", headers=headers, params=params).json["data"]
    )


def rows_of(result: testing.Result) -> list[list[str]]:
    assert result.headers["content-type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(result.text)))


def test_questions_are_listed_by_upvotes_and_then_by_age(client: Client, viewer: Any) -> None:
    session = make_session()
    first, second, third = (ask(client, session, viewer, text) for text in ("first", "second", "third"))
    for question, votes in ((third, 2), (second, 1), (first, 1)):
        for _ in range(votes):
            upvoted = mark(client, question, "upvote", bearer(make_user()))
    assert (upvoted.json["data"]["upvotes"], upvoted.json["data"]["upvotedByMe"]) == (1, True)
    assert [question["text"] for question in listed(client, session, viewer)] == ["third", "first", "second"]
    page = client.simulate_get(f"/api/questions/session/{session.id}", headers=viewer, params={"limit": 2}).json
    cursor = page["meta"]["nextCursor"]
    assert [q["text"] for q in listed(client, session, viewer, limit=2, cursor=cursor)] == ["second"]


def test_a_question_is_upvoted_once_and_everyone_sees_their_own_upvote(client: Client, viewer: Any) -> None:
    session = make_session()
    question = ask(client, session, viewer)
    assert mark(client, question, "upvote", viewer).json["data"]["upvotes"] == 1
    again = mark(client, question, "upvote", viewer)
    assert (again.status_code, again.json["code"]) == (409, "already_upvoted")
    assert listed(client, session, viewer)[0]["upvotedByMe"] is True
    other = listed(client, session, bearer(make_user()))[0]
    assert (other["upvotes"], other["upvotedByMe"]) == (1, False)
    for path in ("/api/questions/nonsense/upvote", f"/api/questions/{new_id()}/upvote"):
        assert client.simulate_patch(path, headers=viewer).status_code == 404


def test_moderators_answer_hide_and_show_questions(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    question = ask(client, session, viewer)
    moderator = bearer(make_user(role=Role.MODERATOR))
    for what in ("answer", "hide", "pin", "approve"):
        assert mark(client, question, what, viewer).status_code == 403
    assert mark(client, question, "answer", moderator).json["data"]["isAnswered"] is True
    assert mark(client, question, "hide", organiser).json["data"]["isHidden"] is True
    assert listed(client, session, viewer) == []
    assert len(listed(client, session, moderator)) == 1
    assert mark(client, question, "upvote", bearer(make_user())).status_code == 404
    assert mark(client, question, "hide", organiser).json["data"]["isHidden"] is False
    assert mark(client, question, "hide", organiser, isHidden=False).json["data"]["isHidden"] is False
    assert len(listed(client, session, viewer)) == 1


def test_one_question_is_on_the_stage(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    first, second = ask(client, session, viewer), ask(client, session, viewer)
    assert mark(client, first, "pin", organiser).json["data"]["isPinned"] is True
    assert mark(client, second, "pin", organiser).json["data"]["isPinned"] is True
    assert {q["id"]: q["isPinned"] for q in listed(client, session, viewer)} == {first["id"]: False, second["id"]: True}
    assert mark(client, second, "pin", organiser).json["data"]["isPinned"] is False


def test_reviewed_questions_show_once_they_are_approved(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session(reviewed=True)
    question = ask(client, session, viewer)
    other = bearer(make_user())
    assert question["isApproved"] is False
    assert [len(listed(client, session, who)) for who in (viewer, other, organiser)] == [1, 0, 1]
    assert mark(client, question, "upvote", other).status_code == 404
    assert mark(client, question, "approve", organiser).json["data"]["isApproved"] is True
    assert len(listed(client, session, other)) == 1
    assert ask(client, session, organiser)["isApproved"] is True


def test_questions_are_bounded_and_cleaned(client: Client, viewer: Any) -> None:
    session = make_session()
    for text in ("", "   ", "x" * 501, "a\u0000b"):
        body = {"sessionId": str(session.id), "text": text}
        assert client.simulate_post("/api/questions", json=body, headers=viewer).status_code == 400
    assert ask(client, session, viewer, "  two\nlines ")["text"] == "two lines"


def test_questions_are_taken_away_as_csv_by_moderators(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    for text in ("=1+1", 'say "hi", twice'):
        ask(client, session, viewer, text)
    path = f"/api/questions/session/{session.id}"
    assert client.simulate_get(path, headers=viewer | CSV).status_code == 403
    head, *rows = rows_of(client.simulate_get(path, headers=organiser | CSV))
    assert [row[head.index("text")] for row in rows] == ["'=1+1", 'say "hi", twice']


def vote(client: Client, poll: Any, headers: Any, *numbers: int) -> testing.Result:
    chosen = [str(poll.options[number].id) for number in numbers]
    body = {"optionId": chosen[0]} if len(chosen) == 1 else {"optionIds": chosen}
    return client.simulate_post("/api/polls/vote", json={"pollId": str(poll.id)} | body, headers=headers)


def test_a_vote_counts_once(client: Client, viewer: Any) -> None:
    session = make_session()
    poll = make_poll(session.id)
    data = vote(client, poll, viewer, 1).json["data"]
    assert ([option["votes"] for option in data["options"]], data["totalVotes"]) == ([0, 1, 0], 1)
    assert data["myVote"] == str(poll.options[1].id)
    again = vote(client, poll, viewer, 0)
    assert (again.status_code, again.json["code"]) == (409, "already_voted")
    other = client.simulate_get(f"/api/polls/session/{session.id}/active", headers=bearer(make_user())).json["data"]
    assert (other["totalVotes"], other["myVote"], other["myVotes"]) == (1, None, [])


def test_votes_that_do_not_fit_are_refused(client: Client, viewer: Any, organiser: Any) -> None:
    session = make_session()
    poll, other = make_poll(session.id), make_poll(make_session().id)
    stray = {"pollId": str(poll.id), "optionId": str(other.options[0].id)}
    result = client.simulate_post("/api/polls/vote", json=stray, headers=viewer)
    assert (result.status_code, result.json["code"]) == (400, "option_not_in_poll")
    assert vote(client, poll, viewer, 0, 1).json["code"] == "one_option"
    assert client.simulate_post("/api/polls/vote", json={"pollId": str(poll.id)}, headers=viewer).status_code == 400
    assert client.simulate_post(
        "/api/polls/vote", json={"pollId": str(new_id()), "optionId": str(new_id())}, headers=viewer
    ).status_code == 404  # fmt: skip
    client.simulate_patch(f"/api/polls/{poll.id}/activate", json={"isActive": False}, headers=organiser)
    result = vote(client, poll, viewer, 0)
    assert (result.status_code, result.json["code"]) == (409, "poll_inactive")


def test_several_options_are_chosen_where_the_poll_allows_it(client: Client, viewer: Any) -> None:
    poll = make_poll(make_session().id, is_multiple=True)
    data = vote(client, poll, viewer, 0, 2).json["data"]
    assert ([option["votes"] for option in data["options"]], data["totalVotes"]) == ([1, 0, 1], 1)
    assert data["myVotes"] == [str(poll.options[0].id), str(poll.options[2].id)]
    assert vote(client, poll, viewer, 1).json["code"] == "already_voted"


def test_opening_a_poll_closes_the_one_that_was_open(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    first, second, draft = make_poll(session.id), make_poll(session.id), make_poll(session.id, is_active=False)
    found = client.simulate_get(f"/api/polls/session/{session.id}", headers=viewer).json["data"]
    assert {poll["id"]: poll["status"] for poll in found} == {str(first.id): "CLOSED", str(second.id): "OPEN"}
    assert vote(client, draft, viewer, 0).status_code == 409
    opened = client.simulate_patch(f"/api/polls/{draft.id}/activate", headers=organiser).json["data"]
    assert (opened["isActive"], opened["status"]) == (True, "OPEN")
    active = client.simulate_get(f"/api/polls/session/{session.id}/active", headers=viewer).json["data"]
    assert active["id"] == str(draft.id)
    closed = client.simulate_patch(f"/api/polls/{draft.id}/activate", headers=organiser).json["data"]
    assert closed["status"] == "CLOSED"
    assert client.simulate_get(f"/api/polls/session/{session.id}/active", headers=viewer).json["data"] is None


def test_hidden_results_show_after_voting_or_closing_and_to_the_organiser(
    client: Client, organiser: Any, viewer: Any
) -> None:
    session = make_session()
    poll = make_poll(session.id, hides_results=True)
    path = f"/api/polls/session/{session.id}"

    def seen(headers: Any) -> list[int | None]:
        return [option["votes"] for option in client.simulate_get(path, headers=headers).json["data"][0]["options"]]

    other = bearer(make_user())
    assert [option["votes"] for option in vote(client, poll, viewer, 0).json["data"]["options"]] == [1, 0, 0]
    assert (seen(viewer), seen(other), seen(organiser)) == ([1, 0, 0], [None] * 3, [1, 0, 0])
    client.simulate_patch(f"/api/polls/{poll.id}/activate", json={"isActive": False}, headers=organiser)
    assert seen(other) == [1, 0, 0]


@pytest.mark.parametrize("options", [["a"], ["a"] * 11, ["a", ""], ["a", "A"], "ab"])
def test_a_poll_has_two_to_ten_different_options(client: Client, organiser: Any, options: Any) -> None:
    body = {"sessionId": str(make_session().id), "question": "?", "options": options}
    assert client.simulate_post("/api/polls", json=body, headers=organiser).status_code == 400


def test_polls_are_taken_away_as_csv_by_organisers(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    vote(client, make_poll(session.id, hides_results=True), viewer, 1)
    path = f"/api/polls/session/{session.id}"
    assert client.simulate_get(path, headers=viewer | CSV).status_code == 403
    head, *rows = rows_of(client.simulate_get(path, headers=organiser | CSV))
    assert [row[head.index("votes")] for row in rows] == ["0", "1", "0"]


def respond(client: Client, survey: Any, headers: Any, *values: Any) -> testing.Result:
    answers = [
        {"fieldId": str(field.id), "value": value}
        for field, value in zip(survey.fields, values, strict=False)
        if value is not ...
    ]
    body = {"surveyId": str(survey.id), "responses": answers}
    return client.simulate_post("/api/surveys/response", json=body, headers=headers)


def test_a_survey_is_answered_once_and_summed(client: Client, organiser: Any, viewer: Any) -> None:
    session = make_session()
    survey = make_survey(session.id)
    assert respond(client, survey, viewer, 5, "red", "Nice").status_code == 201
    again = respond(client, survey, viewer, 5)
    assert (again.status_code, again.json["code"]) == (409, "already_responded")
    respond(client, survey, bearer(make_user()), 2, ..., "=SUM(A1)")
    [seen] = client.simulate_get(f"/api/surveys/session/{session.id}", headers=viewer).json["data"]
    assert (seen["answeredByMe"], seen["responseCount"]) == (True, 2)
    path = f"/api/surveys/{survey.id}/results"
    rating, choice, text = client.simulate_get(path, headers=organiser).json["data"]["fields"]
    assert (rating["average"], rating["answers"]) == (3.5, 2)
    assert [count["count"] for count in rating["counts"]] == [0, 1, 0, 0, 1]
    assert choice["counts"] == [{"value": "red", "count": 1}, {"value": "blue", "count": 0}]
    assert text["texts"] == ["=SUM(A1)", "Nice"]
    head, *rows = rows_of(client.simulate_get(path, headers=organiser | CSV))
    assert head[3:] == ["How was it?", "Which one?", "Anything else?"]
    assert [row[3:] for row in rows] == [["5", "red", "Nice"], ["2", "", "'=SUM(A1)"]]


@pytest.mark.parametrize("values", [(0,), (6,), ("5",), (True,), (4.5,), (None,), (3, "green"), (3, 1), (3, "red", 7)])
def test_an_answer_must_fit_its_field(client: Client, viewer: Any, values: tuple[Any, ...]) -> None:
    survey = make_survey(make_session().id)
    result = respond(client, survey, viewer, *values)
    assert result.status_code == 400
    assert result.json["details"]


def test_strange_missing_and_repeated_answers_are_refused(client: Client, viewer: Any) -> None:
    survey = make_survey(make_session().id)
    rating = {"fieldId": str(survey.fields[0].id), "value": 3}
    for answers in ([], [rating, rating], [rating, {"fieldId": str(new_id()), "value": 3}]):
        body = {"surveyId": str(survey.id), "responses": answers}
        assert client.simulate_post("/api/surveys/response", json=body, headers=viewer).status_code == 400
    assert respond(client, survey, viewer, 3, "").status_code == 201


@pytest.mark.parametrize("field", [{"type": "CHOICE"}, {"type": "CHOICE", "options": ["a", "a"]}, {"type": "X"},
                                   {"type": "RATING", "options": ["a", "b"]}])  # fmt: skip
def test_a_survey_field_has_options_where_one_chooses(client: Client, organiser: Any, field: Any) -> None:
    body = {"sessionId": str(make_session().id), "title": "S", "fields": [{"question": "?"} | field]}
    assert client.simulate_post("/api/surveys", json=body, headers=organiser).status_code == 400


def test_joining_and_leaving_can_be_repeated(client: Client, organiser: Any) -> None:
    event, user = make_event(), make_user()
    headers, path = bearer(user), f"/api/events/{event.slug}"
    assert client.simulate_post(f"{path}/leave", headers=headers).json["code"] == "not_joined"
    joined = [client.simulate_post(f"{path}/join", headers=headers).json["data"] for _ in range(2)]
    assert joined[0] == joined[1]
    assert client.simulate_get(path, headers=headers).json["data"]["isJoined"] is True
    left = [client.simulate_post(f"{path}/leave", headers=headers).json["data"]["leftAt"] for _ in range(2)]
    assert left[0] == left[1]
    [row] = client.simulate_get(f"{path}/attendance", headers=organiser).json["data"]
    assert (row["user"]["username"], row["leftAt"], row["watchTimeSeconds"]) == (user.username, left[0], 0)
    again = client.simulate_post(f"{path}/join", headers=headers).json["data"]
    assert (again["joinedAt"], again["leftAt"]) == (joined[0]["joinedAt"], None)
    assert len(client.simulate_get(f"{path}/attendance", headers=organiser).json["data"]) == 1


def test_the_score_is_the_sum_of_its_parts(client: Client, organiser: Any) -> None:
    event, user = make_event(), make_user()
    session, headers = make_session(event), bearer(user)
    client.simulate_post("/api/messages", json={"sessionId": str(session.id), "text": "hi"}, headers=headers)
    mark(client, ask(client, session, headers), "upvote", headers)
    vote(client, make_poll(session.id), headers, 0)
    respond(client, make_survey(session.id), headers, 4)
    client.simulate_post(f"/api/events/{event.id}/join", headers=headers)
    be_there(session, user, minutes=10)
    [row] = client.simulate_get(f"/api/events/{event.id}/attendance", headers=organiser).json["data"]
    parts = {"messages": 1, "questions": 1, "upvotes": 1, "pollVotes": 1, "surveyAnswers": 1, "minutesWatched": 10}
    assert row["engagement"] == parts
    assert row["engagementScore"] == 1 + 5 + 1 + 3 + 5 + 10


def be_there(session: Any, user: Any, minutes: int) -> None:
    """The person was in the session's room for so long."""
    end = clock.now()
    room_id = session_room(session)
    visit = Visit(new_id(), room_id, user.id, end - timedelta(minutes=minutes), end)
    attendance_spans.record(new_id(), [visit])


def session_room(session: Any) -> Any:
    return visible_session(ORGANISER, session.id).room_id


def test_attendance_is_taken_away_as_csv_whole(client: Client, organiser: Any) -> None:
    event = make_event()
    for _ in range(3):
        client.simulate_post(f"/api/events/{event.id}/join", headers=bearer(make_user()))
    path = f"/api/events/{event.id}/attendance"
    head, *rows = rows_of(client.simulate_get(path, headers=organiser | CSV, params={"limit": 1}))
    assert (len(rows), head[4]) == (3, "watchTimeSeconds")
    first = client.simulate_get(path, headers=organiser, params={"limit": 2}).json
    rest = client.simulate_get(path, headers=organiser, params={"cursor": first["meta"]["nextCursor"]}).json
    assert [len(page["data"]) for page in (first, rest)] == [2, 1]


def test_an_event_that_ends_closes_its_polls_for_good(client: Client, viewer: Any, organiser: Any) -> None:
    event = make_event()
    poll = make_poll(make_session(event).id)
    event_changes.edit_event(actor_of(make_organiser()), str(event.id), EventPatch(status=Stage.ENDED))
    assert vote(client, poll, viewer, 0).json["code"] == "poll_inactive"
    result = client.simulate_patch(f"/api/polls/{poll.id}/activate", headers=organiser)
    assert result.json["code"] == "event_ended"


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("minutes", [None, 10])
def test_whoever_is_banned_neither_upvotes_nor_votes(
    client: Client, organiser: Any, viewer: Any, everywhere: bool, minutes: int | None
) -> None:
    session, who = make_session(), make_user()
    question, poll, banned = ask(client, session, viewer), make_poll(session.id), bearer(who)
    body: dict[str, Any] = {"userId": str(who.id)}
    body |= ({} if everywhere else {"sessionId": str(session.id)}) | ({"seconds": minutes * 60} if minutes else {})
    ban = client.simulate_post("/api/moderation/bans", json=body, headers=organiser).json["data"]
    vote = {"pollId": str(poll.id), "optionId": str(poll.options[0].id)}
    for refused in (
        mark(client, question, "upvote", banned),
        client.simulate_post("/api/polls/vote", json=vote, headers=banned),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "banned")
        assert refused.json.get("until") == ban["until"]
    assert listed(client, session, viewer)[0]["upvotes"] == 0
    client.simulate_delete(f"/api/moderation/bans/{ban['id']}", headers=organiser)
    assert mark(client, question, "upvote", banned).json["data"]["upvotes"] == 1
    assert client.simulate_post("/api/polls/vote", json=vote, headers=banned).json["data"]["totalVotes"] == 1


def test_a_ban_from_another_room_or_one_that_is_over_keeps_nobody_from_voting(
    client: Client, organiser: Any, viewer: Any
) -> None:
    session, elsewhere, who = make_session(), make_session(), make_user()
    question, poll, headers = ask(client, session, viewer), make_poll(session.id), bearer(who)
    for room in (elsewhere, session):
        body = {"userId": str(who.id), "sessionId": str(room.id), "seconds": 60}
        assert client.simulate_post("/api/moderation/bans", json=body, headers=organiser).status_code == 201
    query("UPDATE bans SET until = now() - interval '1 second' WHERE room_id = %s", (room_of(session),))
    vote = {"pollId": str(poll.id), "optionId": str(poll.options[0].id)}
    assert mark(client, question, "upvote", headers).status_code == 200
    assert client.simulate_post("/api/polls/vote", json=vote, headers=headers).status_code == 200


def room_of(session: Any) -> Any:
    return visible_session(ORGANISER, session.id).room_id
