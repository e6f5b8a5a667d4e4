"""Profiles, avatars and passwords over HTTP."""

import os
from collections.abc import Iterator

import pytest
from falcon import testing

from db.models.previous_usernames import PreviousUsername
from services import avatars, usernames
from services.actors import Role
from services.bus import bus
from tests.configuring import configured
from tests.factories import PASSWORD, bearer, make_user
from tests.fakes import FakeJobs
from tests.forms import BOUNDARY, MULTIPART, form
from tests.letters import send_letters
from tests.pictures import picture, png_bomb

Client = testing.TestClient
PROFILE, AVATAR, PASSWORD_PATH = "/api/viewer/profile", "/api/viewer/avatar", "/api/viewer/password"


@pytest.fixture(autouse=True)
def _own_storage(tmp_path_factory: pytest.TempPathFactory, opened: object) -> Iterator[None]:
    with configured(media_storage=f"file:{tmp_path_factory.mktemp('media')}"):
        yield


def upload(client: Client, headers: dict[str, str], body: bytes) -> testing.Result:
    return client.simulate_post(AVATAR, body=body, headers=headers | MULTIPART)


def test_a_profile_is_read_and_edited_in_its_parts(client: Client) -> None:
    headers = bearer(user := make_user(username="mira"))
    edited = client.simulate_patch(
        PROFILE, json={"bio": " Hello ", "company": "Astro", "title": "Pilot", "status": "flying"}, headers=headers
    )
    assert edited.status_code == 200
    me = client.simulate_get(PROFILE, headers=headers).json["data"]
    assert (me["bio"], me["company"], me["title"], me["status"]) == ("Hello", "Astro", "Pilot", "flying")
    assert (me["username"], me["name"], me["email"]) == ("mira", user.name, user.email)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "admin"}, "role"),
        ({"coins": 5}, "coins"),
        ({"email": "other@example.com"}, "email"),
        ({"username": "No"}, "username"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"bio": "x" * 1001}, "bio"),
        ({"bio": None}, "bio"),
        ({"avatar": "javascript:alert(1)"}, "avatar"),
        ({"avatar": "/media/identity/x"}, "avatar"),
        ({"avatar": "file:///etc/passwd"}, "avatar"),
        ({"title": "a\u0000b"}, "title"),
    ],
)
def test_what_may_not_be_set_is_refused_by_its_field(client: Client, body: dict[str, object], field: str) -> None:
    result = client.simulate_patch(PROFILE, json=body, headers=bearer(make_user()))
    assert (result.status_code, result.json["details"][0]["field"]) == (400, field)


def test_a_profile_is_edited_by_its_owner_and_by_administrators_alone(client: Client) -> None:
    user = make_user()
    path = f"/api/profiles/{user.id}"
    people = {"self": user, "other": make_user(), "moderator": make_user(role=Role.MODERATOR)}
    statuses = {
        who: client.simulate_patch(path, json={"bio": who}, headers=bearer(person)).status_code
        for who, person in (people | {"admin": make_user(role=Role.ADMIN)}).items()
    }
    assert statuses == {"self": 200, "other": 403, "moderator": 403, "admin": 200}
    assert client.simulate_patch(path, json={"bio": ""}).status_code == 401
    assert client.simulate_get(path, headers=bearer(make_user())).json["data"]["bio"] == "admin"
    unknown = "/api/profiles/00000000-0000-7000-8000-000000000000"
    assert client.simulate_patch(unknown, json={"bio": ""}, headers=bearer(user)).status_code == 404


def test_a_username_that_was_given_up_is_remembered_and_held(client: Client) -> None:
    user, other = make_user(username="mira"), make_user(username="nova")
    headers = bearer(user)
    taken = client.simulate_patch(PROFILE, json={"username": "nova"}, headers=headers)
    assert (taken.status_code, taken.json["code"]) == (409, "username_taken")
    assert client.simulate_patch(PROFILE, json={"username": "mira_l"}, headers=headers).status_code == 200
    assert [row.username for row in PreviousUsername.select()] == ["mira"]
    grabbed = client.simulate_patch(PROFILE, json={"username": "mira"}, headers=bearer(other))
    assert (grabbed.status_code, grabbed.json["code"]) == (409, "username_taken")
    body = {"email": "m2@example.com", "password": PASSWORD, "username": "mira"}
    assert client.simulate_post("/api/auth/register", json=body).status_code == 409
    assert client.simulate_patch(PROFILE, json={"username": "mira"}, headers=headers).status_code == 200


def test_a_made_up_username_gives_way_to_one_that_is_held(client: Client) -> None:
    headers = bearer(make_user(username="mira"))
    client.simulate_patch(PROFILE, json={"username": "mira_l"}, headers=headers)
    result = client.simulate_post("/api/auth/register", json={"email": "mira@example.org", "password": PASSWORD})
    assert result.json["data"]["user"]["username"].startswith("mira_")


def test_usernames_cannot_be_hoarded(client: Client) -> None:
    headers = bearer(make_user())
    allowed = int(usernames.MOST_CHANGES.partition("/")[0])
    statuses = [
        client.simulate_patch(PROFILE, json={"username": f"name_{n}"}, headers=headers).status_code
        for n in range(allowed + 1)
    ]
    assert statuses == [200] * allowed + [429]


