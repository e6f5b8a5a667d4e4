"""A whole AstroTV from which parts are torn away under load.

What was acknowledged is there afterwards, what was not was refused cleanly (503 with Retry-After, or no
connection at all where the API itself was killed), and everything recovers by itself within ten seconds.
"""

import io
import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import requests
from PIL import Image

from tests.e2e.load import (
    NO_LIMIT,
    RECOVERS_WITHIN_S,
    Asking,
    Load,
    frozen,
    is_ready,
    open_session,
    postmaster,
    processes,
    redis_server,
    revivals,
    wallet_grows,
)
from tests.e2e.stack import Stack, running, until
from tests.folders import open_folder


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder("astrotv-faults-") as folder, running(folder / "stack", **NO_LIMIT) as started:
        yield started


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_a_database_that_ends_under_load_loses_nothing_acknowledged(stack: Stack, ending: signal.Signals) -> None:
    load, before = Load(stack), revivals(stack, "postgres")
    with load.at_work():
        postmaster(stack).send_signal(ending)
        load.recovered()
    assert revivals(stack, "postgres") == before + 1
    until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    load.nothing_is_lost()


def test_a_frozen_database_is_a_clean_refusal_in_time_and_comes_back(stack: Stack) -> None:
    load, server = Load(stack), postmaster(stack)
    with load.at_work():
        with frozen(server, *server.children()):
            until(lambda: load.refusals[503] > 20, 5 + RECOVERS_WITHIN_S)
            began_at = time.monotonic()
            assert requests.get(f"{stack.url}/health", timeout=5).ok, "liveness asks no store"
            ready = requests.get(f"{stack.url}/health/ready", timeout=5)
            assert (ready.status_code, ready.json()["data"]["parts"]["database"]["ok"]) == (503, False)
            assert time.monotonic() - began_at < 2, "nobody waits for what is known to be silent"
        load.recovered()
    assert load.slowest_s < RECOVERS_WITHIN_S + 5
    until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    load.nothing_is_lost()


def test_a_frozen_redis_delays_hardly_anybody(stack: Stack) -> None:
    load = Load(stack)
    with load.at_work():
        with frozen(redis_server(stack)):
            until(lambda: requests.get(f"{stack.url}/health/ready", timeout=15).status_code == 503, RECOVERS_WITHIN_S)
            load.recovered()
            assert stack.sign_in("viewer")
        until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    assert load.slowest_s < RECOVERS_WITHIN_S
    load.nothing_is_lost()
    wallet_grows(stack)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_redis_ends_under_load_and_posts_go_on(stack: Stack, ending: signal.Signals) -> None:
    load, before = Load(stack), revivals(stack, "redis")
    with load.at_work():
        redis_server(stack).send_signal(ending)
        load.recovered()
    until(lambda: revivals(stack, "redis") == before + 1, RECOVERS_WITHIN_S)
    until(lambda: is_ready(stack), RECOVERS_WITHIN_S)
    load.nothing_is_lost()


def test_redis_comes_back_without_its_data_and_jobs_are_still_done(stack: Stack) -> None:
    load, before = Load(stack), revivals(stack, "redis")
    with load.at_work():
        lose_everything(redis_server(stack))
        load.recovered()
    until(lambda: revivals(stack, "redis") == before + 1, RECOVERS_WITHIN_S)
    load.nothing_is_lost()
    wallet_grows(stack)


def test_jobs_that_redis_lost_are_asked_for_again(stack: Stack) -> None:
    viewer, before = stack.sign_in("viewer"), revivals(stack, "redis")
    with frozen(*processes(stack, "celery", "media@")):
        post = posted_picture(stack, viewer)
        lose_everything(redis_server(stack))
        until(lambda: revivals(stack, "redis") == before + 1, RECOVERS_WITHIN_S)
    until(lambda: is_shown(stack, post), 5 + RECOVERS_WITHIN_S)


def posted_picture(stack: Stack, token: str) -> str:
    written = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(written, "PNG")
    files = [("files", ("a.png", written.getvalue(), "image/png"))]
    return str(stack.call("POST", "/api/content/posts", token, data={"text": "Look"}, files=files)["id"])


def is_shown(stack: Stack, post: str) -> bool:
    return [media["status"] for media in stack.call("GET", f"/api/content/posts/{post}")["media"]] == ["READY"]


def lose_everything(server: psutil.Process) -> None:
    """Kill Redis together with what it has written."""
    home = Path(server.cwd())
    server.suspend()
    for kept in (*home.glob("*.rdb"), *home.glob("appendonly*")):
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    server.kill()


