"""What a room is told of its questions and polls: read when it is told, so that it is true at the end."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from db.connection import query
from services.events import BoardChanged
from services.polls import Poll
from services.questions import Question, board, pinned_question


class QuestionsUpdated(msgspec.Struct, frozen=True, tag="questions_updated", tag_field="type", rename="camel"):
    """A session's most upvoted questions, and the one on the stage."""

    session_id: UUID
    questions: list[Question]
    pinned: Question | None


def questions_updated(session_id: UUID) -> bytes:
    """The `questions_updated` event of a session as it is now."""
    return msgspec.json.encode(QuestionsUpdated(session_id, board(session_id), pinned_question(session_id)))


def poll_updated(poll: Poll) -> bytes:
    """The `poll_updated` event of a poll."""
    return b'{"type":"poll_updated",' + msgspec.json.encode(poll)[1:]


_BOARDS = """
SELECT s.room_id, s.id, NULL::uuid FROM event_sessions s WHERE s.room_id = ANY (%(rooms)s::uuid[])
UNION ALL
SELECT s.room_id, s.id, p.id FROM event_sessions s JOIN polls p ON p.session_id = s.id
WHERE s.room_id = ANY (%(rooms)s::uuid[]) AND (p.status = 'OPEN' OR p.updated_at > now() - interval '10 minutes')"""


def boards_in(room_ids: Sequence[UUID]) -> list[tuple[UUID, BoardChanged]]:
    """Everything of these rooms that may have changed while nothing was heard, each with its room."""
    rows = query(_BOARDS, {"rooms": list(room_ids)})
    return [(room_id, BoardChanged(session_id=session_id, poll_id=poll_id)) for room_id, session_id, poll_id in rows]
