"""Which modules are mutated, and the tests that should notice."""

from collections.abc import Mapping, Sequence

WEBHOOKS = ("tests/services/test_webhooks.py", "tests/services/test_webhook_batches.py")
CARDS = ("tests/services/test_card_subscriptions.py",)
SUBSCRIPTIONS = ("tests/services/test_subscriptions.py", "tests/services/test_subscription_renewals.py")
CODES = ("tests/services/test_discounts.py", "tests/api/test_discounts.py")
ACCOUNTS = (
    "tests/api/test_accounts.py",
    "tests/services/test_lockout.py",
    "tests/services/test_one_time_codes.py",
    "tests/api/test_codes.py",
    "tests/api/test_security.py",
    "tests/api/test_administration.py",
)

TARGETS: Mapping[str, Sequence[str]] = {
    "ledger": ("tests/services/test_ledger.py", "tests/services/test_gifts.py", *WEBHOOKS),
    "wallets": ("tests/services/test_ledger.py", *WEBHOOKS, "tests/services/test_gifts.py"),
    "gifts": ("tests/services/test_gifts.py", "tests/api/test_payment.py"),
    "purchases": (*WEBHOOKS, "tests/services/test_purchases.py", "tests/services/test_dodo.py", *CODES),
    "webhooks": (*WEBHOOKS, "tests/services/test_dodo.py"),
    "webhook_batches": ("tests/services/test_webhook_batches.py",),
    "discounts": (*CODES, "tests/services/test_checkout.py"),
    "discount_codes": CODES,
    "subscriptions": (*SUBSCRIPTIONS, *CARDS, "tests/api/test_subscriptions.py"),
    "subscription_states": (*SUBSCRIPTIONS, *CARDS),
    "subscription_settlement": CARDS,
    "subscription_renewals": (*SUBSCRIPTIONS, *CARDS),
    "payouts": ("tests/services/test_payouts.py", "tests/api/test_panel.py"),
    "accounts": ACCOUNTS,
    "sessions": ACCOUNTS,
    "passwords": ACCOUNTS,
    "password_changes": ACCOUNTS,
    "tokens": ACCOUNTS,
    "lockout": ACCOUNTS,
    "one_time_codes": ACCOUNTS,
}
