"""Commands of those who keep order in a room."""

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.handlers.rooms import room_meant
from realtime.protocol import BanUser, DeleteMessages, PersonCommand, TimeoutUser, UnbanUser
from realtime.router import Reply, command
from services import message_removal, moderation
from services.actors import Actor
from services.message_removal import Removal
from services.moderation import TIMEOUT_S, BanDraft, BanView
from services.moderation_scope import kept_by
from services.rooms import RoomRef


class Banned(msgspec.Struct, frozen=True):
    """The answer to a ban, a time-out, or the end of one."""

    ban: BanView


class Removed(msgspec.Struct, frozen=True):
    """The answer to the removal of all that a person said."""

    removal: Removal


@command("ban_user")
async def ban_user(client: Client, said: BanUser, hall: Hall) -> Reply:
    """Ban somebody from a room, for good unless told until when."""
    return await _ban(client, said, said.seconds, hall)


@command("timeout_user")
async def timeout_user(client: Client, said: TimeoutUser, hall: Hall) -> Reply:
    """Keep somebody quiet in a room for a while."""
    return await _ban(client, said, said.seconds or TIMEOUT_S, hall)


@command("unban_user")
async def unban_user(client: Client, said: UnbanUser, hall: Hall) -> Reply:
    """Let somebody write again."""
    actor, ref = await _meant(client, said, hall)
    return Reply(Banned(await hall.threads.query(_lift, actor, ref, said)))


@command("delete_messages")
async def delete_messages(client: Client, said: DeleteMessages, hall: Hall) -> Reply:
    """Take away all that somebody said in a room."""
    actor, ref = await _meant(client, said, hall)
    return Reply(Removed(await hall.threads.query(_remove, actor, ref, said)))


async def _ban(client: Client, said: BanUser | TimeoutUser, seconds: int | None, hall: Hall) -> Reply:
    actor, ref = await _meant(client, said, hall)
    draft = BanDraft(user_id=said.user_id, seconds=seconds, reason=said.reason, delete_messages=said.delete_messages)
    return Reply(Banned(await hall.threads.query(_put, actor, ref, draft)))


async def _meant(client: Client, said: PersonCommand, hall: Hall) -> tuple[Actor, RoomRef]:
    return await hall.actor_of(client), await room_meant(client, said, hall)


def _put(actor: Actor, ref: RoomRef, draft: BanDraft) -> BanView:
    return moderation.ban(actor, kept_by(actor, ref), draft)


def _lift(actor: Actor, ref: RoomRef, said: UnbanUser) -> BanView:
    return moderation.lift_for(actor, kept_by(actor, ref), said.user_id)


def _remove(actor: Actor, ref: RoomRef, said: DeleteMessages) -> Removal:
    return message_removal.remove_messages(actor, kept_by(actor, ref), said.user_id, said.reason)
