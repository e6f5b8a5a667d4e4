"""What an attacker tries first: OWASP's API Top 10 where no other test stands for it already."""

import base64
import hashlib
import hmac
import io
import json
import logging
from typing import Any

import bcrypt
import jwt
import msgspec
import peewee
import pytest
import structlog
from falcon import testing
from msgspec import inspect

from api.routes import ROUTES
from api.routing import Access, Kind, Route
from db.models.users import User
from logs import configure_logs
from services import tokens
from services.bus import bus
from services.ids import new_id
from tests.bodies import is_struct
from tests.factories import PASSWORD, bearer, make_user
from tests.forms import BOUNDARY, MULTIPART
from tests.statements import statements

Client = testing.TestClient
WITH_BODIES = [
    route for route in ROUTES if is_struct(route.body) and route.kind is Kind.JSON and route.access is not Access.SECRET
]


def structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    """The shape and every shape in it."""
    match kind:
        case inspect.StructType():
            return [kind.cls, *(found for field in kind.fields for found in structs_in(field.type))]
        case inspect.ListType():
            return structs_in(kind.item_type)
        case inspect.UnionType():
            return [found for one in kind.types for found in structs_in(one)]
    return []


@pytest.mark.parametrize("route", WITH_BODIES, ids=lambda route: f"{route.method} {route.path}")
def test_no_body_takes_fields_that_it_does_not_name(route: Route) -> None:
    for shape in structs_in(inspect.type_info(route.body)):
        assert shape.__struct_config__.forbid_unknown_fields, shape


@pytest.mark.parametrize("field", ["role", "coins", "emailVerified", "isAdmin", "id", "userId", "passwordHash"])
def test_nobody_assigns_what_is_not_theirs_to_give(client: Client, field: str) -> None:
    user = make_user()
    body = {"name": "Mira", field: "admin"}
    for method, path in (("PATCH", "/api/viewer/profile"), ("PATCH", f"/api/profiles/{user.id}")):
        answer = client.simulate_request(method, path, json=body, headers=bearer(user))
        assert (answer.status_code, answer.json["details"][0]["field"]) == (400, field)
    register = {"email": "new@example.com", "password": PASSWORD, field: "admin"}
    assert client.simulate_post("/api/auth/register", json=register).status_code == 400
    assert User.get_by_id(user.id).role == "viewer"


def forged(claims: dict[str, Any], header: dict[str, Any], key: bytes = b"") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=") if key else b""
    return (signed + b"." + signature).decode()


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "NONE", "typ": "JWT"},
        {"alg": "RS256"},
        {"alg": "HS384"},
        {"alg": "HS256", "jwk": {"kty": "oct", "k": ""}},
        {"alg": "HS256", "kid": "../../dev/null"},
        {"alg": "HS256", "jku": "https://evil.example/keys"},
    ],
    ids=lambda header: json.dumps(header),
)
def test_no_token_chooses_how_it_is_checked(client: Client, header: dict[str, Any]) -> None:
    user = make_user()
    claims = jwt.decode(bearer(user)["Authorization"][7:], options={"verify_signature": False})
    for key in (b"", b"a key of the attacker"):
        answer = client.simulate_get("/api/auth/me", headers={"Authorization": f"Bearer {forged(claims, header, key)}"})
        assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("change", [{"typ": "playback"}, {"sub": str(new_id())}, {"sid": str(new_id())}, {"exp": 1}])
