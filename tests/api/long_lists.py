"""One more of everything that a list shows, each time it is asked for, all of it somebody's who may list it."""

from datetime import timedelta
from itertools import count
from typing import Any

from db.models.bans import Ban
from db.models.breakout_rooms import BreakoutRoom
from db.models.clips import Clip
from db.models.coin_packs import CoinPack
from db.models.creator_applications import CreatorApplication
from db.models.discounts import DiscountCode
from db.models.emotes import Emote
from db.models.gifts import Gift
from db.models.lounges import LoungeMember
from db.models.loyalty import LoyaltyLevel
from db.models.marketplace import MarketplaceItem
from db.models.rooms import Room
from db.models.users import User
from db.models.webhook_events import WebhookEvent
from services import (
    attendance,
    categories,
    chat,
    clock,
    emotes,
    event_streams,
    gifts,
    lounges,
    marketplace_purchases,
    reports,
    room_moderators,
    rooms,
    subscriptions,
)
from services.actors import Actor, Role
from services.chat import Draft
from services.event_streams import EventStreamDraft, Source
from services.gifts import GiftOrder
from services.ids import new_id
from services.lounges import LoungeDraft, LoungeVisibility
from services.reports import NewReport
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from tests.contracts.possessions import Possessions
from tests.factories import actor_of, make_category, make_user
from tests.live_events import ORGANISER
from tests.payments import give_coins, make_purchase


class Lists:
    """What one person owns or did, and what everybody else did to it; `grow` adds one of each."""

    def __init__(self, me: User, stream: Any, channel: Any, event: Any) -> None:
        self.me, self.actor = me, actor_of(me)
        self.stream, self.channel, self.event = stream, channel, event
        self.lounge = lounges.create_lounge(self.actor, LoungeDraft(name="First", visibility=LoungeVisibility.PRIVATE))
        self._numbers = count(1)

    def grow(self, other: User) -> None:
        """One more of each thing, where `other` has to do with it."""
        number, actor = next(self._numbers), actor_of(other)
        give_coins(other, 5000)
        give_coins(self.me, 500)
        self._in_rooms(other, actor, number)
        self._on_sale(other, actor, number)
        self._around_events(actor, number)
        self._for_administrators(number)

    def _in_rooms(self, other: User, actor: Actor, number: int) -> None:
        lounges.create_lounge(actor, LoungeDraft(name=f"Lounge {number}", visibility=LoungeVisibility.PUBLIC))
        LoungeMember.create(lounge=self.lounge.id, user=other.id, by=self.me.id)
        room = rooms.find_room(self.lounge.room, self.actor)
        chat.send_message(Draft(room=room, actor=actor, text=f"Hello {number}"))
        room_moderators.appoint(self.actor, None, make_user().id)
        for room_id in (None, self.channel.room_id):
            Ban.create(room=room_id, user=make_user().id, by=self.me.id)
        reports.report(actor, NewReport(user_id=make_user().id, reason="Rude"))
        times = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(seconds=9)}
        Clip.create(stream=self.stream.id, creator=other.id, title="A clip", status="READY", video="v", **times)

    def _on_sale(self, other: User, actor: Actor, number: int) -> None:
        item = MarketplaceItem.create(seller=other.id, name="A mug", price=10, stock=5)
        marketplace_purchases.buy(self.actor, item.id, marketplace_purchases.PurchaseWish())
        CoinPack.create(name=f"Pack {number}", coins=10 + number, price=100 + number, currency="PEN")
        make_purchase(self.me)
        Gift.create(streamer=None, name=f"A star {number}", cost=5, points=5)
        Gift.create(streamer=self.me.id, name=f"A hug {number}", cost=5, points=5)
        gift = gifts.gifts_on_offer(None)[0].id
        gifts.give(self.actor, GiftOrder(gift_id=gift, streamer_id=other.id))
        LoyaltyLevel.create(streamer=self.me.id, name=f"Level {number}", required_points=1000 * number)
        images = {str(emotes.SHOWN_SIZE): "emotes/x.webp"}
        Emote.create(streamer=self.me.id, code=f"wave{number}", tier="basic", images=images)
        for giver, to in ((actor, self.me), (self.actor, other)):
            order = SubscriptionOrder(streamer_id=to.id, tier=Tier.BASIC, payment_method=PaymentMethod.COINS)
            subscriptions.subscribe(giver, order)
        assert Possessions(self.me).payout
        codes = {"kind": "percent", "percent_off": 10}
        DiscountCode.create(code=f"MINE{number}", owner=self.me.id, max_uses=1, **codes)
        DiscountCode.create(code=f"ALL{number}", created_by=self.me.id, **codes)

    def _around_events(self, actor: Actor, number: int) -> None:
        attendance.join(actor, str(self.event.id))
        event_streams.add_stream(ORGANISER, str(self.event.id), EventStreamDraft(source_type=Source.RTMP))
        room = Room.create(kind="BREAKOUT", owner=self.me.id)
        BreakoutRoom.create(event=self.event.id, room_id=room.id, name=f"Room {number}")
        make_category(f"Tagged {number}")
        categories.create_category(categories.CategoryDraft(name=f"Tags {number}", tags=[f"tag-{number}"]))

    def _for_administrators(self, number: int) -> None:
        CreatorApplication.create(user=make_user(role=Role.VIEWER).id, status="PENDING")
        columns = {"provider": "stripe", "event_id": str(new_id()), "kind": "ping", "payload": "{}"}
        WebhookEvent.create(state="FAILED", next_attempt_at=clock.now(), **columns)
        moderated = make_user()
        room_moderators.appoint(self.actor, None, moderated.id)
        room_moderators.dismiss(self.actor, None, moderated.id)
