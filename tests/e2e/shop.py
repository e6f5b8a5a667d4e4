"""A shop for tests that buy: our HTTP with one thread, the payment sandbox, and the jobs of money done at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from uuid import UUID
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import requests

import bootstrap
from api.app import create_app
from db.models.users import User
from services import sandbox_deliveries, subscription_renewals, webhook_batches, webhooks
from services.errors import Unavailable
from services.payment_providers import payment_providers
from settings import Settings
from tests.factories import bearer, make_user
from tests.fakes import FakeJobs

TIMEOUT_S = 60
RUN: dict[str, Callable[..., None]] = {
    "webhooks.settle": webhook_batches.settle_waiting,
    "webhooks.process": lambda event_id: webhooks.process(UUID(event_id)),
    "subscriptions.sync": lambda subscription_id: subscription_renewals.sync_with_provider(UUID(subscription_id)),
    "payments.send_sandbox_webhooks": lambda batch_id: sandbox_deliveries.send(UUID(batch_id)),
}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The test says what matters."""


class Shop:
    """The API over HTTP, with one thread to answer in, and a buyer."""

    def __init__(self, url: str, jobs: FakeJobs, buyer: User) -> None:
        self.url, self.jobs, self.buyer = url, jobs, buyer
        self.headers = bearer(buyer)

    def post(self, path: str, **rest: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", headers=self.headers, timeout=TIMEOUT_S, **rest)

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{path}", headers=self.headers, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def start(self, **order: Any) -> dict[str, Any]:
        pack = self.get("/api/payment/coin-packs")[0]
        answer = self.post("/api/payment/create-checkout-session", json={"coinPackId": pack["id"]} | order)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    def press(self, started: dict[str, Any], button: str, **fields: Any) -> None:
        answer = requests.post(f"{started['checkoutUrl']}/{button}", data=fields, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        self.work()

    def work(self) -> None:
        """Do every job of money that was asked for, and those that they ask for."""
        tries_left = 200
        while self.jobs.sent and tries_left:
            message, tries_left = self.jobs.sent.pop(0), tries_left - 1
            try:
                if message.name in RUN:
                    RUN[message.name](**message.arguments)
            except Unavailable:
                self.jobs.sent.append(message)

    def subscribe(self, streamer: User, tier: str = "basic", **order: Any) -> dict[str, Any]:
        """By card; the subscription with its `checkoutUrl`."""
        body = {"streamerId": str(streamer.id), "tier": tier, "paymentMethod": "card"} | order
        answer = self.post("/api/subscriptions", json=body)
        assert answer.status_code == 201, answer.text
        data = answer.json()["data"]
        return {**data["subscription"], "checkoutUrl": data["checkoutUrl"]}

    def cancel(self, subscription: dict[str, Any]) -> None:
        path = f"{self.url}/api/subscriptions/{subscription['id']}"
        answer = requests.delete(path, headers=self.headers, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        self.work()

    def shown(self, subscription: dict[str, Any]) -> dict[str, Any]:
        """The subscription as it stands now."""
        mine = self.get(f"/api/subscriptions/{self.buyer.id}")
        return dict(next(row for row in mine if row["id"] == subscription["id"]))

    def status(self, started: dict[str, Any]) -> str:
        found = [row for row in self.get("/api/payment/purchases") if row["id"] == started["purchaseId"]]
        return str(found[0]["status"])


@contextmanager
def open_shop(settings: Settings, jobs: FakeJobs) -> Iterator[Shop]:
    """A shop on a database of its own, with a buyer."""
    server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=_Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    served = msgspec.structs.replace(settings, public_url=url)
    bootstrap.open_stores(served, pool_size=40, jobs=jobs)
    server.set_app(create_app(served))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Shop(url, jobs, make_user())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        payment_providers.reset()
