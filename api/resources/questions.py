"""Questions over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_if_any, parse_query
from api.schemas.lists import ListQuery
from api.schemas.live_events import AnswerMark, Hiding, Pinning
from api.spreadsheets import send_csv, wants_csv
from services import questions
from services.questions import NewQuestion, Question

HEADS = ["id", "username", "text", "upvotes", "isAnswered", "isHidden", "isPinned", "isApproved", "createdAt"]


class QuestionsOfSession:
    """The questions of a session, the most upvoted first; as CSV all of them at once."""

    def on_get(self, req: Request, resp: falcon.Response, sessionId: str) -> None:  # noqa: N803 - the route's own name
        if wants_csv(req):
            send_csv(resp, "questions", HEADS, map(_row, questions.all_questions(actor(req), sessionId)))
            return
        wanted = parse_query(req, ListQuery)
        page(resp, questions.questions_of(actor(req), sessionId, wanted.limit, wanted.cursor))


class Questions:
    """New questions."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        question = questions.ask(actor(req), parse(req, NewQuestion))
        created(resp, question, f"/api/questions/session/{question.session_id}")


class Upvote:
    """The caller's upvote."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, questions.upvote(actor(req), id))


class AnsweredQuestion:
    """Whether a question was answered."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, questions.mark_answered(actor(req), id, parse_if_any(req, AnswerMark).is_answered))


class HiddenQuestion:
    """Whether a question is hidden."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, questions.hide(actor(req), id, parse_if_any(req, Hiding).is_hidden))


class PinnedQuestion:
    """Whether a question is on the stage."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, questions.pin(actor(req), id, parse_if_any(req, Pinning).is_pinned))


class ApprovedQuestion:
    """A question that passes review."""

    def on_patch(self, req: Request, resp: falcon.Response, id: str) -> None:
        ok(resp, questions.approve(actor(req), id))


def _row(question: Question) -> list[object]:
    return [
        question.id,
        question.author.username if question.author else "",
        question.text,
        question.upvotes,
        *(question.is_answered, question.is_hidden, question.is_pinned, question.is_approved),
        question.created_at,
    ]
