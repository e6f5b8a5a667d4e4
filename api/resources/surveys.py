"""Surveys over HTTP."""

import falcon

from api.replies import created, ok, page
from api.requests import Request, actor, parse, parse_query
from api.schemas.lists import ListQuery
from api.spreadsheets import send_csv, wants_csv
from services import survey_results, surveys
from services.ids import known_id
from services.survey_results import Response
from services.surveys import SurveyDraft, SurveyResponseDraft


class SurveysOfSession:
    """The surveys of a session."""

    def on_get(self, req: Request, resp: falcon.Response, sessionId: str) -> None:  # noqa: N803 - the route's own name
        wanted = parse_query(req, ListQuery)
        page(resp, surveys.surveys_of(actor(req), sessionId, wanted.limit, wanted.cursor))


class Surveys:
    """New surveys."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        survey = surveys.create_survey(actor(req), parse(req, SurveyDraft))
        created(resp, survey, f"/api/surveys/session/{survey.session_id}")


class SurveyResponses:
    """The caller's response."""

    def on_post(self, req: Request, resp: falcon.Response) -> None:
        answered = surveys.respond(actor(req), parse(req, SurveyResponseDraft))
        created(resp, answered, f"/api/surveys/{answered.survey_id}/results")


class SurveyResults:
    """What the answers come to; as CSV a row for each response."""

    def on_get(self, req: Request, resp: falcon.Response, id: str) -> None:
        survey_id = known_id(id, "survey")
        if wants_csv(req):
            fields, responses = survey_results.all_responses(actor(req), survey_id)
            heads = ["username", "name", "createdAt", *(field.question for field in fields)]
            send_csv(resp, "survey", heads, map(_row, responses))
            return
        ok(resp, survey_results.results(actor(req), survey_id))


def _row(response: Response) -> list[object]:
    return [response.username, response.name, response.created_at, *response.values]
