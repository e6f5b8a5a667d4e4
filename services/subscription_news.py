"""Who hears what of a subscription: the chat, the streamer, and the subscriber."""

from typing import Any

from db.connection import query
from db.models.subscriptions import Subscription
from services import notifications
from services.events import NewSubscriber, UserChanged, UserRef, publish
from services.notification_kinds import Kind
from services.tiers import PaymentMethod
from services.topics import CONTROL, room_topic


def tell_begun(subscription: Subscription) -> None:
    """Tell the chat and the streamer of a new subscriber, and the subscriber that it worked."""
    subscriber, room_id, stream_id, streamer = _people(subscription)
    if room_id is not None:
        publish(NewSubscriber(stream_id=stream_id, user=subscriber, tier=subscription.tier), room_topic(room_id))
    title = f"{subscriber.username} subscribed"
    data = _data(subscription) | {"userId": str(subscriber.id), "username": subscriber.username}
    notifications.notify(
        subscription.streamer_id, Kind.NEW_SUBSCRIBER, title, f"Tier {subscription.tier}.", data, cause=subscription.id
    )
    _tell(subscription, f"You subscribe to {streamer}", f"Until {_until(subscription)}, and then month by month.")
    tell_changed(subscription)


def tell_upgraded(subscription: Subscription) -> None:
    """Tell the subscriber what the higher tier runs to."""
    *_, streamer = _people(subscription)
    _tell(subscription, f"Your tier with {streamer} is {subscription.tier} now", f"Until {_until(subscription)}.")
    tell_changed(subscription)


def tell_renewed(subscription: Subscription) -> None:
    """Tell the subscriber of another month."""
    *_, streamer = _people(subscription)
    body = f"{_price(subscription)} were charged; it runs until {_until(subscription)}."
    _tell(subscription, f"Your subscription to {streamer} was renewed", body)


def tell_unpaid(subscription: Subscription) -> None:
    """Tell the subscriber that the card was not charged, and that it is tried again."""
    *_, streamer = _people(subscription)
    body = "The card could not be charged. It is tried again; please check it, or the subscription ends."
    _tell(subscription, f"Your subscription to {streamer} is unpaid", body)


def tell_short(subscription: Subscription) -> None:
    """Tell the subscriber, while there is time, that the wallet will not suffice."""
    *_, streamer = _people(subscription)
    body = f"It takes {_price(subscription)} on {_until(subscription)}, and your wallet holds less."
    _tell(subscription, f"Your subscription to {streamer} is about to end", body)


def tell_ended(subscription: Subscription, why: str = "") -> None:
    """Tell the subscriber that it is over."""
    *_, streamer = _people(subscription)
    _tell(subscription, f"Your subscription to {streamer} has ended", why)
    tell_changed(subscription)


def tell_changed(subscription: Subscription) -> None:
    """Have the realtime processes forget what they remember of the subscriber's standing."""
    publish(UserChanged(user_id=subscription.subscriber_id), CONTROL)


def _tell(subscription: Subscription, title: str, body: str) -> None:
    notifications.notify(subscription.subscriber_id, Kind.PAYMENT, title, body, _data(subscription))


def _data(subscription: Subscription) -> dict[str, Any]:
    return {
        "subscriptionId": str(subscription.id),
        "streamerId": str(subscription.streamer_id),
        "tier": str(subscription.tier),
        "status": str(subscription.status),
    }


def _people(subscription: Subscription) -> tuple[UserRef, Any, Any, str]:
    """The subscriber, the streamer's room and stream on air (or None), and the streamer's name."""
    [(*subscriber, room_id, stream_id, streamer)] = query(
        _PEOPLE, {"subscriber": subscription.subscriber_id, "streamer": subscription.streamer_id}
    )
    return UserRef(*subscriber), room_id, stream_id, str(streamer)


def _price(subscription: Subscription) -> str:
    if subscription.payment_method == PaymentMethod.COINS:
        return f"{subscription.price} coins"
    return f"{subscription.price / 100:.2f} {subscription.currency}"


def _until(subscription: Subscription) -> str:
    return f"{subscription.expires_at:%d %B %Y}"


_PEOPLE = """
SELECT w.id, w.username, w.name, w.avatar, c.room_id,
       (SELECT id FROM streams WHERE channel_id = c.id AND status = 'LIVE'), u.username
FROM users u LEFT JOIN channels c ON c.user_id = u.id, users w
WHERE u.id = %(streamer)s AND w.id = %(subscriber)s"""
