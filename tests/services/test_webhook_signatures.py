"""Webhooks that the provider did not sign, or not now: refused, counted, and nothing is stored."""

import hmac
import time
from collections.abc import Iterator

import pytest
import stripe

from db.models.webhook_events import WebhookEvent
from services import webhooks
from services.bus import bus
from services.errors import Invalid
from services.payment_providers import payment_providers
from services.webhook_events import State
from tests.factories import make_user
from tests.payments import FakeProvider, completed, make_purchase, signed, state_of


@pytest.fixture(autouse=True)
def provider(_database: None) -> Iterator[None]:
    payment_providers.use({"stripe": FakeProvider()})
    yield
    payment_providers.reset()


@pytest.mark.parametrize("age_s", [301, -301, 86400, -86400])
def test_a_signature_of_another_time_is_refused(age_s: int) -> None:
    event = completed(make_purchase(make_user()))
    with pytest.raises(Invalid) as refusal:
        webhooks.receive("stripe", *signed(event, at=int(time.time()) - age_s))
    assert refusal.value.code == "bad_signature"
    assert WebhookEvent.select().count() == 0


def test_a_signature_by_another_key_is_refused_and_counted() -> None:
    counter = webhooks.REFUSED.labels("stripe")
    before = counter._value.get()
    with pytest.raises(Invalid):
        webhooks.receive("stripe", *signed(completed(make_purchase(make_user())), secret="whsec_of_somebody_else"))
    assert counter._value.get() == before + 1
    assert WebhookEvent.select().count() == 0


@pytest.mark.parametrize("header", ["", "t=,v1=", "t=1", "v1=abc", "t=x,v1=y", "ü", "t=1=2,v1=3", ",,,"])
def test_a_header_that_is_no_signature_is_refused(header: str) -> None:
    body, _ = signed(completed(make_purchase(make_user())))
    with pytest.raises(Invalid) as refusal:
        webhooks.receive("stripe", body, {"stripe-signature": header} if header else {})
    assert refusal.value.code == "bad_signature"


def test_a_changed_body_is_refused() -> None:
    body, headers = signed(completed(make_purchase(make_user())))
    for tampered in (body + b" ", body.replace(b"1990", b"1"), b"\xff\xfe", b""):
        with pytest.raises(Invalid):
            webhooks.receive("stripe", tampered, headers)
    assert WebhookEvent.select().count() == 0


def test_one_good_signature_among_several_is_enough() -> None:
    event = completed(make_purchase(make_user()))
    body, headers = signed(event)
    moment, _, good = headers["stripe-signature"].partition(",")
    rolled = f"{moment},v1={'0' * 64},{good},v0=old"
    webhooks.receive("stripe", body, {"stripe-signature": rolled})
    assert state_of(event) == State.RECEIVED


def test_signed_nonsense_is_refused() -> None:
    header = stripe.WebhookSignature.generate_signature_header("[1, 2", bus.settings.stripe_webhook_secret)
    with pytest.raises(Invalid) as refusal:
        webhooks.receive("stripe", b"[1, 2", {"stripe-signature": header})
    assert refusal.value.code == "malformed_event"


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "", "type": "a"}',
        b'{"id": "a", "type": ""}',
        b'{"id": "a\\u0000b", "type": "a"}',
        b'{"id": "a", "type": "a\\u0000b"}',
        b'{"id": "%s", "type": "a"}' % (b"a" * 256),
        b'{"id": "a", "type": "%s"}' % (b"a" * 121),
        b'{"id": "a", "type": "a", "data": %s1%s}' % (b'{"a":' * 50_000, b"}" * 50_000),
        b'{"id": "a", "type": "a", "data": "\xff"}',
    ],
)
def test_what_is_signed_and_cannot_be_kept_is_refused_as_malformed(body: bytes) -> None:
    moment = int(time.time())
    digest = hmac.new(bus.settings.stripe_webhook_secret.encode(), b"%d." % moment + body, "sha256").hexdigest()
    with pytest.raises(Invalid) as refusal:
        webhooks.receive("stripe", body, {"stripe-signature": f"t={moment},v1={digest}"})
    assert refusal.value.code in ("malformed_event", "bad_signature")
    assert WebhookEvent.select().count() == 0
