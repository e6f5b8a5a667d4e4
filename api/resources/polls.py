"""Polls over HTTP."""

from collections.abc import Iterator

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_if_any, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import Activation, Vote
from api.spreadsheets import send_csv, wants_csv
from services import polls
from services.polls import Poll, PollDraft

HEADS = ["pollId", "question", "status", "voters", "option", "votes"]


class PollsOfSession:
    """The polls of a session; as CSV a row for each option."""

    def on_get(self, req: Request, resp: falcon.Response, sessionId: str) -> None:  # noqa: N803 - the route's own name
        if wants_csv(req):
            rows = (row for poll in polls.all_polls(actor(req), sessionId) for row in _rows(poll))
            send_csv(resp, "polls", HEADS, rows)
            return
        wanted = parse_query(req, ListQuery)
        page(resp, polls.polls_of(actor(req), sessionId, wanted.limit, wanted.cursor))


class ActivePoll:
    """The poll of a session that is open; null where none is."""

    def on_get(self, req: Request, resp: falcon.Response, sessionId: str) -> None:  # noqa: N803 - the route's own name
        ok(resp, polls.active_poll(actor(req), sessionId))


class Polls:
    """New polls."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        poll = polls.create_poll(actor(req), parse(req, PollDraft))
        created(resp, poll, f"/api/polls/session/{poll.session_id}")


class Votes:
    """The caller's vote."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        vote = parse(req, Vote)
        ok(resp, polls.vote(actor(req), vote.poll_id, vote.chosen))


class PollActivation:
    """Whether a poll is open."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, polls.activate(actor(req), id, parse_if_any(req, Activation).is_active))


def _rows(poll: Poll) -> Iterator[list[object]]:
    for option in poll.options:
        yield [poll.id, poll.question, poll.status, poll.total_votes, option.text, option.votes]
