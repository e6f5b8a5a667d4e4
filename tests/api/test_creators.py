"""Becoming a creator over HTTP, with papers and bank details that nobody else sees."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from falcon import testing

from db.models.financial_details import FinancialDetails
from db.models.identity_verifications import IdentityVerification
from services.actors import Role
from services.bus import bus
from tests.configuring import configured
from tests.factories import bearer, make_user
from tests.fakes import FakeJobs
from tests.forms import MULTIPART, form
from tests.pictures import picture

Client = testing.TestClient
APPLICATION, IDENTITY, FINANCIAL = "/api/creator/application", "/api/creator/identity", "/api/creator/financial"
CREATOR_PROFILE, REVIEWS = "/api/creator/profile", "/api/admin/creator-applications"
IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def media(tmp_path_factory: pytest.TempPathFactory, opened: object) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("media")
    with configured(media_storage=f"file:{folder}"):
        yield folder


@pytest.fixture
def review() -> Iterator[None]:
    """An administrator decides."""
    with configured(creator_review=True):
        yield


@pytest.fixture
def admin() -> dict[str, str]:
    return bearer(make_user(role=Role.ADMIN))


def apply(client: Client, headers: dict[str, str], **body: object) -> testing.Result:
    return client.simulate_post(APPLICATION, json=body, headers=headers)


def hand_in(client: Client, headers: dict[str, str], *contents: bytes, field: str = "documents") -> testing.Result:
    body = form(*[(field, "paper", content) for content in contents])
    return client.simulate_put(IDENTITY, body=body, headers=headers | MULTIPART)


@pytest.mark.parametrize("path", [APPLICATION, "/api/user/become-creator"])
def test_without_review_an_application_makes_a_creator_at_once(client: Client, path: str) -> None:
    headers = bearer(make_user())
    assert client.simulate_get(APPLICATION, headers=headers).status_code == 404
    applied = client.simulate_post(path, json={"bio": "I play", "categories": ["Games"]}, headers=headers)
    assert applied.status_code == 200
    data = applied.json["data"]
    assert (data["role"], data["application"]["status"]) == ("streamer", "APPROVED")
    assert client.simulate_get(APPLICATION, headers=headers).json["data"] == data
    assert client.simulate_get("/api/auth/stream-key", headers=headers).status_code == 200
    profile = client.simulate_get(CREATOR_PROFILE, headers=headers).json["data"]
    assert (profile["bio"], profile["categories"], profile["links"]) == ("I play", ["Games"], [])


def test_with_review_an_administrator_approves_and_the_applicant_is_told(
    client: Client, review: None, admin: dict[str, str]
) -> None:
    headers = bearer(user := make_user())
    waiting = apply(client, headers, bio="I play").json["data"]
    assert (waiting["role"], waiting["application"]["status"]) == ("viewer", "PENDING")
    assert client.simulate_get("/api/auth/stream-key", headers=headers).status_code == 403
    (listed,) = client.simulate_get(REVIEWS, params={"status": "PENDING"}, headers=admin).json["data"]
    assert (listed["user"]["id"], listed["bio"], listed["identityStatus"]) == (str(user.id), "I play", None)
    ruling = {"status": "APPROVED", "reason": "welcome"}
    decided = client.simulate_patch(f"{REVIEWS}/{listed['id']}", json=ruling, headers=admin)
    assert decided.json["data"]["status"] == "APPROVED"
    state = client.simulate_get(APPLICATION, headers=headers).json["data"]
    assert (state["role"], state["application"]["reason"]) == ("streamer", "welcome")
    (told,) = client.simulate_get("/api/notifications", headers=headers).json["data"]
    assert (told["kind"], told["body"], told["data"]["status"]) == ("application_decided", "welcome", "APPROVED")
    again = client.simulate_patch(f"{REVIEWS}/{listed['id']}", json=ruling, headers=admin)
    assert (again.status_code, again.json["code"]) == (409, "already_decided")


def test_a_rejected_applicant_is_told_why_and_may_try_again(
    client: Client, review: None, admin: dict[str, str]
) -> None:
    headers = bearer(make_user())
    apply(client, headers, bio="spam")
    (listed,) = client.simulate_get(REVIEWS, headers=admin).json["data"]
    path, ruling = f"{REVIEWS}/{listed['id']}", {"status": "REJECTED", "reason": "say more"}
    assert client.simulate_patch(path, json=ruling, headers=admin).status_code == 200
    state = client.simulate_get(APPLICATION, headers=headers).json["data"]
    assert (state["role"], state["application"]["status"]) == ("viewer", "REJECTED")
    assert state["application"]["reason"] == "say more"
    assert apply(client, headers, bio="I play chess").json["data"]["application"]["status"] == "PENDING"
    assert client.simulate_patch(path, json={"status": "APPROVED"}, headers=admin).status_code == 200


@pytest.mark.parametrize(
    "body", [{"status": "PENDING"}, {"status": "MAYBE"}, {}, {"status": "APPROVED", "reason": "x" * 501}]
)
def test_a_ruling_is_one_of_two(client: Client, review: None, admin: dict[str, str], body: dict[str, str]) -> None:
    apply(client, bearer(make_user()))
    (listed,) = client.simulate_get(REVIEWS, headers=admin).json["data"]
    assert client.simulate_patch(f"{REVIEWS}/{listed['id']}", json=body, headers=admin).status_code == 400


def test_applications_are_read_page_by_page_oldest_first(client: Client, review: None, admin: dict[str, str]) -> None:
    people = [make_user() for _ in range(5)]
    for person in people:
        apply(client, bearer(person))
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": "2", "status": "PENDING"} | ({"cursor": cursor} if cursor else {})
        found = client.simulate_get(REVIEWS, params=params, headers=admin).json
        seen += [item["user"]["id"] for item in found["data"]]
        cursor = found["meta"]["nextCursor"]
        if cursor is None:
            break
    assert seen == [str(person.id) for person in people]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STREAMER, Role.MODERATOR])
def test_only_administrators_review(client: Client, role: Role) -> None:
    headers = bearer(make_user(role=role))
    unknown = f"{REVIEWS}/00000000-0000-7000-8000-000000000000"
    assert client.simulate_get(REVIEWS, headers=headers).status_code == 403
    assert client.simulate_patch(unknown, json={"status": "APPROVED"}, headers=headers).status_code == 403
    assert client.simulate_get(f"{unknown}/documents/1", headers=headers).status_code == 403


def test_papers_lie_encrypted_and_only_an_administrator_reads_them(
    client: Client, review: None, admin: dict[str, str], media: Path
) -> None:
    headers, passport = bearer(make_user()), picture("PNG")
    apply(client, headers)
    handed_in = hand_in(client, headers, passport, b"%PDF-1.7 a paper")
    assert handed_in.status_code == 200
    assert (handed_in.json["data"]["status"], handed_in.json["data"]["documentCount"]) == ("PENDING", 2)
    stored = [path.read_bytes() for path in media.rglob("*") if path.is_file()]
    assert len(stored) == 2 and not any(passport in content or b"%PDF" in content for content in stored)
    assert b"identity/" not in bytes(IdentityVerification.get().ciphertext)
    (listed,) = client.simulate_get(REVIEWS, headers=admin).json["data"]
    assert (listed["identityStatus"], listed["documentCount"]) == ("PENDING", 2)
    first, second, none = (
        client.simulate_get(f"{REVIEWS}/{listed['id']}/documents/{number}", headers=admin) for number in (1, 2, 3)
    )
    assert (first.content, first.headers["content-type"]) == (passport, "image/png")
    assert second.headers["content-disposition"].startswith("attachment")
    assert (second.headers["cache-control"], none.status_code) == ("no-store", 404)
    for path in media.rglob("*"):
        if path.is_file():
            assert client.simulate_get(f"/media/{path.relative_to(media)}").status_code == 404


def test_approval_settles_the_papers_and_new_ones_replace_the_old(
    client: Client, review: None, admin: dict[str, str], media: Path
) -> None:
    headers = bearer(make_user())
    apply(client, headers)
    hand_in(client, headers, picture(), picture())
    (listed,) = client.simulate_get(REVIEWS, headers=admin).json["data"]
    client.simulate_patch(f"{REVIEWS}/{listed['id']}", json={"status": "APPROVED"}, headers=admin)
    assert IdentityVerification.get().status == "VERIFIED"
    assert hand_in(client, headers, picture("WEBP")).json["data"]["status"] == "PENDING"
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("contents", "field", "status"),
    [
        ((b"MZ\x90 not a paper",), "documents", 415),
        ((picture(), b"<html>"), "documents", 415),
        ((picture(),) * 5, "documents", 400),
        ((), "documents", 400),
        ((picture(),), "passport", 400),
        ((picture() + b"0" * (10 << 20),), "documents", 413),
    ],
)
def test_what_is_no_paper_is_refused_and_not_kept(
    client: Client, media: Path, contents: tuple[bytes, ...], field: str, status: int
) -> None:
    headers = bearer(make_user())
    assert hand_in(client, headers, *contents, field=field).status_code == status
    assert [path for path in media.rglob("*") if path.is_file()] == []


def test_bank_details_are_shown_masked_and_lie_encrypted(client: Client) -> None:
    headers = bearer(make_user())
    assert client.simulate_get(FINANCIAL, headers=headers).status_code == 404
    body = {"accountHolder": "Mira Lund", "iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX", "country": "DE"}
    kept = client.simulate_put(FINANCIAL, json=body, headers=headers)
    shown = client.simulate_get(FINANCIAL, headers=headers)
    assert (kept.status_code, kept.json) == (200, shown.json)
    assert (shown.json["data"]["iban"], shown.json["data"]["last4"]) == ("•••• 3000", "3000")
    assert shown.headers["cache-control"] == "no-store"
    assert IBAN[:10] not in json.dumps(shown.json)
    row = FinancialDetails.get()
    assert IBAN.encode() not in bytes(row.ciphertext) and b"Mira" not in bytes(row.ciphertext)
    other = {"accountHolder": "Mira Lund", "accountNumber": "000123456789", "routingNumber": "110000000"}
    replaced = client.simulate_put(FINANCIAL, json=other, headers=headers).json["data"]
    assert (replaced["iban"], replaced["accountNumber"]) == (None, "•••• 6789")
    assert client.simulate_get(FINANCIAL, headers=bearer(make_user())).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"accountHolder": "M"}, "iban"),
        ({"accountHolder": "M", "iban": IBAN, "accountNumber": "12345678"}, "iban"),
        ({"accountHolder": "M", "iban": "DE89370400440532013001"}, "iban"),
        ({"accountHolder": "M", "accountNumber": "1 - 2 - 3"}, "accountNumber"),
        ({"iban": IBAN}, "accountHolder"),
        ({"accountHolder": "M", "iban": IBAN, "country": "Germany"}, "country"),
        ({"accountHolder": "M", "iban": IBAN, "ciphertext": "x"}, "ciphertext"),
    ],
)
def test_wrong_bank_details_are_refused_by_their_field(client: Client, body: dict[str, str], field: str) -> None:
    result = client.simulate_put(FINANCIAL, json=body, headers=bearer(make_user()))
    assert (result.status_code, result.json["details"][0]["field"]) == (400, field)


def test_a_creator_profile_is_replaced_whole(client: Client) -> None:
    headers = bearer(make_user(role=Role.STREAMER))
    whole = {"bio": "I play", "categories": ["Games"], "links": [{"label": "Site", "url": "https://example.com"}]}
    assert client.simulate_put(CREATOR_PROFILE, json=whole, headers=headers).status_code == 200
    data = client.simulate_get(CREATOR_PROFILE, headers=headers).json["data"]
    assert {name: data[name] for name in whole} == whole
    assert client.simulate_put(CREATOR_PROFILE, json={"bio": "x"}, headers=headers).json["data"]["links"] == []
    hostile = {"links": [{"label": "x", "url": "javascript:alert(1)"}]}
    assert client.simulate_put(CREATOR_PROFILE, json=hostile, headers=headers).status_code == 400
    assert client.simulate_get(CREATOR_PROFILE, headers=bearer(make_user())).status_code == 403


def test_an_approved_creator_who_applies_again_stays_as_they_are(client: Client, jobs: FakeJobs) -> None:
    headers = bearer(make_user())
    first = apply(client, headers, bio="first").json["data"]
    assert apply(client, headers, bio="second").json["data"] == first
    assert bus.settings.creator_review is False
