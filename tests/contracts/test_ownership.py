"""A walk over every route that names a thing, with the tokens of strangers.

It is made from the route table: a route is covered on the day it is added. Whoever does not own a
thing is told 403 or 404, and nothing in the database is another afterwards; then the owner (or an
administrator) asks the same and is served, so that the refusal was not one of a wrong body.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from api.app import create_app
from api.routes import ROUTES
from api.routing import Access, Kind, Route
from db.connection import query
from db.models.users import User
from services.actors import Role
from services.bus import bus
from settings import Settings
from tests.bodies import is_struct, smallest
from tests.contracts.possessions import NAMED, THINGS, THINGS_OF, Possessions, Thing
from tests.factories import bearer, make_user

PLACE = re.compile(r"{(\w+)}")
WITH_IDS = [(route, path) for route in ROUTES for path in route.paths if "{" in path and route.access != "secret"]
BY_BODY = [
    (route, field)
    for route in ROUTES
    if route.kind is Kind.JSON and is_struct(route.body) and "{" not in route.path and route.access is not Access.SECRET
    for field in route.body.__struct_encode_fields__
    if field in NAMED and NAMED[field].is_hidden
]
KEPT_FROM_STRANGERS = {Access.OWNER, Access.SELF, Access.ADMIN, Access.MODERATOR}
#: The routes on which a moderator of the platform has power over the things of others.
KEPT_FROM_STAFF = KEPT_FROM_STRANGERS - {Access.MODERATOR}
MODERATED = {"/api/content/comments/{commentId}"}
#: Bodies of routes whose smallest one would not do.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/admin/users/{id}"): {"suspended": True},
    ("POST", "/api/lounges/{id}/invitations"): {"userId": ""},
    ("PATCH", "/api/admin/payouts/{id}"): {"status": "settled", "reference": "TRX-1"},
}
TELLING = ("title", "name", "text", "bio")
SERVED = {200, 201, 202, 409}
#: Cannot be served here, for a reason that has nothing to do with who asks.
NOT_SERVED = {("GET", "/api/admin/creator-applications/{id}/documents/{number}"): 404}


@pytest.fixture
def client(opened: Settings, db: None) -> Iterator[testing.TestClient]:
    yield testing.TestClient(create_app(bus.settings))


def body_of(route: Route) -> dict[str, Any]:
    """What changes something, where the route takes a body."""
    body: dict[str, Any] = smallest(route.body)
    known = route.body.__struct_encode_fields__
    body |= {name: "changed" for name in TELLING if name in known}
    return body | BODIES.get((route.method, route.path), {})


def things_in(path: str, method: str = "") -> dict[str, Thing]:
    """What the placeholders of an address stand for, where it is called by a method."""
    named = ((place[1], path[: place.end()]) for place in PLACE.finditer(path))
    return {name: THINGS_OF.get((method, start), THINGS[start]) for name, start in named}


def everything() -> str:
    """A digest of all that the database holds; signing in is no change that a request has made."""
    tables = query(
        """SELECT oid::regclass::text FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
             AND relname <> 'auth_sessions' AND has_table_privilege(oid, 'SELECT') ORDER BY 1"""
    )
    one = "SELECT coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t"
    return str(query(" UNION ALL ".join(one.format(name) for (name,) in tables)))


class Caller:
    """Calls one route about the things of one owner, whom its address and the fields of its body name."""

    def __init__(self, client: testing.TestClient, route: Route, path: str, own: Possessions) -> None:
        self._client, self._route = client, route
        for place, thing in things_in(path, route.method).items():
            path = path.replace(f"{{{place}}}", str(thing.find(own)))
        self._path = path
        self._body = body_of(route) if route.kind is Kind.JSON and is_struct(route.body) else None
        for field in (self._body or {}).keys() & NAMED.keys():
            self.name(field, own)

    def name(self, field: str, own: Possessions) -> None:
        """Put the owner's thing into a field of the body."""
        assert self._body is not None
        self._body[field] = str(NAMED[field].find(own))

    def __call__(self, user: User) -> testing.Result:
        return self._client.simulate_request(self._route.method, self._path, json=self._body, headers=bearer(user))


def strangers(route: Route) -> list[User]:
    found: list[User] = [make_user(), make_user(role=Role.STREAMER)]
    if route.access in KEPT_FROM_STAFF and route.path not in MODERATED:
        found.append(make_user(role=Role.MODERATOR))
    return found


def is_kept(route: Route, path: str) -> bool:
    """Whether strangers may not call it, or not about this thing."""
    return route.access in KEPT_FROM_STRANGERS or any(
        thing.is_hidden for thing in things_in(path, route.method).values()
    )


@pytest.mark.parametrize(("route", "path"), WITH_IDS, ids=[f"{route.method} {path}" for route, path in WITH_IDS])
def test_a_stranger_is_refused_and_changes_nothing(client: testing.TestClient, route: Route, path: str) -> None:
    owner = make_user(role=Role.STREAMER)
    call = Caller(client, route, path, Possessions(owner))
    if not is_kept(route, path):
        answer = call(make_user())
        assert answer.status_code < 500
        assert owner.email not in answer.text
        return
    for stranger in strangers(route):
        before = everything()
        answer = call(stranger)
        assert answer.status_code in (403, 404), (stranger.role, answer.text)
        assert owner.email not in answer.text
        assert everything() == before
    served = [call(user).status_code for user in (owner, make_user(role=Role.ADMIN))]
    expected = {NOT_SERVED.get((route.method, route.path), 200), *SERVED}
    assert expected & set(served), served


@pytest.mark.parametrize(
    ("route", "field"), BY_BODY, ids=[f"{route.method} {route.path} {field}" for route, field in BY_BODY]
)
def test_a_hidden_thing_cannot_be_named_in_a_body(client: testing.TestClient, route: Route, field: str) -> None:
    own = Possessions(make_user(role=Role.STREAMER))
    call = Caller(client, route, route.path, own)
    call.name(field, own)
    for stranger in (make_user(), make_user(role=Role.STREAMER)):
        before = everything()
        answer = call(stranger)
        assert answer.status_code in (403, 404), (stranger.role, answer.text)
        assert everything() == before
