"""One-time codes over HTTP, read from the letters that they come in."""

import pytest
from falcon import testing

from services import one_time_codes, throttle
from tests.factories import PASSWORD, bearer, make_user
from tests.fakes import FakeJobs
from tests.letters import code_in, send_letters

Client = testing.TestClient
MIRA = "mira@example.com"
SEND, CHECK = "/api/auth/send-verification-otp", "/api/auth/check-verification-otp"
FORGET, RESET = "/api/auth/forget-password/email-otp", "/api/auth/reset-password/email-otp"


def mailed(client: Client, jobs: FakeJobs, purpose: str, email: str = MIRA) -> str:
    """Ask for a code and read it from the letter."""
    throttle.clear(one_time_codes.A_MINUTE, "one-time-codes", email)
    assert client.simulate_post(SEND, json={"email": email, "type": purpose}).status_code == 200
    return code_in(send_letters(jobs)[-1])


def test_a_code_signs_in_once_and_proves_the_address(client: Client, jobs: FakeJobs) -> None:
    user = make_user(email=MIRA)
    body = {"email": "MIRA@example.com", "otp": mailed(client, jobs, "sign-in")}
    result = client.simulate_post("/api/auth/signin/email-otp", json=body)
    assert result.status_code == 200
    data = result.json["data"]
    assert (data["user"]["id"], data["user"]["emailVerified"]) == (str(user.id), True)
    assert data["token"] == data["session"]["access_token"] == result.headers["set-auth-token"]
    again = client.simulate_post("/api/auth/signin/email-otp", json=body)
    assert (again.status_code, again.json["code"]) == (401, "invalid_code")


def test_a_suspended_account_does_not_get_in_by_a_code(client: Client, jobs: FakeJobs) -> None:
    make_user(email=MIRA, suspended=True)
    body = {"email": MIRA, "otp": mailed(client, jobs, "sign-in")}
    result = client.simulate_post("/api/auth/signin/email-otp", json=body)
    assert (result.status_code, result.json["code"]) == (403, "account_suspended")


def test_a_code_is_checked_without_being_spent_and_then_verifies(client: Client, jobs: FakeJobs) -> None:
    headers = bearer(make_user(email=MIRA))
    otp = mailed(client, jobs, "email-verification")
    for purpose, valid in (("email-verification", True), ("sign-in", False), ("email-verification", True)):
        result = client.simulate_post(CHECK, json={"email": MIRA, "otp": otp, "type": purpose})
        assert (result.status_code, result.json["data"]) == (200, {"valid": valid})
    verified = client.simulate_post("/api/auth/verify-email", json={"email": MIRA, "otp": otp})
    assert verified.json["data"] == {"emailVerified": True}
    assert client.simulate_get("/api/auth/me", headers=headers).json["data"]["emailVerified"] is True
    again = client.simulate_post("/api/auth/verify-email", json={"email": MIRA, "otp": otp})
    assert (again.status_code, again.json["details"][0]["field"]) == (400, "otp")


@pytest.mark.parametrize("field", ["password", "newPassword"])
def test_a_reset_sets_the_password_and_ends_every_session(client: Client, jobs: FakeJobs, field: str) -> None:
    headers = bearer(make_user(email=MIRA))
    assert client.simulate_post(FORGET, json={"email": MIRA}).status_code == 200
    otp = code_in(send_letters(jobs)[-1])
    short = client.simulate_post(RESET, json={"email": MIRA, "otp": otp, field: "short"})
    assert (short.status_code, short.json["details"][0]["field"]) == (400, "password")
    reset = client.simulate_post(RESET, json={"email": MIRA, "otp": otp, field: "a new password"})
    assert reset.status_code == 200
    assert client.simulate_get("/api/auth/me", headers=headers).status_code == 401
    logins = [
        client.simulate_post("/api/auth/login", json={"email": MIRA, "password": password}).status_code
        for password in (PASSWORD, "a new password")
    ]
    assert logins == [401, 200]
    assert [letter["Subject"] for letter in send_letters(jobs)] == ["Your password changed"]


def test_a_reset_lets_the_owner_in_while_strangers_are_shut_out(client: Client, jobs: FakeJobs) -> None:
    make_user(email=MIRA)
    for _ in range(5):
        client.simulate_post("/api/auth/login", json={"email": MIRA, "password": "wrong password"})
    otp = mailed(client, jobs, "forget-password")
    body = {"email": MIRA, "otp": otp, "password": "a new password"}
    assert client.simulate_post(RESET, json=body).status_code == 200
    login = client.simulate_post("/api/auth/login", json={"email": MIRA, "password": "a new password"})
    assert login.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEND, {"type": "sign-in"}),
        (FORGET, {}),
        (CHECK, {"type": "sign-in", "otp": "123456"}),
        ("/api/auth/verify-email", {"otp": "123456"}),
        ("/api/auth/signin/email-otp", {"otp": "123456"}),
        (RESET, {"otp": "123456", "password": "a new password"}),
    ],
)
def test_no_answer_tells_whether_an_address_is_known(client: Client, path: str, body: dict[str, str]) -> None:
    make_user(email=MIRA)
    known, unknown = (
        client.simulate_post(path, json=body | {"email": email}) for email in (MIRA, "nobody@example.com")
    )
    assert (known.status_code, known.json) == (unknown.status_code, unknown.json)


@pytest.mark.parametrize("email", [MIRA, "nobody@example.com"])
def test_a_second_code_within_the_minute_is_refused_whoever_asks(client: Client, email: str) -> None:
    make_user(email=MIRA)
    first, second = (client.simulate_post(SEND, json={"email": email, "type": "sign-in"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert 0 < int(second.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": MIRA, "otp": "12345"}, "otp"),
        ({"email": MIRA, "otp": "12345a"}, "otp"),
        ({"email": MIRA, "otp": "١٢٣٤٥٦"}, "otp"),
        ({"email": MIRA, "otp": 123456}, "otp"),
        ({"email": "nonsense", "otp": "123456"}, "email"),
        ({"email": MIRA, "otp": "123456", "isAdmin": True}, "isAdmin"),
        ({"otp": "123456"}, "email"),
    ],
)
def test_wrong_input_is_refused_by_its_field(client: Client, body: dict[str, object], field: str) -> None:
    result = client.simulate_post("/api/auth/verify-email", json=body)
    assert result.status_code == 400
    assert [detail["field"] for detail in result.json["details"]] == [field]


def test_an_unknown_purpose_is_refused(client: Client) -> None:
    result = client.simulate_post(SEND, json={"email": MIRA, "type": "world-peace"})
    assert (result.status_code, result.json["details"][0]["field"]) == (400, "type")