def test_a_token_that_we_signed_for_something_else_signs_nobody_in(client: Client, change: dict[str, Any]) -> None:
    user = make_user()
    claims = jwt.decode(bearer(user)["Authorization"][7:], options={"verify_signature": False}) | change
    token = jwt.encode(claims, bus.settings.jwt_secret, algorithm=tokens.ALGORITHM)
    assert client.simulate_get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_session_is_never_one_that_the_caller_brought(client: Client) -> None:
    user = make_user()
    body = {"email": user.email, "password": PASSWORD}
    before = bearer(user)
    brought = before | {"Cookie": "session=chosen", "set-auth-token": before["Authorization"][7:]}
    answers = [client.simulate_post("/api/auth/login", json=body, headers=brought) for _ in range(2)]
    sessions = {tokens.read_access_token(answer.json["data"]["token"]).session_id for answer in answers}
    sessions.add(tokens.read_access_token(before["Authorization"][7:]).session_id)
    assert len(sessions) == 3
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_signing_in_is_the_same_work_whether_the_account_exists(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def counting(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    known = make_user()
    counts = []
    for email in (known.email, "nobody@example.com"):
        with statements() as made:
            answer = client.simulate_post("/api/auth/login", json={"email": email, "password": "wrong password"})
        assert answer.status_code == 401
        counts.append(len(made))
    assert counts[0] == counts[1]
    assert checked[0] == checked[1], "the same cost"
    assert len(checked) == 2


HOSTILE_TEXT = 'x\n{"level":"info","event":"forged"}\r\n2026-01-01 forged'


def test_no_request_forges_a_line_of_the_log(client: Client) -> None:
    lines = _logged(lambda: client.simulate_get("/api/streams/%0a%7b%22forged%22%7d", headers={"User-Agent": "a\tb"}))
    lines += _logged(lambda: client.simulate_post("/api/auth/login", json={"email": HOSTILE_TEXT, "password": "x" * 9}))
    for line in lines:
        event = json.loads(line)
        assert event.get("event") != "forged"
        assert "\n" not in str(event.get("path", ""))


def test_no_log_holds_a_secret(client: Client) -> None:
    user = make_user()
    headers = bearer(user)
    refresh = client.simulate_post("/api/auth/login", json={"email": user.email, "password": PASSWORD}).json["data"]
    secrets = [headers["Authorization"][7:], PASSWORD, refresh["session"]["refresh_token"], bus.settings.jwt_secret]
    lines = _logged(
        lambda: (
            client.simulate_post("/api/auth/login", json={"email": user.email, "password": PASSWORD}),
            client.simulate_get("/api/auth/me", headers=headers, query_string=f"token={secrets[0]}"),
            client.simulate_post("/api/auth/refresh", json={"refreshToken": secrets[2]}),
            structlog.get_logger("x").error("trouble", password=PASSWORD, token=secrets[0]),
        )
    )
    assert lines
    assert not [secret for secret in secrets if any(secret in line for line in lines)]


def test_an_error_page_shows_no_internals(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise peewee.ProgrammingError(f"relation users at {bus.settings.database_url} {bus.settings.jwt_secret}")

    monkeypatch.setattr("services.stream_lists.query", broken, raising=False)
    monkeypatch.setattr("services.streams.query", broken)
    answer = client.simulate_get(f"/api/streams/{new_id()}")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert answer.json.keys() == {"success", "error", "code"}
    for internal in ("relation", "Traceback", bus.settings.jwt_secret, bus.settings.database_url, "peewee"):
        assert internal not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/media/..%2f..%2fsecrets.env",
        "/media/%252e%252e%252f%252e%252e%252fsecrets.env",
        "/media/thumbs/%2e%2e/%2e%2e/secrets.env",
        "/hls/..%252f..%252fsecrets.env",
        "/hls/%c0%ae%c0%ae/secrets.env",
        "/hls/....//....//secrets.env",
        "/hls/%2fetc%2fpasswd",
    ],
)
def test_no_spelling_of_a_path_leaves_the_media_folder(client: Client, path: str) -> None:
    bus.settings.hls_path.mkdir(parents=True, exist_ok=True)
    (bus.settings.data_dir / "secrets.env").write_text("JWT_SECRET=top-secret")
    answer = client.simulate_get(path)
    assert answer.status_code in (400, 404)
    assert "top-secret" not in answer.text
    assert "root:" not in answer.text


def test_a_very_deep_or_odd_document_is_a_bad_request(client: Client) -> None:
    for body in ("[" * 100_000 + "]" * 100_000, '{"a":' * 50_000, "9" * 5000, '"\\ud800"', "\ufeff{}"):
        answer = client.simulate_post(
            "/api/auth/login", body=body.encode("utf-8", "surrogatepass"), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400


def test_a_part_without_a_body_does_not_take_the_next_part_for_its_own(client: Client) -> None:
    empty = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="text"\r\n'
    rest = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="visibility"\r\n\r\nPUBLIC\r\n--{BOUNDARY}--\r\n'
    answer = client.simulate_post("/api/content/posts", body=empty + rest, headers=bearer(make_user()) | MULTIPART)
    assert (answer.status_code, answer.json["details"][0]["field"]) == (400, "text")


def _logged(act: Any) -> list[str]:
    """What is written to the log, as it is in production, while `act` runs."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    configuration = structlog.get_config()
    structlog.reset_defaults()
    configure_logs("api", msgspec.structs.replace(bus.settings, log_format="json", log_level="debug"))
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    try:
        act()
    finally:
        root.handlers, root.level = before, level
        structlog.configure(**configuration)
    return [line for line in written.getvalue().splitlines() if line.strip()]
