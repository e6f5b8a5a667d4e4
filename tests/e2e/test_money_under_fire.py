"""Webhooks on a running stack while its broker, its database and its workers fail: every coin arrives once."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import stripe

import settings as configuration
from tests.e2e.stack import ROOT, Stack, running, until

BUYERS = 12


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="astrotv fire ") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


@pytest.fixture(scope="module")
def stack(data_dir: Path) -> Iterator[Stack]:
    with running(data_dir) as started:
        yield started


@pytest.fixture(scope="module")
def secret(stack: Stack, data_dir: Path) -> str:
    lines = (data_dir / "secrets.env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("STRIPE_WEBHOOK_SECRET="))


def ordered(stack: Stack, token: str, count: int = BUYERS) -> list[dict[str, Any]]:
    """Purchases whose payment nobody has heard of yet."""
    pack = stack.call("GET", "/api/payment/packages")[0]
    path, body = "/api/payment/purchase", {"packageId": pack["id"]}
    return [stack.call("POST", path, token, json=body) for _ in range(count)]


def paid(purchase: dict[str, Any]) -> str:
    """The provider's event that a purchase is paid."""
    tail = purchase["purchaseId"].replace("-", "")
    about = {
        "id": purchase["sessionId"],
        "object": "checkout.session",
        "client_reference_id": purchase["purchaseId"],
        "payment_intent": f"pi_{tail}",
        "payment_status": "paid",
        "amount_total": purchase["price"],
        "currency": purchase["currency"].lower(),
    }
    return json.dumps({"id": f"evt_{tail}", "type": "checkout.session.completed", "data": {"object": about}})


def told(stack: Stack, secret: str, body: str) -> int:
    """Send an event as a provider does; returns the status, 0 where nobody answers."""
    header = stripe.WebhookSignature.generate_signature_header(body, secret)
    try:
        url = f"{stack.url}/api/webhook/stripe"
        return requests.post(url, data=body.encode(), headers={"Stripe-Signature": header}, timeout=15).status_code
    except requests.RequestException:
        return 0


def balance(stack: Stack, token: str) -> int:
    return int(stack.call("GET", "/api/payment/wallet", token)["balance"])


def credited(stack: Stack, token: str, expected: int) -> None:
    """Wait for the coins; then see that no more come and that all books agree."""

    def arrived() -> bool:
        try:
            return balance(stack, token) >= expected
        except (AssertionError, requests.RequestException):
            return False

    until(arrived, 90)
    assert balance(stack, token) == expected
    purchases = stack.call("GET", "/api/payment/purchases?limit=100", token)
    assert {row["status"] for row in purchases} == {"paid"}


def reconciled(data_dir: Path) -> None:
    command = [sys.executable, "manage.py", "reconcile", "--offline"]
    clean = {name: value for name, value in os.environ.items() if name not in configuration.NAMES}
    environment = clean | {"DATA_DIR": str(data_dir)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.strip().endswith("the books agree"), run.stdout + run.stderr


def named(stack: Stack, *words: str) -> list[psutil.Process]:
    """Processes of the stack in whose command line all the words stand."""
    found = []
    for process in stack.children():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if all(word in line for word in words):
            found.append(process)
    return found


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """Processes that do not answer until the block ends."""
    assert processes
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def _viewer(stack: Stack, number: int) -> str:
    body = {"email": f"fire{number}@example.com", "password": "correct horse battery"}
    return str(stack.call("POST", "/api/auth/register", json=body)["token"])


def test_webhooks_that_arrive_while_the_broker_is_away_are_kept(stack: Stack, secret: str, data_dir: Path) -> None:
    token = _viewer(stack, 1)
    purchases = ordered(stack, token, 4)
    with stopped(named(stack, "redis-server")):
        assert [told(stack, secret, paid(purchase)) for purchase in purchases] == [200] * 4
    credited(stack, token, sum(purchase["coins"] for purchase in purchases))
    reconciled(data_dir)


def test_a_database_that_is_restarted_in_the_middle_loses_and_doubles_nothing(
    stack: Stack, secret: str, data_dir: Path
) -> None:
    token = _viewer(stack, 2)
    purchases = ordered(stack, token)
    bodies = [paid(purchase) for purchase in purchases]

    def until_taken(body: str) -> None:
        until(lambda: told(stack, secret, body) == 200, 60)

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(until_taken, body) for body in bodies * 3]
        [postmaster, *_] = [process for process in named(stack, "postgres", "-D") if _is_postmaster(process)]
        postmaster.send_signal(signal.SIGQUIT)  # an immediate shutdown: no transaction is finished
        for each in sent:
            each.result()
    credited(stack, token, sum(purchase["coins"] for purchase in purchases))
    reconciled(data_dir)


def _is_postmaster(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is None or "postgres" not in parent.name()


def test_workers_killed_over_and_over_credit_each_purchase_once(stack: Stack, secret: str, data_dir: Path) -> None:
    token = _viewer(stack, 3)
    purchases = ordered(stack, token)
    for number, purchase in enumerate(purchases):
        assert told(stack, secret, paid(purchase)) == 200
        if number % 4 == 3:
            for process in named(stack, "celery", "webhooks"):
                process.kill()
    credited(stack, token, sum(purchase["coins"] for purchase in purchases))
    reconciled(data_dir)
