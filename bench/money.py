"""Money as buyers and givers feel it: webhooks taken and credited, gifts given, on a stack of its own."""

import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import stripe

from bench.figures import Figure, percentiles
from db.connection import query
from db.models.coin_packs import CoinPack
from db.models.coin_purchases import CoinPurchase
from operations import session
from services import reconciliation
from services.actors import Role
from services.bus import bus
from services.ids import new_id
from tests.e2e.stack import Stack, running, until
from tests.factories import bearer, make_user
from tests.payments import COINS, PRICE, completed, give_coins

RATE, SECONDS = 50, 60
BURST = 2000
SENDERS, GIFTS_EACH, CREATORS = 24, 60, 24
LINES = 8

Request = tuple[str, bytes, dict[str, str]]


def figures() -> Iterator[Figure]:
    """Webhooks at a steady rate and as fast as they go; gifts to one creator and to many."""
    with tempfile.TemporaryDirectory(prefix="astrotv bench ") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with running(data) as stack, session.opened({"DATA_DIR": str(data)}):
            _warm(stack)
            yield from _steady(stack)
            yield from _burst(stack)
            yield from _gifts(stack)
            yield Figure("findings of reconcile afterwards", len(reconciliation.reconcile().findings), "", 0)


def _warm(stack: Stack) -> None:
    """Let processes start what they start once."""
    _send_all(stack, _webhooks(_purchases(50)))
    _credited()


def _steady(stack: Stack) -> Iterator[Figure]:
    """From a webhook's first byte to its coins being in the wallet, by the clock of this one machine."""
    events = [completed(purchase) for purchase in _purchases(RATE * SECONDS)]
    begin, sent_at = time.time() + 1, {}

    def send(number: int) -> float:
        delay = begin + number / RATE - time.time()
        if delay > 0:
            time.sleep(delay)
        sent_at[events[number]["id"]] = time.time()
        _answered(stack, _signed(events[number]), 200)
        return time.time() - sent_at[events[number]["id"]]

    with ThreadPoolExecutor(2 * LINES) as pool:
        answers = list(pool.map(send, range(len(events))))
    settled = _credited()
    waits = [(settled[name] - at) * 1000 for name, at in sent_at.items()]
    yield from percentiles(f"webhooks at {RATE}/s for {SECONDS} s: answered", [1000 * each for each in answers], "ms")
    yield from percentiles(f"webhooks at {RATE}/s for {SECONDS} s: credited", waits, "ms")


def _burst(stack: Stack) -> Iterator[Figure]:
    requests = _webhooks(_purchases(BURST))
    began_at = time.time()
    _send_all(stack, requests)
    accepted_s = time.time() - began_at
    yield Figure("webhooks accepted, as many as go", BURST / accepted_s, "/s")
    settled = _credited()
    yield Figure("webhooks credited meanwhile and after", BURST / (max(settled.values()) - began_at), "/s")


def _gifts(stack: Stack) -> Iterator[Figure]:
    senders = [make_user() for _ in range(SENDERS)]
    for sender in senders:
        give_coins(sender, 2 * GIFTS_EACH)
    headers = [bearer(sender) for sender in senders]
    creators = [make_user(role=Role.STREAMER) for _ in range(CREATORS)]
    for name, whom in (("one popular creator", creators[:1]), ("many creators", creators)):
        orders = [_gift(creator.id) for creator in whom]
        given = [
            ("/api/payment/gift", orders[number % len(orders)], headers[number % SENDERS])
            for number in range(SENDERS * GIFTS_EACH)
        ]
        began_at = time.time()
        _send_all(stack, given, status=201)
        yield Figure(f"gifts to {name}", len(given) / (time.time() - began_at), "/s")


def _gift(streamer_id: object) -> bytes:
    [(star,)] = query("SELECT id FROM gifts WHERE name = 'Star'")
    return json.dumps({"giftId": str(star), "streamerId": str(streamer_id)}).encode()


def _purchases(count: int) -> Sequence[CoinPurchase]:
    """Purchases that wait to be paid, each by somebody of a few."""
    pack = CoinPack.create(name="Bench", coins=COINS, price=PRICE, currency="PEN", is_active=False)
    buyers = [make_user() for _ in range(20)]
    rows = [
        CoinPurchase(
            id=new_id(),
            user=buyers[number % len(buyers)].id,
            coin_pack=pack.id,
            coins=COINS,
            price=PRICE,
            currency="PEN",
            provider="stripe",
            success_url="http://localhost:3000/a",
            cancel_url="http://localhost:3000/b",
        )
        for number in range(count)
    ]
    CoinPurchase.bulk_create(rows, batch_size=500)
    return rows


def _webhooks(purchases: Sequence[CoinPurchase]) -> list[Request]:
    return [_signed(completed(purchase)) for purchase in purchases]


def _signed(event: dict[str, Any]) -> Request:
    body = json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(body, bus.settings.stripe_webhook_secret)
    return "/api/webhook/stripe", body.encode(), {"Stripe-Signature": signature}


def _credited() -> dict[str, float]:
    """When each webhook was settled, once all are."""
    until(lambda: not query("SELECT 1 FROM webhook_events WHERE state = 'RECEIVED' LIMIT 1"), 300)
    assert query("SELECT 1 FROM webhook_events WHERE state <> 'PROCESSED' LIMIT 1") == []
    return {name: at.timestamp() for name, at in query("SELECT event_id, processed_at FROM webhook_events")}


def _send_all(stack: Stack, requests: Sequence[Request], status: int = 200) -> None:
    with ThreadPoolExecutor(LINES) as pool:
        list(pool.map(lambda request: _answered(stack, request, status), requests))


_line = threading.local()


def _answered(stack: Stack, request: Request, status: int) -> None:
    """Send a request on this thread's own line, which is kept open."""
    path, body, headers = request
    line = getattr(_line, "connection", None)
    if line is None or line.port != urlsplit(stack.url).port:
        line = _line.connection = http.client.HTTPConnection("127.0.0.1", urlsplit(stack.url).port, timeout=30)
    line.request("POST", path, body, {"Content-Type": "application/json", **headers})
    answer = line.getresponse()
    content = answer.read()
    assert answer.status == status, (answer.status, content)
