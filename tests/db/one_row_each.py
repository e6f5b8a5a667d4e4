"""A row of every table that has a policy, by plain SQL: all of one owner's, beside another person and strangers.

`%(owner)s` has a channel, a private lounge and a wallet; `%(other)s` is whom the owner gave gifts and subscribes to.
"""

from uuid import UUID, uuid5

PLACE = UUID("0190aaaa-0000-7000-8000-000000000000")
PEOPLE = {name: str(uuid5(PLACE, name)) for name in ("owner", "other", "stranger", "moderator", "admin")}
ROLES = {"owner": "streamer", "other": "streamer", "stranger": "streamer", "moderator": "moderator", "admin": "admin"}


def of(name: str) -> str:
    """The id of the row that stands for `name`."""
    return str(uuid5(PLACE, name))


NAMES = PEOPLE | {
    name: of(name)
    for name in (
        *("auth_sessions", "channel_room", "lounge_room", "session_room", "channels", "streams", "projects", "events"),
        *("event_sessions", "processes", "questions", "polls", "poll_options", "surveys", "wallet", "issued", "moved"),
        *("purchase", "code", "subscriptions", "item", "lounges", "posts"),
    )
}
PERSON = """INSERT INTO users (id, email, username, name, password_hash, role)
VALUES (%(id)s, %(name)s || '@example.com', %(name)s, %(name)s, 'x', %(role)s)"""

#: What the rows below hang on, and what has no policy of its own. In the order in which they can be written.
GROUND = """
INSERT INTO rooms (id, kind, owner_id) VALUES (%(channel_room)s, 'CHANNEL', %(owner)s),
    (%(lounge_room)s, 'LOUNGE', %(owner)s), (%(session_room)s, 'SESSION', NULL);
INSERT INTO streams (id, title, status) VALUES (%(streams)s, 'A stream', 'SCHEDULED');
INSERT INTO projects (id, name) VALUES (%(projects)s, 'A project');
INSERT INTO events (id, project_id, title, slug, start_time, end_time)
    VALUES (%(events)s, %(projects)s, 'An event', 'an-event', now(), now() + interval '1 hour');
INSERT INTO event_sessions (id, event_id, room_id, title, start_time, end_time)
    VALUES (%(event_sessions)s, %(events)s, %(session_room)s, 'A session', now(), now() + interval '1 hour');
INSERT INTO polls (id, session_id, question, status) VALUES (%(polls)s, %(event_sessions)s, 'Which?', 'OPEN');
INSERT INTO poll_options (id, poll_id, position, text) VALUES (%(poll_options)s, %(polls)s, 1, 'This');
INSERT INTO surveys (id, session_id, title) VALUES (%(surveys)s, %(event_sessions)s, 'A survey');
INSERT INTO accounts_ledger (id, kind, currency) VALUES (%(issued)s, 'ISSUED', 'COIN');
INSERT INTO marketplace_items (id, seller_id, name, price, stock) VALUES (%(item)s, %(other)s, 'A cup', 1, 1)"""