def test_what_a_killed_worker_had_in_hand_is_done_by_another(stack: Stack) -> None:
    """The whole worker dies, and with it whoever could have given its jobs back."""
    viewer = stack.sign_in("viewer")
    workers = processes(stack, "celery", "media@")
    with frozen(*workers[1:]):  # the children: jobs reach the worker, and are not begun
        posts = [posted_picture(stack, viewer) for _ in range(3)]
        until(lambda: stack.call("GET", f"/api/content/posts/{posts[0]}"))
        for process in workers:
            process.kill()
    for post in posts:
        until(partial(is_shown, stack, post), 10 + RECOVERS_WITHIN_S)


def test_payments_that_a_worker_had_begun_when_it_was_killed_arrive_in_time_and_once(stack: Stack) -> None:
    viewer = stack.sign_in("viewer")
    pack = stack.call("GET", "/api/payment/coin-packs")[0]
    before = stack.call("GET", "/api/payment/wallet", viewer)["balance"]
    with another_batch(stack) as database:
        for _ in range(4):
            bought = {"coinPackId": pack["id"]}
            checkout = stack.call("POST", "/api/payment/create-checkout-session", viewer, json=bought)
            assert requests.post(f"{checkout['checkoutUrl']}/pay", timeout=15).ok
        until(lambda: is_waited_for(database))  # a batch is taken, and not settled
        for process in processes(stack, "celery", "webhooks@"):
            process.kill()
    expected = before + 4 * pack["coins"]
    until(lambda: stack.call("GET", "/api/payment/wallet", viewer)["balance"] >= expected, RECOVERS_WITHIN_S)
    until(lambda: waiting(stack) == 0, RECOVERS_WITHIN_S)
    assert stack.call("GET", "/api/payment/wallet", viewer)["balance"] == expected


@contextmanager
def another_batch(stack: Stack) -> Iterator[Any]:
    """Somebody who settles webhooks and takes long over it: the other batches wait until the block ends."""
    state = json.loads((stack.data_dir / "running.json").read_text())
    with closing(psycopg2.connect(state["environment"]["DATABASE_OWNER_URL"])) as database:
        cursor = database.cursor()
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('webhooks'))")
        yield cursor


def is_waited_for(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return bool(cursor.fetchone()[0])


def waiting(stack: Stack) -> float:
    """How many webhooks are stored and not settled."""
    name = 'astrotv_backlog{kind="webhooks"} '
    lines = requests.get(f"{stack.url}/metrics", timeout=5).text.splitlines()
    return float(next(line for line in lines if line.startswith(name)).removeprefix(name))


@pytest.mark.parametrize("whom", ["one worker", "everybody"])
def test_the_api_killed_under_load_comes_back_and_nothing_acknowledged_is_lost(stack: Stack, whom: str) -> None:
    load = Load(stack)
    with load.at_work():
        servers = processes(stack, "gunicorn")
        for process in servers[1:2] if whom == "one worker" else servers:
            process.send_signal(signal.SIGKILL)
        load.recovered()
    assert load.cut > 0 or whom == "one worker"  # which may have had nothing in hand at that moment
    load.nothing_is_lost()


def test_what_is_repeated_under_its_key_after_a_kill_is_done_once(stack: Stack) -> None:
    session_id = open_session(stack)
    asking = Asking(stack, session_id)
    with asking.at_work():
        for _ in range(2):
            enough = len(asking.settled) + 3
            for process in processes(stack, "gunicorn")[1:]:
                process.kill()
            until(partial(asking.has_settled, enough), 20 + RECOVERS_WITHIN_S)
    assert asking.repeated > 0
    asked = Counter(row["text"] for row in all_questions(stack, session_id))
    assert set(asked.values()) == {1}
    assert asked.keys() == asking.settled.keys()


def all_questions(stack: Stack, session_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        path = f"{stack.url}/api/questions/session/{session_id}?limit=100{cursor}"
        headers = {"Authorization": f"Bearer {stack.sign_in('admin')}"}
        page = requests.get(path, headers=headers, timeout=15).json()
        found += page["data"]
        if not page["meta"].get("nextCursor"):
            return found
        cursor = f"&cursor={page['meta']['nextCursor']}"


def test_the_books_agree_after_all_of_it(stack: Stack) -> None:
    metrics = requests.get(f"{stack.url}/metrics", timeout=5).text
    assert "astrotv_jobs_total" in metrics
    assert 'astrotv_backlog{kind="webhooks_parked"} 0.0' in metrics
