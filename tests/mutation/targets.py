"""Which modules are mutated, and the tests that should notice."""

from collections.abc import Mapping, Sequence

WEBHOOKS = (
    "tests/services/test_webhooks.py",
    "tests/services/test_webhook_batches.py",
    "tests/services/test_webhook_sweeper.py",
)
EVENTS = ("tests/services/test_webhook_events.py", "tests/services/test_webhook_signatures.py")
CARDS = (
    "tests/services/test_card_subscriptions.py",
    "tests/services/test_card_refunds.py",
    "tests/services/test_card_ends.py",
    "tests/services/test_events_out_of_turn.py",
)
SUBSCRIPTIONS = ("tests/services/test_subscriptions.py", "tests/services/test_subscription_renewals.py")
CODES = ("tests/services/test_discounts.py", "tests/api/test_discounts.py")
CHECKOUT = (
    "tests/services/test_checkout.py",
    "tests/services/test_provider_waits.py",
    "tests/services/test_discounts.py",
    "tests/api/test_payment.py",
)
MARKET = ("tests/services/test_marketplace.py", "tests/api/test_marketplace.py")
RECONCILIATION = ("tests/services/test_provider_reconciliation.py",)
ENCRYPTION = ("tests/services/test_encryption.py",)
CREATORS = ("tests/api/test_creators.py",)
ACCOUNTS = (
    "tests/api/test_accounts.py",
    "tests/api/test_concurrent_sign_ups.py",
    "tests/services/test_lockout.py",
    "tests/services/test_passwords.py",
    "tests/services/test_sessions.py",
    "tests/services/test_tokens.py",
    "tests/services/test_one_time_codes.py",
    "tests/api/test_codes.py",
    "tests/api/test_security.py",
    "tests/api/test_administration.py",
)
STANDING = (
    "tests/services/test_blocks.py",
    "tests/services/test_moderation.py",
    "tests/services/test_chat_rules.py",
    "tests/api/test_moderation.py",
    "tests/services/test_lounges.py",
    "tests/services/test_message_edits.py",
    "tests/services/test_chat.py",
    "tests/services/test_moderation_scope.py",
)

MONEY: Mapping[str, Sequence[str]] = {
    "ledger": ("tests/services/test_ledger.py", "tests/services/test_gifts.py", *WEBHOOKS),
    "wallets": ("tests/services/test_ledger.py", *WEBHOOKS, "tests/services/test_gifts.py"),
    "gifts": ("tests/services/test_gifts.py", "tests/api/test_payment.py"),
    "custom_gifts": ("tests/services/test_custom_gifts.py",),
    "coin_packs": ("tests/services/test_coin_packs.py", "tests/api/test_payment.py"),
    "checkout": (*CHECKOUT, *WEBHOOKS, "tests/services/test_sandbox.py"),
    "abandoned_checkouts": (*RECONCILIATION, "tests/services/test_discounts.py"),
    "purchases": (
        *WEBHOOKS,
        "tests/services/test_events_out_of_turn.py",
        "tests/services/test_purchases.py",
        "tests/services/test_dodo.py",
        *CODES,
    ),
    "webhooks": (*WEBHOOKS, *EVENTS, "tests/services/test_dodo.py", "tests/services/test_sandbox.py"),
    "webhook_batches": ("tests/services/test_webhook_batches.py",),
    "webhook_effects": (*WEBHOOKS, *CARDS, "tests/api/test_livekit.py"),
    "webhook_events": (*WEBHOOKS, *EVENTS, "tests/services/test_retention.py"),
    "discounts": (*CODES, "tests/services/test_checkout.py"),
    "discount_codes": CODES,
    "subscriptions": (*SUBSCRIPTIONS, *CARDS, "tests/api/test_subscriptions.py"),
    "subscription_states": (*SUBSCRIPTIONS, *CARDS),
    "subscription_settlement": CARDS,
    "subscription_payments": (*SUBSCRIPTIONS, *CARDS),
    "subscription_refunds": CARDS,
    "subscription_renewals": (*SUBSCRIPTIONS, *CARDS),
    "billing_months": (*SUBSCRIPTIONS, *CARDS),
    "entitlements": ("tests/services/test_entitlements.py", *SUBSCRIPTIONS),
    "marketplace": MARKET,
    "marketplace_purchases": MARKET,
    "payouts": ("tests/services/test_payouts.py", "tests/api/test_panel.py", *CREATORS),
    "financial": (*CREATORS, *ENCRYPTION, "tests/services/test_payouts.py"),
    "reconciliation": ("tests/services/test_ledger.py", "tests/services/test_reconciliation.py"),
    "provider_reconciliation": RECONCILIATION,
    "idempotency": ("tests/services/test_idempotency.py", "tests/services/test_retention.py"),
}

SIGN_IN: Mapping[str, Sequence[str]] = {
    "accounts": ACCOUNTS,
    "sessions": (*ACCOUNTS, "tests/services/test_clock_steps.py"),
    "passwords": ACCOUNTS,
    "password_changes": ACCOUNTS,
    "tokens": (*ACCOUNTS, "tests/services/test_clock_steps.py"),
    "lockout": ACCOUNTS,
    "one_time_codes": ACCOUNTS,
    "actors": (*ACCOUNTS, "tests/services/test_moderation_scope.py"),
    "user_administration": ACCOUNTS,
    "throttle": (
        "tests/services/test_throttle.py",
        "tests/services/test_verdicts.py",
        "tests/services/test_redis_away.py",
        "tests/api/test_codes.py",
    ),
    "standing": STANDING,
    "moderation_scope": STANDING,
    "identity": ("tests/services/test_identity.py", "tests/api/test_creators.py"),
    "encryption": ENCRYPTION,
    "key_rotation": ENCRYPTION,
}

TARGETS: Mapping[str, Sequence[str]] = {**MONEY, **SIGN_IN}
