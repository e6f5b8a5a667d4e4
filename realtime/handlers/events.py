"""Commands of an event's audience: upvoting a question, voting in a poll."""

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import UpvoteQuestion, VotePoll
from realtime.router import Reply, command
from services import polls, questions
from services.polls import Poll
from services.questions import Question


class Upvoted(msgspec.Struct, frozen=True):
    """The answer to an upvote."""

    question: Question


class Voted(msgspec.Struct, frozen=True):
    """The answer to a vote."""

    poll: Poll


@command("upvote_question")
async def upvote_question(client: Client, said: UpvoteQuestion, hall: Hall) -> Reply:
    """Upvote a question, once."""
    actor = await hall.actor_of(client)
    return Reply(Upvoted(await hall.threads.query(questions.upvote, actor, said.question_id)))


@command("vote_poll")
async def vote_poll(client: Client, said: VotePoll, hall: Hall) -> Reply:
    """Vote in a poll, once."""
    actor = await hall.actor_of(client)
    return Reply(Voted(await hall.threads.query(polls.vote, actor, said.poll_id, said.chosen)))
