"""A streamer's own gifts: what their viewers find on offer beside the platform's."""

from typing import Annotated
from uuid import UUID

import msgspec

from db.connection import query
from db.models.gifts import Gift, GiftTransaction
from db.transactions import atomic
from services import channels
from services.actors import Actor
from services.errors import Conflict, Forbidden, NotFound
from services.gifts import GiftView
from services.ids import new_id

MOST_GIFTS = 100
LARGEST = 1_000_000


class GiftDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gift to be: `cost` in coins; `points` (as many as it costs, unless said) go to whoever gives it.

    `icon` is an emoji or the address of a picture.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    cost: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
    points: Annotated[int, msgspec.Meta(ge=0, le=LARGEST)] | None = None
    icon: Annotated[str, msgspec.Meta(max_length=500)] = ""


def custom_gifts(actor: Actor) -> list[GiftView]:
    """The actor's own gifts on offer, cheapest first."""
    return [GiftView(*row) for row in query(_OWN, (actor.user_id,))]


def create_gift(actor: Actor, draft: GiftDraft) -> GiftView:
    """Put a gift on offer; raises Forbidden without a channel, Conflict (`too_many_gifts`)."""
    with atomic():
        channels.hold_own(actor)
        if len(custom_gifts(actor)) >= MOST_GIFTS:
            raise Conflict(f"There may be {MOST_GIFTS} gifts of your own at most.", "too_many_gifts")
        gift = Gift.create(id=new_id(), streamer=actor.user_id, **_columns(draft))
    return _view(gift)


def replace_gift(actor: Actor, gift_id: UUID, draft: GiftDraft) -> GiftView:
    """Change a gift that is on offer; what was given before stays as it was. Raises NotFound, Forbidden."""
    with atomic():
        _hold(actor, gift_id)
        Gift.update(**_columns(draft)).where(Gift.id == gift_id).execute()
        return _view(Gift.get_by_id(gift_id))


def delete_gift(actor: Actor, gift_id: UUID) -> None:
    """Take a gift off the offer; one that was given stays in the books. Raises NotFound, Forbidden."""
    with atomic():
        _hold(actor, gift_id)
        if GiftTransaction.select().where(GiftTransaction.gift == gift_id).exists():
            Gift.update(is_active=False).where(Gift.id == gift_id).execute()
        else:
            Gift.delete().where(Gift.id == gift_id).execute()


def _hold(actor: Actor, gift_id: UUID) -> None:
    """Hold a gift until the transaction ends: nobody gives it meanwhile."""
    gift = Gift.select().where(Gift.id == gift_id, Gift.is_active).for_update().first()
    if gift is None:
        raise NotFound("No such gift.", "gift_not_found")
    if gift.streamer_id != actor.user_id and not actor.is_admin:
        raise Forbidden("This is somebody else's gift.", "not_owner")


def _columns(draft: GiftDraft) -> dict[str, object]:
    points = draft.cost if draft.points is None else draft.points
    return {"name": draft.name, "cost": draft.cost, "points": points, "icon": draft.icon}


def _view(gift: Gift) -> GiftView:
    return GiftView(gift.id, gift.name, gift.cost, gift.points, gift.streamer_id, gift.icon)


_OWN = """
SELECT id, name, cost, points, streamer_id, icon FROM gifts
WHERE streamer_id = %s AND is_active ORDER BY cost, id"""
