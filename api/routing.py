"""What a route is: one address, who may call it, what it takes and gives; and how it is mounted."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec

from api.requests import App


class Access(StrEnum):
    """Who may call a route; ownership itself is checked by the service."""

    PUBLIC = "public"
    OPTIONAL = "optional"
    USER = "user"
    STREAMER = "streamer"
    MODERATOR = "moderator"
    ADMIN = "admin"
    OWNER = "owner"
    SELF = "self"
    SIGNATURE = "signature"
    SECRET = "secret"  # noqa: S105 - the name of a kind of access
    INTERNAL = "internal"


class Kind(StrEnum):
    """How a route's body is spelled."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"
    MULTIPART = "multipart/form-data"
    RAW = "application/octet-stream"


ENVELOPE = "application/json"
CSV = "text/csv"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One operation at one address (`path`) and at any others (`also`)."""

    area: str
    method: str
    path: str
    resource: type
    access: Access
    does: str
    body: Any = None
    #: The same as a form, where a body in JSON may come as one with files as well.
    form: Any = None
    query: Any = None
    reply: Any = None
    status: int = 200
    kind: Kind = Kind.JSON
    #: The media types of a success.
    sends: tuple[str, ...] = (ENVELOPE,)
    #: Whether a success in JSON is in the envelope, as all are but documents of others' making.
    is_enveloped: bool = True
    also: tuple[str, ...] = ()
    once: bool = False
    unlimited: bool = False
    paged: bool = False
    #: Whether the account comes with the look at the token (as the context's `me`), instead of being asked for after.
    of_myself: bool = False
    documented: bool = True

    @property
    def paths(self) -> tuple[str, ...]:
        """Every address of the operation, its own first."""
        return (self.path, *self.also)

    @property
    def responder_name(self) -> str:
        """The method of the resource that answers."""
        return f"on_{self.method.lower()}"


class Area:
    """Rows of one area of the table: `post("/x", Thing, USER, "Makes a thing", body=…)`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, path: str, resource: type, access: Access, does: str, **rest: Any) -> Route:
        return self._row("GET", path, resource, access, does, rest)

    def post(self, path: str, resource: type, access: Access, does: str, **rest: Any) -> Route:
        return self._row("POST", path, resource, access, does, rest)

    def put(self, path: str, resource: type, access: Access, does: str, **rest: Any) -> Route:
        return self._row("PUT", path, resource, access, does, rest)

    def patch(self, path: str, resource: type, access: Access, does: str, **rest: Any) -> Route:
        return self._row("PATCH", path, resource, access, does, rest)

    def delete(self, path: str, resource: type, access: Access, does: str, **rest: Any) -> Route:
        return self._row("DELETE", path, resource, access, does, rest)

    def _row(self, method: str, path: str, resource: type, access: Access, does: str, rest: dict[str, Any]) -> Route:
        return Route(area=self.name, method=method, path=path, resource=resource, access=access, does=does, **rest)


class Mounted:
    """The resource that answers at one address: a responder for each of its operations."""

    def __init__(self, path: str, routes: Iterable[Route]) -> None:
        self.routes = {route.method: route for route in routes}
        for route in self.routes.values():
            setattr(self, route.responder_name, getattr(route.resource(), route.responder_name))
        if "GET" in self.routes:
            self.routes["HEAD"] = self.routes["GET"]
            self.on_head = getattr(self, self.routes["GET"].responder_name)
        self.path = path


def mount(app: App, routes: Iterable[Route]) -> None:
    """Give every address of every route to the application."""
    for path, group in _by_path(routes):
        app.add_route(path, Mounted(path, group))


def _by_path(routes: Iterable[Route]) -> Iterator[tuple[str, list[Route]]]:
    found: dict[str, list[Route]] = {}
    for route in routes:
        for path in route.paths:
            found.setdefault(path, []).append(route)
    yield from found.items()