def test_a_new_password_ends_the_other_sessions_and_is_told(client: Client, jobs: FakeJobs) -> None:
    user = make_user(email="mira@example.com")
    here, elsewhere = bearer(user), bearer(user)
    body = {"currentPassword": PASSWORD, "newPassword": "a new password"}
    assert client.simulate_patch(PASSWORD_PATH, json=body, headers=here).status_code == 200
    assert client.simulate_get("/api/auth/me", headers=here).status_code == 200
    assert client.simulate_get("/api/auth/me", headers=elsewhere).status_code == 401
    (letter,) = send_letters(jobs)
    assert letter["To"] == "mira@example.com" and "password" in letter.get_content()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currentPassword": "wrong password", "newPassword": "a new password"}, "currentPassword"),
        ({"currentPassword": PASSWORD, "newPassword": "short"}, "newPassword"),
        ({"currentPassword": PASSWORD, "newPassword": "é" * 37}, "newPassword"),
        ({"newPassword": "a new password"}, "currentPassword"),
    ],
)
def test_a_password_is_not_changed_without_the_old_one(client: Client, body: dict[str, str], field: str) -> None:
    headers = bearer(make_user())
    result = client.simulate_patch(PASSWORD_PATH, json=body, headers=headers)
    assert (result.status_code, result.json["details"][0]["field"]) == (400, field)


def test_an_avatar_is_taken_in_and_followed(client: Client, jobs: FakeJobs) -> None:
    headers = bearer(make_user())
    result = upload(client, headers, form(("file", "me.exe", picture("WEBP"))))
    assert result.status_code == 202
    follow = result.json["data"]["follow"]
    assert (result.json["data"]["status"], result.headers["location"]) == ("PROCESSING", follow)
    avatars.make_avatar(result.json["data"]["id"])
    ready = client.simulate_get(follow, headers=headers).json["data"]
    assert ready["status"] == "READY"
    assert client.simulate_get(PROFILE, headers=headers).json["data"]["avatar"] == ready["results"]["256"]
    assert client.simulate_get(ready["results"]["512"]).headers["content-type"] == "image/webp"
    assert client.simulate_get(follow, headers=bearer(make_user())).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (form(("file", "a.png", b"<script>alert(1)</script>")), 415, None),
        (form(("file", "a.png", b"GIF89a" + b"\0" * 64)), 415, None),
        (form(("file", "a.png", png_bomb(50_000, 50_000))), 400, "file"),
        (form(("file", "a.png", picture()), ("file", "b.png", picture())), 400, "file"),
        (form(("picture", "a.png", picture())), 400, "picture"),
        (form(("file", "a.png", picture()), ("role", None, b"admin")), 400, "role"),
        (form(("role", None, b"admin")), 400, "file"),
        (form(), 400, "file"),
        (form(("file", "../../../../etc/passwd", b"")), 415, None),
        (b"", 400, None),
        (b"no form at all", 400, None),
        (form(("file", "a.png", picture()))[:-20], 400, None),
        (form(*[("file", "a", b"")] * 200), 400, None),
        (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n'.encode() * 3, 400, None),
        (form(("x" * 9000, "a.png", picture())), 400, None),
    ],
)
def test_a_hostile_form_is_refused_and_leaves_nothing(
    client: Client, jobs: FakeJobs, body: bytes, status: int, field: str | None
) -> None:
    result = upload(client, bearer(make_user()), body)
    assert (result.status_code, result.json["success"]) == (status, False)
    if field is not None:
        assert result.json["details"][0]["field"] == field
    assert jobs.named("media.avatar") == []
    assert list((bus.settings.data_dir / "spool").iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 99]
)
def test_what_is_no_form_is_the_wrong_type(client: Client, kind: str) -> None:
    headers = bearer(make_user()) | {"Content-Type": kind}
    assert client.simulate_post(AVATAR, body=b"{}", headers=headers).status_code == 415


def test_a_text_that_says_it_is_none_is_refused_by_name(client: Client) -> None:
    headers = bearer(make_user()) | {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="note"\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n'
    result = client.simulate_post(AVATAR, body=part, headers=headers)
    assert (result.status_code, result.json["details"][0]["field"]) == (400, "note")


@pytest.mark.parametrize("said", [True, False])
def test_a_file_past_the_bound_is_not_read_to_its_end(client: Client, said: bool) -> None:
    body = form(("file", "a.png", picture("PNG") + os.urandom(avatars.MOST_BYTES)))
    headers = bearer(make_user()) | MULTIPART
    if not said:
        headers["Transfer-Encoding"] = "chunked"
    result = client.simulate_post(AVATAR, body=body, headers=headers)
    assert (result.status_code, result.json["code"]) == (413, "too_large")


def test_the_rest_of_a_refused_body_is_read_so_that_the_connection_can_go_on(client: Client) -> None:
    body = form(("file", "a.png", os.urandom(avatars.MOST_BYTES + 100_000)))
    result = upload(client, bearer(make_user()), body)
    assert result.status_code == 413
    anonymous = upload(client, {}, body)
    assert anonymous.status_code == 401