#: Table, columns and values; the row is named by its first column, or by the first two where that is no id.
ROWS = {
    "rooms": "(id, kind, owner_id) VALUES (%(row)s, 'LOUNGE', %(owner)s)",
    "room_moderators": "(room_id, user_id) VALUES (%(channel_room)s, %(other)s)",
    "lounges": "(id, room_id, name, visibility) VALUES (%(lounges)s, %(lounge_room)s, 'Ours', 'PRIVATE')",
    "lounge_members": "(lounge_id, user_id) VALUES (%(lounges)s, %(owner)s)",
    "posts": "(id, author_id, text) VALUES (%(posts)s, %(owner)s, 'A post')",
    "post_media": """(id, post_id, position, kind, source_format)
        VALUES (%(row)s, %(posts)s, 0, 'IMAGE', 'image/png')""",
    "post_likes": "(post_id, user_id) VALUES (%(posts)s, %(owner)s)",
    "comments": "(id, post_id, author_id, text) VALUES (%(row)s, %(posts)s, %(owner)s, 'Indeed')",
    "comment_likes": "(comment_id, user_id) VALUES (%(row)s, %(owner)s)",
    "categories": "(id, name, slug) VALUES (%(row)s, 'Kites', 'kites')",
    "tags": "(id, name) VALUES (%(row)s, 'Wind')",
    "category_tags": "(category_id, tag_id) VALUES (%(row)s, %(row)s)",
    "coin_packs": "(id, name, coins, price, currency) VALUES (%(row)s, 'A purse', 1, 1, 'PEN')",
    "discount_code_packs": "(discount_code_id, coin_pack_id) VALUES (%(row)s, %(row)s)",
    "projects": "(id, name) VALUES (%(row)s, 'Another')",
    "events": """(id, project_id, title, slug, start_time, end_time)
        VALUES (%(row)s, %(projects)s, 'Another', 'another', now(), now() + interval '1 hour')""",
    "event_sessions": """(id, event_id, room_id, title, start_time, end_time)
        VALUES (%(row)s, %(events)s, %(row)s, 'Another', now(), now() + interval '1 hour')""",
    "breakout_rooms": "(id, event_id, room_id, name) VALUES (%(row)s, %(events)s, %(row)s, 'A corner')",
    "polls": "(id, session_id, question, status) VALUES (%(row)s, %(event_sessions)s, 'Who?', 'DRAFT')",
    "poll_options": "(id, poll_id, position, text) VALUES (%(row)s, %(polls)s, 2, 'That')",
    "surveys": "(id, session_id, title) VALUES (%(row)s, %(event_sessions)s, 'Another')",
    "survey_fields": "(id, survey_id, position, question, type) VALUES (%(row)s, %(surveys)s, 1, 'Well?', 'TEXT')",
    "gifts": "(id, streamer_id, name, cost, points) VALUES (%(row)s, %(owner)s, 'A kite', 1, 1)",
    "loyalty_levels": "(id, streamer_id, name, required_points) VALUES (%(row)s, %(owner)s, 'Friend', 1)",
    "emotes": "(id, streamer_id, code, tier, images) VALUES (%(row)s, %(owner)s, 'kite', 'basic', '{}')",
    "creator_profiles": "(user_id) VALUES (%(owner)s)",
    "streams": "(id, channel_id, title, status) VALUES (%(row)s, %(channels)s, 'Another', 'SCHEDULED')",
    "clips": """(id, stream_id, creator_id, title, starts_at, ends_at)
        VALUES (%(row)s, %(streams)s, %(owner)s, 'A clip', now(), now() + interval '1 second')""",
    "recordings": "(id, stream_id) VALUES (%(row)s, %(streams)s)",
    "stream_metrics_minute": "(stream_id, minute) VALUES (%(streams)s, date_trunc('minute', now(), 'UTC'))",
    "analytics_progress": "(name, until) VALUES ('hourly', now())",
    "retention_progress": "(name, gone_before) VALUES ('raw', now())",
    "auth_sessions": "(id, user_id, refresh_token_hash, expires_at) VALUES (%(auth_sessions)s, %(owner)s, 'x', now())",
    "spent_refresh_tokens": "(session_id, token_hash) VALUES (%(auth_sessions)s, 'y')",
    "one_time_codes": """(id, email, purpose, code_hash, expires_at)
        VALUES (%(row)s, 'owner@example.com', 'sign-in', 'x', now())""",
    "previous_usernames": "(id, user_id, username) VALUES (%(row)s, %(owner)s, 'before')",
    "idempotency_keys": "(user_id, key, fingerprint) VALUES (%(owner)s, 'k', 'x')",
    "notification_preferences": "(user_id, kind, in_app, push, mail) VALUES (%(owner)s, 'gift', true, true, true)",
    "notifications": "(id, user_id, kind, title) VALUES (%(row)s, %(owner)s, 'gift', 'A gift')",
    "file_uploads": """(id, owner_id, kind, storage_key, content_type, bytes, sha256)
        VALUES (%(row)s, %(owner)s, 'avatar', 'x', 'image/png', 1, decode(repeat('00', 32), 'hex'))""",
    "identity_verifications": """(id, user_id, document_count, ciphertext, key_id)
        VALUES (%(row)s, %(owner)s, 1, 'x', 'k')""",
    "financial_details": """(id, user_id, ciphertext, key_id, last4) VALUES (%(row)s, %(owner)s, 'x', 'k', '1234')""",
    "creator_applications": "(id, user_id, status) VALUES (%(row)s, %(owner)s, 'PENDING')",
    "channels": "(id, user_id, room_id, stream_key_hash) VALUES (%(channels)s, %(owner)s, %(channel_room)s, 'x')",
    "channel_ingresses": "(channel_id, kind, ingress_id) VALUES (%(channels)s, 'RTMP', 'x')",
    "ingest_sessions": "(id, stream_id, server) VALUES (%(row)s, %(streams)s, 'a')",
    "follows": "(follower_id, following_id) VALUES (%(owner)s, %(other)s)",
    "blocks": "(blocker_id, blocked_id) VALUES (%(owner)s, %(other)s)",
    "event_users": "(event_id, user_id) VALUES (%(events)s, %(owner)s)",
    "presence_processes": "(id, seen_at) VALUES (%(processes)s, now())",
    "attendance_spans": """(id, event_id, user_id, process_id, entered_at)
        VALUES (%(row)s, %(events)s, %(owner)s, %(processes)s, now())""",
    "questions": "(id, session_id, author_id, text) VALUES (%(questions)s, %(event_sessions)s, %(owner)s, 'Why?')",
    "question_upvotes": "(question_id, user_id) VALUES (%(questions)s, %(owner)s)",
    "poll_votes": "(poll_id, user_id) VALUES (%(polls)s, %(owner)s)",
    "poll_vote_options": "(poll_id, user_id, option_id) VALUES (%(polls)s, %(owner)s, %(poll_options)s)",
    "survey_responses": "(id, survey_id, user_id, answers) VALUES (%(row)s, %(surveys)s, %(owner)s, '{}')",
    "accounts_ledger": """(id, kind, owner_id, currency, balance)
        VALUES (%(wallet)s, 'WALLET', %(owner)s, 'COIN', 1)""",
    "ledger_transactions": """(id, kind, currency, reference, idempotency_key)
        VALUES (%(moved)s, 'GRANT', 'COIN', %(row)s, 'a')""",
    "ledger_entries": """(id, transaction_id, account_id, currency, amount)
        VALUES (%(row)s, %(moved)s, %(wallet)s, 'COIN', 1)""",
    "coin_purchases": """(id, user_id, coin_pack_id, coins, price, currency, provider, success_url, cancel_url)
        VALUES (%(purchase)s, %(owner)s, '01900000-0000-7000-8000-000000000101', 1, 1, 'PEN', 'stripe', '', '')""",
    "gift_transactions": """(id, ledger_transaction_id, gift_id, sender_id, streamer_id, quantity, coins, points)
        VALUES (%(row)s, %(moved)s, '01900000-0000-7000-8000-000000000201', %(owner)s, %(other)s, 1, 1, 1)""",
    "loyalty_points": "(viewer_id, streamer_id, points) VALUES (%(owner)s, %(other)s, 1)",
    "discount_codes": "(id, code, kind, percent_off, owner_id) VALUES (%(code)s, 'STAR-1', 'percent', 10, %(owner)s)",
    "discount_redemptions": """(id, discount_code_id, purchase_id, user_id)
        VALUES (%(row)s, %(code)s, %(purchase)s, %(owner)s)""",
    "subscriptions": """(id, subscriber_id, streamer_id, tier, payment_method, price, currency, status, started_at,
                         anchor_at, expires_at)
        VALUES (%(subscriptions)s, %(owner)s, %(other)s, 'pro', 'coins', 1, 'COIN', 'active', now(), now(), now())""",
    "subscription_payments": """(id, subscription_id, ledger_transaction_id, amount, currency, period_ends_at)
        VALUES (%(row)s, %(subscriptions)s, %(moved)s, 1, 'COIN', now())""",
    "payouts": """(id, user_id, amount, currency, account_last4, held_transaction_id)
        VALUES (%(row)s, %(owner)s, 1, 'COIN', '1234', %(moved)s)""",
    "marketplace_items": "(id, seller_id, name, price, stock) VALUES (%(row)s, %(owner)s, 'A kite', 1, 1)",
    "marketplace_purchases": """(id, ledger_transaction_id, item_id, buyer_id, seller_id, name, quantity, coins)
        VALUES (%(row)s, %(moved)s, %(item)s, %(owner)s, %(other)s, 'A cup', 1, 1)""",
    "messages": "(id, room_id, seq, author_id, text) VALUES (%(row)s, %(lounge_room)s, 1, %(owner)s, 'Hello')",
    "bans": "(id, room_id, user_id) VALUES (%(row)s, %(session_room)s, %(owner)s)",
    "reports": """(id, reporter_id, kind, target_id, reason) VALUES (%(row)s, %(owner)s, 'USER', %(other)s, 'Why')""",
    "moderation_log": "(id, actor_id, action) VALUES (%(row)s, %(owner)s, 'BAN')",
    "like_news": "(id, owner_id, liker_id, post_id) VALUES (%(row)s, %(owner)s, %(other)s, %(posts)s)",
    "outbox": "(id, kind, name, payload) VALUES (%(row)s, 'job', 'x', '{}')",
    "dead_letters": "(id, job, payload, error, attempts) VALUES (%(row)s, 'x', '{}', '', 1)",
    "webhook_events": """(id, provider, event_id, kind, payload, next_attempt_at)
        VALUES (%(row)s, 'stripe', 'e', 'x', '', now())""",
    "provider_products": "(provider, fingerprint, product) VALUES ('dodo', 'f', 'p')",
    "payment_sandbox_sessions": "(id, request, amount, currency) VALUES ('cs_1', '{}', 1, 'PEN')",
    "payment_sandbox_deliveries": """(id, batch_id, session_id, position, body, due_at)
        VALUES (%(row)s, %(row)s, 'cs_1', 1, '', now())""",
    "payment_sandbox_products": """(id, name, amount, currency, is_recurring) VALUES ('p', 'x', 1, 'PEN', false)""",
    "analytics_hourly": "(streamer_id, at, {figures}) VALUES (%(owner)s, date_trunc('hour', now(), 'UTC'), {zeros})",
    "analytics_daily": "(streamer_id, at, {figures}) VALUES (%(owner)s, date_trunc('day', now(), 'UTC'), {zeros})",
    "analytics_chatters": "(streamer_id, at, chatter_id) VALUES (%(owner)s, now(), %(other)s)",
    "analytics_chatters_daily": "(streamer_id, at, chatter_id) VALUES (%(owner)s, now(), %(other)s)",
}
_FIGURES = (
    *("streamed_ms", "viewers_sum", "samples", "peak_viewers", "messages", "unique_chatters", "coins", "gifts"),
    *("new_followers", "new_subscribers"),
)


def insertion(table: str) -> str:
    """The statement that writes the row of a table."""
    columns = ROWS[table].replace("{figures}", ", ".join(_FIGURES)).replace("{zeros}", ", ".join("0" for _ in _FIGURES))
    return f"INSERT INTO {table} {columns}"


def values(table: str) -> dict[str, str]:
    """What its placeholders stand for."""
    return NAMES | {"row": of(f"row of {table}")}
