"""Which payment providers this installation has: those with a key, else the payment sandbox as both."""

from collections.abc import Mapping

from services import sandbox_api, sandbox_dodo_api
from services.bus import bus
from services.errors import Invalid
from services.gateways.payments.dodo import DodoProvider
from services.gateways.payments.interface import PaymentProvider
from services.gateways.payments.loopback import Loopback
from services.gateways.payments.stripe import StripeProvider
from services.provider_products import ProviderProducts
from services.webhook_secrets import dodo_secrets
from settings import Settings


class PaymentProviders:
    """The providers by name, made from the settings when the first is asked for."""

    def __init__(self) -> None:
        self._made_from: Settings | None = None
        self._providers: Mapping[str, PaymentProvider] = {}
        self._stand_in = Loopback(sandbox_api.handle)

    def named(self, name: str) -> PaymentProvider:
        """The provider; raises Invalid for one that is not configured."""
        if self._made_from is not bus.settings:
            self.use(self._configured(bus.settings))
        if name not in self._providers:
            raise Invalid.field("provider", "is not available here")
        return self._providers[name]

    def names(self) -> list[str]:
        """The providers that are configured here."""
        if self._made_from is not bus.settings:
            self.use(self._configured(bus.settings))
        return sorted(self._providers)

    def use(self, providers: Mapping[str, PaymentProvider]) -> None:
        """Have these until the settings change."""
        for provider in self._providers.values():
            provider.close()
        self._made_from, self._providers = bus.settings, providers

    def reset(self) -> None:
        """Make them anew from the settings when next asked; the sandbox stops listening until then."""
        self.use({})
        self._made_from = None
        self._stand_in.close()

    def _configured(self, settings: Settings) -> dict[str, PaymentProvider]:
        if settings.payment_sandbox:
            return self._sandbox(settings)
        found: dict[str, PaymentProvider] = {}
        if settings.stripe_secret_key:
            found["stripe"] = StripeProvider(settings.stripe_secret_key, settings.stripe_webhook_secret)
        if settings.dodo_api_key:
            secrets, products = dodo_secrets(settings), ProviderProducts("dodo")
            found["dodo"] = DodoProvider(settings.dodo_api_key, secrets, products, live=settings.production)
        return found

    def _sandbox(self, settings: Settings) -> dict[str, PaymentProvider]:
        key, address = sandbox_api.secret_key(settings), self._stand_in.address
        products = ProviderProducts("dodo")
        return {
            "stripe": StripeProvider(key, settings.stripe_webhook_secret, base_address=address),
            "dodo": DodoProvider(
                key, dodo_secrets(settings), products, base_address=lambda: address() + sandbox_dodo_api.PREFIX
            ),
        }


payment_providers = PaymentProviders()
