"""One of each thing that an address or a body can name, all of one person, in its most hidden state.

`THINGS` says what each placeholder of an address names; `NAMED` what the fields of bodies name. An
address with a placeholder that is not here fails the walk over the routes: say here what it names.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

import msgspec

from db.models.auth_sessions import AuthSession
from db.models.bans import Ban
from db.models.breakout_rooms import BreakoutRoom
from db.models.clips import Clip
from db.models.coin_packs import CoinPack
from db.models.creator_applications import CreatorApplication
from db.models.emotes import Emote
from db.models.file_uploads import FileUpload
from db.models.gifts import Gift
from db.models.lounges import LoungeMember
from db.models.marketplace import MarketplaceItem
from db.models.polls import PollOption
from db.models.posts import Comment
from db.models.questions import Question
from db.models.rooms import Room
from db.models.streams import Stream
from db.models.users import User
from db.models.webhook_events import WebhookEvent
from db.transactions import atomic
from services import (
    chat,
    clock,
    event_streams,
    financial,
    ledger,
    lounges,
    payouts,
    projects,
    reports,
    room_moderators,
    rooms,
    sessions,
    subscriptions,
)
from services.actors import Role
from services.chat import Draft
from services.event_streams import EventStreamDraft, Source
from services.financial import BankDetails
from services.ids import new_id
from services.ledger import AccountKind, Leg, Posting, TransactionKind
from services.lounges import LoungeDraft, LoungeVisibility
from services.payouts import PayoutWish
from services.projects import ProjectDraft, Stage
from services.reports import NewReport
from services.sessions import Device
from services.subscription_orders import SubscriptionOrder
from services.tiers import PaymentMethod, Tier
from tests.factories import actor_of, make_category, make_channel, make_post, make_stream, make_user
from tests.live_events import ORGANISER, make_event, make_poll, make_session, make_survey
from tests.payments import give_coins


class Possessions:
    """What one person has; each thing is made when it is first asked for."""

    def __init__(self, owner: User) -> None:
        self.owner = owner

    @cached_property
    def auth_session(self) -> Any:
        sessions.open_session(self.owner.id, Device())
        return AuthSession.select().where(AuthSession.user == self.owner.id).order_by(AuthSession.id.desc()).get().id

    @cached_property
    def upload(self) -> Any:
        columns = {"storage_key": f"uploads/{new_id()}", "content_type": "image/png", "bytes": 1, "sha256": bytes(32)}
        return FileUpload.create(owner=self.owner.id, kind="avatar", **columns).id

    @cached_property
    def application(self) -> Any:
        return CreatorApplication.create(user=make_user().id, status="PENDING").id

    @cached_property
    def stream(self) -> Stream:
        return make_stream(make_channel(self.owner))

    @cached_property
    def clip(self) -> Any:
        times = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(seconds=9)}
        return Clip.create(stream=self.stream.id, creator=self.owner.id, title="A clip", **times).id

    @cached_property
    def post(self) -> Any:
        return make_post(self.owner, visibility="FOLLOWERS").id

    @cached_property
    def comment(self) -> Any:
        return Comment.create(post=self.post, author=self.owner.id, text="A comment").id

    @cached_property
    def event(self) -> Any:
        return make_event(Stage.DRAFT)

    @cached_property
    def session(self) -> Any:
        return make_session(self.event)

    @cached_property
    def project(self) -> Any:
        return projects.create_project(ORGANISER, ProjectDraft(name="A project", status=Stage.DRAFT)).id

    @cached_property
    def event_with_stream(self) -> Any:
        return self.event_stream and self.event

    @cached_property
    def event_stream(self) -> Any:
        draft = EventStreamDraft(source_type=Source.RTMP)
        return event_streams.add_stream(ORGANISER, str(self.event.id), draft).id

    @cached_property
    def breakout_room(self) -> Any:
        room = Room.create(kind="BREAKOUT", owner=self.owner.id)
        return BreakoutRoom.create(event=self.event.id, room_id=room.id, name="A room").id

    @cached_property
    def question(self) -> Any:
        return Question.create(session=self.session.id, author=self.owner.id, text="Why?").id

    @cached_property
    def poll(self) -> Any:
        return make_poll(self.session.id).id

    @cached_property
    def option(self) -> Any:
        return PollOption.select().where(PollOption.poll == self.poll).first().id

    @cached_property
    def survey(self) -> Any:
        return make_survey(self.session.id).id

    @cached_property
    def message(self) -> Any:
        room = rooms.find_room(f"stream:{self.stream.id}")
        return chat.send_message(Draft(room=room, actor=actor_of(self.owner), text="Hello")).id

    @cached_property
    def webhook_event(self) -> Any:
        columns = {"provider": "stripe", "event_id": str(new_id()), "kind": "ping", "payload": "{}"}
        return WebhookEvent.create(state="FAILED", next_attempt_at=clock.now(), **columns).id

    @cached_property
    def item(self) -> Any:
        return MarketplaceItem.create(seller=self.owner.id, name="A mug", price=10, stock=5).id

    @cached_property
    def gift(self) -> Any:
        return Gift.create(streamer=self.owner.id, name="A hug", cost=5, points=5).id

    @cached_property
    def emote(self) -> Any:
        images = {"28": "emotes/x.webp"}
        return Emote.create(streamer=self.owner.id, code="wave", tier="basic", images=images).id

    @cached_property
    def payout(self) -> Any:
        actor = actor_of(self.owner)
        financial.keep_details(actor, BankDetails(account_holder="Ana", account_number="1234567890"))
        legs = (Leg(AccountKind.ISSUED, -100), Leg(AccountKind.EARNINGS, 100, self.owner.id))
        with atomic():
            ledger.post(
                Posting(kind=TransactionKind.GRANT, reference=new_id(), idempotency_key=str(new_id()), legs=legs)
            )
        return payouts.ask_for_payout(actor, PayoutWish(amount=60)).id

    @cached_property
    def coin_pack(self) -> Any:
        return CoinPack.create(name="Ten", coins=10, price=100, currency="PEN").id

    @cached_property
    def subscription(self) -> Any:
        give_coins(self.owner, 5000)
        streamer = make_user(role=Role.STREAMER)
        order = SubscriptionOrder(streamer_id=streamer.id, tier=Tier.BASIC, payment_method=PaymentMethod.COINS)
        return subscriptions.subscribe(actor_of(self.owner), order).subscription.id

    @cached_property
    def ban(self) -> Any:
        room_id = make_channel(self.owner).room_id
        return Ban.create(room=room_id, user=make_user().id, by=self.owner.id).id

    @cached_property
    def guest(self) -> Any:
        return make_user().id

    @cached_property
    def lounge(self) -> Any:
        draft = LoungeDraft(name="A lounge", visibility=LoungeVisibility.PRIVATE)
        lounge_id = lounges.create_lounge(actor_of(self.owner), draft).id
        LoungeMember.create(lounge=lounge_id, user=self.guest, by=self.owner.id)
        return lounge_id

    @cached_property
    def lounge_moderator(self) -> Any:
        return room_moderators.appoint(actor_of(self.owner), f"lounge:{self.lounge}", self.guest).user.id

    @cached_property
    def report(self) -> Any:
        return reports.report(actor_of(make_user()), NewReport(user_id=self.guest, reason="Rude")).id

    @cached_property
    def moderator(self) -> Any:
        return room_moderators.appoint(actor_of(self.owner), None, self.guest).user.id


class Thing(msgspec.Struct, frozen=True):
    """What a name stands for; `is_hidden` where a stranger may not even know of it."""

    find: Callable[[Possessions], Any]
    is_hidden: bool = False


def _hidden(find: Callable[[Possessions], Any]) -> Thing:
    return Thing(find, is_hidden=True)


PERSON = Thing(lambda own: own.owner.id)
USERNAME = Thing(lambda own: own.owner.username)
STREAM = Thing(lambda own: own.stream.id)
EVENT = _hidden(lambda own: own.event_with_stream.id)
SESSION = _hidden(lambda own: own.session.id)
POST = _hidden(lambda own: own.post)
COMMENT = _hidden(lambda own: own.comment)
GUEST = Thing(lambda own: own.guest)
WORD = Thing(lambda own: "words")

THINGS: dict[str, Thing] = {
    "/api/auth/sessions/{id}": _hidden(lambda own: own.auth_session),
    "/api/viewer/uploads/{id}": _hidden(lambda own: own.upload),
    "/api/profiles/{id}": PERSON,
    "/api/admin/users/{id}": PERSON,
    "/api/admin/creator-applications/{id}": _hidden(lambda own: own.application),
    "/api/admin/creator-applications/{id}/documents/{number}": Thing(lambda own: 1),
    "/api/streams/{id}": STREAM,
    "/api/streams/{id}/clips/{clip_id}": _hidden(lambda own: own.clip),
    "/api/streams/event/{eventId}": EVENT,
    "/api/viewer/stream/{username}": USERNAME,
    "/api/data/streams/details/{nickname}": USERNAME,
    "/api/data/search/{query}": WORD,
    "/api/users/{id}": PERSON,
    "/api/user/follow/{streamerId}": PERSON,
    "/api/social/follow/{userId}": PERSON,
    "/api/social/followers/{userId}": PERSON,
    "/api/social/following/{userId}": PERSON,
    "/api/social/block/{userId}": PERSON,
    "/api/social/creator/{username}": USERNAME,
    "/api/content/posts/{postId}": POST,
    "/api/content/users/{userId}": PERSON,
    "/api/content/comments/{commentId}": COMMENT,
    "/api/categories/{id}": Thing(lambda own: make_category().id),
    "/api/projects/{id}": _hidden(lambda own: own.project),
    "/api/events/{id}": EVENT,
    "/api/events/{id}/streams/{streamId}": _hidden(lambda own: own.event_stream),
    "/api/sessions/event/{eventId}": EVENT,
    "/api/sessions/{id}": SESSION,
    "/api/rooms/event/{eventId}": EVENT,
    "/api/rooms/{id}": _hidden(lambda own: own.breakout_room),
    "/api/questions/session/{sessionId}": SESSION,
    "/api/questions/{id}": _hidden(lambda own: own.question),
    "/api/polls/session/{sessionId}": SESSION,
    "/api/polls/{id}": _hidden(lambda own: own.poll),
    "/api/surveys/session/{sessionId}": SESSION,
    "/api/surveys/{id}": _hidden(lambda own: own.survey),
    "/api/chat/{streamId}": STREAM,
    "/api/messages/session/{sessionId}": SESSION,
    "/api/messages/{id}": Thing(lambda own: own.message),
    "/api/admin/webhook-events/{id}": _hidden(lambda own: own.webhook_event),
    "/api/marketplace/items/{id}": Thing(lambda own: own.item),
    "/api/panel/gifts/{id}": Thing(lambda own: own.gift),
    "/api/emotes/{streamerId}": PERSON,
    "/api/panel/emotes/{id}": Thing(lambda own: own.emote),
    "/api/admin/payouts/{id}": _hidden(lambda own: own.payout),
    "/api/admin/coin-packs/{id}": Thing(lambda own: own.coin_pack),
    "/api/subscriptions/{id}": _hidden(lambda own: own.subscription),
    "/api/subscriptions/streamer/{streamer_id}": PERSON,
    "/api/lounges/{id}": _hidden(lambda own: own.lounge),
    "/api/lounges/{id}/invitations/{userId}": GUEST,
    "/api/lounges/{id}/moderators/{userId}": Thing(lambda own: own.lounge_moderator),
    "/api/moderation/reports/{id}": _hidden(lambda own: own.report),
    "/api/moderation/moderators/{userId}": Thing(lambda own: own.moderator),
    "/api/moderation/bans/{id}": _hidden(lambda own: own.ban),
}
#: Where an address stands for another thing when it is called by one method.
THINGS_OF: dict[tuple[str, str], Thing] = {("GET", "/api/subscriptions/{id}"): PERSON}

NAMED: dict[str, Thing] = {
    "sessionId": SESSION,
    "eventId": EVENT,
    "projectId": _hidden(lambda own: own.project),
    "postId": POST,
    "pollId": _hidden(lambda own: own.poll),
    "optionId": _hidden(lambda own: own.option),
    "surveyId": _hidden(lambda own: own.survey),
    "streamerId": PERSON,
    "userId": GUEST,
    "loungeId": _hidden(lambda own: own.lounge),
    "parentId": COMMENT,
    "streamId": STREAM,
    "giftId": Thing(lambda own: own.gift),
    "coinPackId": Thing(lambda own: own.coin_pack),
    "packageId": Thing(lambda own: own.coin_pack),
}
