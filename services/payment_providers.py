"""Which payment providers this installation has: Stripe with a key, else the payment sandbox."""

from collections.abc import Mapping

from services import sandbox_api
from services.bus import bus
from services.errors import Invalid
from services.gateways.payments.interface import PaymentProvider
from services.gateways.payments.loopback import Loopback
from services.gateways.payments.stripe import StripeProvider
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

    def use(self, providers: Mapping[str, PaymentProvider]) -> None:
        """Have these until the settings change."""
        self._made_from, self._providers = bus.settings, providers

    def reset(self) -> None:
        """Make them anew from the settings when next asked; the sandbox stops listening until then."""
        self._made_from = None
        self._stand_in.close()

    def _configured(self, settings: Settings) -> dict[str, PaymentProvider]:
        secret = settings.stripe_webhook_secret
        if not settings.payment_sandbox:
            return {"stripe": StripeProvider(settings.stripe_secret_key, secret)}
        key = sandbox_api.secret_key(settings)
        return {"stripe": StripeProvider(key, secret, base_address=self._stand_in.address)}


payment_providers = PaymentProviders()
