"""Both providers' clients against a server that refuses, fails, or answers with half of what is needed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from services.errors import Invalid
from services.gateways.payments.dodo import DodoProvider
from services.gateways.payments.interface import CheckoutOrder, PaymentProvider, ProviderAway, ProviderRefused
from services.gateways.payments.loopback import Answer, Call, Loopback
from services.gateways.payments.stripe import StripeProvider
from services.ids import new_id
from services.payment_providers import PaymentProviders
from tests.configuring import configured

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
Answering = Callable[..., PaymentProvider]


class Shelf:
    """Products that were made before."""

    def find(self, fingerprint: str) -> str | None:
        return "prod_1"

    def keep(self, fingerprint: str, product: str) -> None:
        raise AssertionError("nothing new was made")


@pytest.fixture(params=["stripe", "dodo"])
def answering(request: pytest.FixtureRequest) -> Iterator[Answering]:
    """Make a client of a server that always gives the same answer."""
    servers: list[Loopback] = []
    clients: list[PaymentProvider] = []

    def make(
        status: int, body: bytes = b'{"error":{"type":"invalid_request_error","message":"no"}}'
    ) -> PaymentProvider:
        def handle(call: Call) -> Answer:
            return Answer(status, body)

        servers.append(Loopback(handle))
        address = servers[-1].address
        if request.param == "stripe":
            clients.append(StripeProvider("sk_test_x", SECRET, base_address=address))
        else:
            clients.append(DodoProvider("key", (SECRET,), Shelf(), base_address=address))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
    for server in servers:
        server.close()


def order() -> CheckoutOrder:
    return CheckoutOrder(
        purchase_id=new_id(), title="coins", price=5, currency="PEN", success_url="http://a", cancel_url="http://b"
    )


@pytest.mark.parametrize("status", [400, 404])
def test_a_refusal_is_told_from_an_absence(answering: Answering, status: int) -> None:
    provider = answering(status)
    with pytest.raises(ProviderRefused):
        provider.set_plan_ending("sub_1", ends=True)
    with pytest.raises(ProviderRefused):
        list(provider.payments_since(SINCE))


def test_a_plan_that_the_provider_does_not_know_any_more_has_ended(answering: Answering) -> None:
    answering(404).end_plan("sub_1")


def test_no_checkout_is_opened_where_the_provider_refuses_or_names_no_page(answering: Answering) -> None:
    half = b'{"id":"cs_1","object":"checkout.session","session_id":"cks_1","url":null,"checkout_url":null}'
    for status, body in ((400, b'{"error":{"message":"no"}}'), (200, half)):
        with pytest.raises(ProviderAway):
            answering(status, body).create_checkout(order())


def test_a_key_that_is_not_valid_is_an_absence(answering: Answering) -> None:
    provider = answering(401)
    with pytest.raises(ProviderAway):
        provider.end_plan("sub_1")
    with pytest.raises(ProviderAway):
        provider.set_plan_ending("sub_1", ends=False)


def test_a_provider_that_has_kept_somebody_waiting_is_not_asked_by_everybody(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = answering(503)
    monkeypatch.setattr(provider._patience, "_timeout_s", 0.0)  # type: ignore[attr-defined]
    with pytest.raises(ProviderAway):
        provider.create_checkout(order())
    with pytest.raises(ProviderAway, match="has not answered others"):
        provider.create_checkout(order())
    with pytest.raises(ProviderAway, match="has not answered others"):
        provider.set_plan_ending("sub_1", ends=True)


def test_the_providers_are_those_with_a_key_and_without_any_the_sandbox_plays_both() -> None:
    def found(**keys: object) -> list[str]:
        with configured(**{"stripe_secret_key": "", "dodo_api_key": ""} | keys):
            providers = PaymentProviders()
            names = providers.names()
            providers.reset()
            return names

    assert found(stripe_secret_key="sk_test_x", stripe_webhook_secret=SECRET) == ["stripe"]
    assert found(dodo_api_key="key", dodo_webhook_secrets=(SECRET,)) == ["dodo"]
    assert found() == ["dodo", "stripe"]
    with configured(stripe_secret_key="sk_test_x", dodo_api_key=""), pytest.raises(Invalid):
        PaymentProviders().named("dodo")
