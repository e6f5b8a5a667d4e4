"""What tests of analytics need: things that happened at times of the past, row by row."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from db.connection import query
from db.models.channels import Channel
from db.models.gifts import Gift
from db.models.streams import Stream
from db.models.users import User
from db.transactions import atomic
from services import ledger
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posting, TransactionKind
from tests.factories import make_stream

#: Clocks in Europe went forward on this day; nothing here may notice.
SUNDAY = datetime(2024, 3, 31, tzinfo=UTC)
STAR = UUID("01900000-0000-7000-8000-000000000201")


def at(hours: float, day: datetime = SUNDAY) -> datetime:
    """A moment, in hours since the day began."""
    return day + timedelta(hours=hours)


def stream_between(channel: Channel, since: datetime, until: datetime | None = None) -> Stream:
    """A stream that went live then, and ended then (None: it is live)."""
    status = "LIVE" if until is None else "ENDED"
    return make_stream(channel, status=status, started_at=since, ended_at=until)


def watched(stream: Stream, minute: datetime, *samples: int) -> None:
    """How many watched in a minute, sample by sample."""
    query(
        """INSERT INTO stream_metrics_minute (stream_id, minute, slots, samples, viewers_sum, viewers)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (stream.id, minute, 2 ** len(samples) - 1, len(samples), sum(samples), max(samples)),
    )


def said(channel: Channel, author: User, when: datetime) -> None:
    """A message; only the owner of the schema may put one into the past."""
    with atomic():
        query("SET LOCAL ROLE NONE")
        query(
            """INSERT INTO messages (id, room_id, seq, author_id, text, created_at)
               SELECT %s, %s, coalesce(max(seq), 0) + 1, %s, 'Hello', %s FROM messages WHERE room_id = %s""",
            (new_id(), channel.room_id, author.id, when, channel.room_id),
        )
        query("SET LOCAL ROLE astrotv_app")


def given(sender: User, streamer: User, when: datetime, quantity: int = 1, gift: Gift | None = None) -> int:
    """A gift, with an entry in the books; returns the coins."""
    coins = (gift.cost if gift else 1) * quantity
    given_id = new_id()
    legs = (Leg(AccountKind.ISSUED, -coins), Leg(AccountKind.EARNINGS, coins, streamer.id))
    with atomic():
        posted = ledger.post(
            Posting(kind=TransactionKind.GIFT, reference=given_id, idempotency_key=str(given_id), legs=legs)
        )
        query(
            """INSERT INTO gift_transactions
                   (id, ledger_transaction_id, gift_id, sender_id, streamer_id, quantity, coins, points, created_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s)""",
            (given_id, posted.transaction_id, gift.id if gift else STAR, sender.id, streamer.id, quantity, coins, when),
        )
    return coins


def followed(follower: User, streamer: User, when: datetime) -> None:
    query(
        "INSERT INTO follows (follower_id, following_id, created_at) VALUES (%s, %s, %s)",
        (follower.id, streamer.id, when),
    )


def subscribed(subscriber: User, streamer: User, when: datetime) -> None:
    """A subscription that began then, paid in coins, and the payment of its first month."""
    subscription_id = new_id()
    until = when + timedelta(days=31)
    query(
        """INSERT INTO subscriptions (id, subscriber_id, streamer_id, tier, payment_method, price, currency, status,
                                      anchor_at, started_at, expires_at)
           VALUES (%s, %s, %s, 'basic', 'coins', 300, 'COIN', 'active', %s, %s, %s)""",
        (subscription_id, subscriber.id, streamer.id, when, when, until),
    )
