"""What people can be told of, and how each kind reaches them unless they choose otherwise."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a notification is about."""

    STREAM_STARTED = "stream_started"
    NEW_FOLLOWER = "new_follower"
    NEW_SUBSCRIBER = "new_subscriber"
    GIFT = "gift"
    SALE = "sale"
    PAYOUT = "payout"
    COMMENT = "comment"
    REPLY = "reply"
    LIKES = "likes"
    APPLICATION_DECIDED = "application_decided"
    PAYMENT = "payment"
    MODERATION = "moderation"
    INVITATION = "invitation"


class Channels(msgspec.Struct, frozen=True, rename="camel"):
    """The ways by which one kind reaches a person: the list in the app, their sockets, their mail."""

    in_app: bool = True
    push: bool = True
    mail: bool = False


#: What is about money or one's own standing is mailed as well; the rest only where somebody asks for it.
DEFAULTS: dict[str, Channels] = {kind.value: Channels() for kind in Kind} | {
    Kind.APPLICATION_DECIDED.value: Channels(mail=True),
    Kind.PAYMENT.value: Channels(mail=True),
    Kind.PAYOUT.value: Channels(mail=True),
    Kind.MODERATION.value: Channels(mail=True),
}


def default_channels(kind: str) -> Channels:
    """How a kind reaches whoever has not said otherwise."""
    return DEFAULTS.get(kind, Channels())
