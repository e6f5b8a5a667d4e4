"""Many who sign up at the same moment, with one address or one name among them."""

import threading
from collections import Counter

from falcon import testing

from api.app import create_app
from db.models.users import User
from settings import Settings
from tests.factories import PASSWORD

TOGETHER = 12


def sign_up_together(settings: Settings, bodies: list[dict[str, str]]) -> Counter[tuple[int, str]]:
    """Send all sign-ups at once; counts the answers by status and code."""
    client, gate = testing.TestClient(create_app(settings)), threading.Barrier(len(bodies))
    answers: Counter[tuple[int, str]] = Counter()

    def sign_up(body: dict[str, str]) -> None:
        gate.wait(timeout=30)
        result = client.simulate_post("/api/auth/register", json=body)
        answers[(result.status_code, result.json.get("code", ""))] += 1

    threads = [threading.Thread(target=sign_up, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_one_address_makes_one_account(committed_db: Settings) -> None:
    spellings = ("mira@example.com", "MIRA@Example.com", " Mira@EXAMPLE.com ")
    bodies = [{"email": spellings[n % 3], "password": PASSWORD} for n in range(TOGETHER)]
    answers = sign_up_together(committed_db, bodies)
    assert answers == {(201, ""): 1, (409, "email_taken"): TOGETHER - 1}
    assert User.select().count() == 1


def test_one_username_makes_one_account(committed_db: Settings) -> None:
    bodies = [{"email": f"m{n}@example.com", "password": PASSWORD, "username": "mira"} for n in range(TOGETHER)]
    assert sign_up_together(committed_db, bodies) == {(201, ""): 1, (409, "username_taken"): TOGETHER - 1}


def test_made_up_usernames_give_way_to_one_another(committed_db: Settings) -> None:
    bodies = [{"email": f"mira@example{n}.com", "password": PASSWORD} for n in range(TOGETHER)]
    assert sign_up_together(committed_db, bodies) == {(201, ""): TOGETHER}
    assert len({user.username for user in User.select()}) == TOGETHER
