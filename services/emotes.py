"""Emotes: small pictures with a code, which a streamer's subscribers of a tier may write with."""

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, cast
from uuid import UUID

import msgspec

from db.connection import query, release
from db.models.emotes import Emote
from db.transactions import after_commit, atomic
from services import channels, rooms, throttle, uploads
from services.actors import Actor
from services.avatars import checked_picture
from services.bus import bus
from services.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, ServiceError
from services.gateways.pictures import PictureError, Rendition, render
from services.gateways.storage import StorageError, open_storage
from services.ids import new_id
from services.refusals import translating
from services.uploads import ReceivedFile, not_kept

MOST_BYTES = 10 << 20
MOST_EMOTES = 100
MOST_UPLOADS = "60/hour"
FOLDER = "emotes"
#: Sides in pixels; a picture that is not square stays within them.
SIZES = (28, 56, 112)
SHOWN_SIZE = 112

Tier = Literal["basic", "pro", "premium"]


class EmoteDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An emote to be, but for its picture: people write `code`, and need `tier` for it."""

    code: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{2,32}$", max_length=32)]
    tier: Tier = "pro"


class EmoteView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An emote: `image` is the largest of `images`, which are WebP by the side in pixels."""

    id: UUID
    streamer_id: UUID
    code: str
    tier: Tier
    image: str
    images: dict[str, str]
    created_at: datetime


def emotes_of(streamer_id: UUID) -> list[EmoteView]:
    """A streamer's emotes by code; raises NotFound for whoever has no channel."""
    rows = query(_OF, (streamer_id,))
    if not rows:
        raise NotFound("No such streamer.")
    return [_view(Emote(**dict(zip(_COLUMNS, row, strict=True)))) for row in rows if row[0] is not None]


def add_emote(actor: Actor, draft: EmoteDraft, file: ReceivedFile) -> EmoteView:
    """Make an emote of a picture, decoded in a process of its own and kept as WebP in three sizes.

    Raises WrongType or Invalid for what is no good picture, Conflict (`emote_code_taken`,
    `too_many_emotes`), Forbidden without a channel, RateLimited past sixty an hour, Unavailable
    where storage is away.
    """
    checked_picture(file, "image")
    channels.own_channel(actor)
    if not throttle.hit(MOST_UPLOADS, "emote", str(actor.user_id)).allowed:
        raise RateLimited("Too many emotes; wait a while.", retry_after_s=60)
    _check_room(actor, draft.code)
    emote_id = new_id()
    images = _made(file, f"{FOLDER}/{actor.user_id}/{emote_id}")
    try:
        with translating({"emotes_code_key": _taken}), atomic():
            channel = channels.hold_own(actor)
            _check_room(actor, draft.code)
            values = msgspec.structs.asdict(draft)
            rooms.tell_of_emotes(channel.room_id)
            return _view(Emote.create(id=emote_id, streamer=actor.user_id, images=images, **values))
    except ServiceError:
        _forget(actor.user_id, emote_id)
        raise


def remove_emote(actor: Actor, emote_id: UUID) -> None:
    """Take an emote of the actor's (an admin's: any) away with its pictures; raises NotFound, Forbidden."""
    with atomic():
        emote = Emote.select().where(Emote.id == emote_id).for_update().first()
        if emote is None:
            raise NotFound("No such emote.", "emote_not_found")
        if emote.streamer_id != actor.user_id and not actor.is_admin:
            raise Forbidden("This is somebody else's emote.", "not_owner")
        Emote.delete().where(Emote.id == emote_id).execute()
        [(room_id,)] = query("SELECT room_id FROM channels WHERE user_id = %s", (emote.streamer_id,))
        rooms.tell_of_emotes(room_id)
        after_commit(lambda: _forget(emote.streamer_id, emote_id))


def _check_room(actor: Actor, code: str) -> None:
    [(count, is_taken)] = query(_ROOM, (code, actor.user_id))
    if is_taken:
        raise _taken()
    if count >= MOST_EMOTES:
        raise Conflict(f"There may be {MOST_EMOTES} emotes at most.", "too_many_emotes")


def _taken() -> ServiceError:
    return Conflict("There is an emote of this code already.", "emote_code_taken")


def _made(file: ReceivedFile, key: str) -> dict[str, str]:
    """The addresses of the pictures by size; nobody waits for a connection to the database meanwhile."""
    release()
    storage = open_storage(bus.settings)
    with tempfile.TemporaryDirectory(prefix="emote-") as folder:
        try:
            made = render(file.path, Path(folder), [Rendition(str(size), size, size) for size in SIZES])
            for size, path in made.items():
                storage.put(f"{key}-{size}.webp", path)
        except PictureError as error:
            raise Invalid.field("image", f"cannot be read: {error}", "bad_picture") from error
        except StorageError as error:
            raise not_kept(error) from error
    return {size: storage.url(f"{key}-{size}.webp") for size in made}


def _forget(streamer_id: UUID, emote_id: UUID) -> None:
    for size in SIZES:
        uploads.forget(f"{FOLDER}/{streamer_id}/{emote_id}-{size}.webp")


def _view(emote: Emote) -> EmoteView:
    images: Mapping[str, str] = emote.images
    return EmoteView(
        id=emote.id,
        streamer_id=emote.streamer_id,
        code=emote.code,
        tier=cast(Tier, emote.tier),
        image=images[str(SHOWN_SIZE)],
        images=dict(images),
        created_at=emote.created_at,
    )


_COLUMNS = ("id", "streamer", "code", "tier", "images", "created_at")
_OF = """
SELECT e.id, e.streamer_id, e.code, e.tier, e.images, e.created_at
FROM channels c LEFT JOIN emotes e ON e.streamer_id = c.user_id
WHERE c.user_id = %s ORDER BY lower(e.code)"""

_ROOM = """
SELECT count(*), coalesce(bool_or(lower(code) = lower(%s)), false) FROM emotes WHERE streamer_id = %s"""
