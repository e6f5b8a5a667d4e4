"""Routes of an event's audience: questions, polls, surveys."""

from api.resources import polls, questions, surveys
from api.route_tables.access import ADMIN, MODERATOR, USER
from api.routing import CSV, ENVELOPE, Area, Route
from api.schemas.lists import ListQuery
from api.schemas.live_events import Activation, AnswerMark, Hiding, Pinning, Vote
from services.polls import Poll, PollDraft
from services.questions import NewQuestion, Question
from services.survey_results import SurveyResults
from services.surveys import Answered, Survey, SurveyDraft, SurveyResponseDraft

question, poll, survey = Area("questions"), Area("polls"), Area("surveys")

AUDIENCE: tuple[Route, ...] = (
    question.get(
        "/api/questions/session/{sessionId}",
        questions.QuestionsOfSession,
        USER,
        "Questions by upvotes; all as CSV for moderators with Accept: text/csv",
        query=ListQuery,
        sends=(ENVELOPE, CSV),
        reply=Question,
        paged=True,
    ),
    question.post(
        "/api/questions",
        questions.Questions,
        USER,
        "Ask a question",
        body=NewQuestion,
        reply=Question,
        status=201,
        once=True,
    ),
    question.patch(
        "/api/questions/{id}/upvote", questions.Upvote, USER, "Upvote once; a second time is 409", reply=Question
    ),
    question.patch(
        "/api/questions/{id}/answer",
        questions.AnsweredQuestion,
        MODERATOR,
        "Mark as answered",
        body=AnswerMark,
        reply=Question,
    ),
    question.patch(
        "/api/questions/{id}/hide",
        questions.HiddenQuestion,
        MODERATOR,
        "Hide or show a question",
        body=Hiding,
        reply=Question,
    ),
    question.patch(
        "/api/questions/{id}/pin",
        questions.PinnedQuestion,
        MODERATOR,
        "Put a question on the stage, in place of another, or take it down",
        body=Pinning,
        reply=Question,
    ),
    question.patch(
        "/api/questions/{id}/approve",
        questions.ApprovedQuestion,
        MODERATOR,
        "Let a question pass review",
        reply=Question,
    ),
    poll.get(
        "/api/polls/session/{sessionId}",
        polls.PollsOfSession,
        USER,
        "Polls of a session with counts and my vote; as CSV for organisers with Accept: text/csv",
        query=ListQuery,
        sends=(ENVELOPE, CSV),
        reply=Poll,
        paged=True,
    ),
    poll.get(
        "/api/polls/session/{sessionId}/active",
        polls.ActivePoll,
        USER,
        "The active poll; null where there is none",
        reply=Poll | None,
    ),
    poll.post("/api/polls", polls.Polls, ADMIN, "Create a poll with options", body=PollDraft, reply=Poll, status=201),
    poll.post("/api/polls/vote", polls.Votes, USER, "Vote once; a second time is 409", body=Vote, reply=Poll),
    poll.patch(
        "/api/polls/{id}/activate", polls.PollActivation, ADMIN, "Activate or deactivate", body=Activation, reply=Poll
    ),
    survey.get(
        "/api/surveys/session/{sessionId}",
        surveys.SurveysOfSession,
        USER,
        "Surveys of a session",
        query=ListQuery,
        reply=Survey,
        paged=True,
    ),
    survey.post(
        "/api/surveys",
        surveys.Surveys,
        ADMIN,
        "Create a survey with fields (RATING, TEXT, CHOICE)",
        body=SurveyDraft,
        reply=Survey,
        status=201,
    ),
    survey.post(
        "/api/surveys/response",
        surveys.SurveyResponses,
        USER,
        "Answer a survey once; answers are checked against the fields",
        body=SurveyResponseDraft,
        reply=Answered,
        status=201,
    ),
    survey.get(
        "/api/surveys/{id}/results",
        surveys.SurveyResults,
        ADMIN,
        "Aggregated answers; CSV with Accept: text/csv",
        sends=(ENVELOPE, CSV),
        reply=SurveyResults,
    ),
)
