"""The WSGI application: middleware, error handlers and every route, put together."""

import contextvars
from collections.abc import Callable, Iterable
from typing import Any

import falcon

from api.errors import add_error_handlers
from api.middleware.auth import Auth
from api.middleware.entity_tags import EntityTags
from api.middleware.idempotency import Idempotency
from api.middleware.plain_paths import PlainPaths
from api.middleware.rate_limit import Decision, RateLimit
from api.middleware.tracing import Tracing
from api.middleware.unread_bodies import UnreadBodies
from api.middleware.varying import Varying
from api.requests import App, Request
from api.responses import Response, SecureResponse
from api.routes import PREFIXES, ROUTES
from api.routing import mount
from db.connection import connection
from settings import Settings

EXPOSED = [
    "X-Request-ID",
    "set-auth-token",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "ETag",
]


class Application(App):
    """Falcon's application; each request has a context of its own and gives its connection back."""

    def __call__(self, env: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return contextvars.copy_context().run(self._serve, env, start_response)

    def _serve(self, env: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with connection(kept=True):
            return super().__call__(env, start_response)


def create_app(settings: Settings) -> Application:
    """The application for these settings; the database and the bus are opened by the caller."""
    response_type = SecureResponse if settings.public_url.startswith("https:") else Response
    app = Application(middleware=_middleware(settings), request_type=Request, response_type=response_type)
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.auto_parse_qs_csv = False
    app.resp_options.secure_cookies_by_default = settings.production
    add_error_handlers(app)
    mount(app, ROUTES)
    for add in PREFIXES:
        add(app, settings)
    return app


def _middleware(settings: Settings) -> list[Any]:
    rate_limit = RateLimit(
        auth=settings.rate_limit_auth,
        default=settings.rate_limit_default,
        unlimited=frozenset(path for route in ROUTES if route.unlimited for path in route.paths),
        prefixes=("/hls/", "/media/", "/sandbox/", "/api/ingest/"),
    )
    return [
        Tracing(),
        UnreadBodies(),
        Varying(),
        falcon.CORSMiddleware(
            allow_origins=list(settings.cors_origins),
            allow_credentials=list(settings.cors_origins),
            expose_headers=EXPOSED,
        ),
        rate_limit,
        PlainPaths(),
        Auth(),
        Decision(rate_limit),
        Idempotency(),
        EntityTags(),
    ]
