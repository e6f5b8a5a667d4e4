"""What handlers work with: the parts of the process, in one place."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from realtime.attendance import Attendance
from realtime.client import Client, Identity
from realtime.doors import Doors
from realtime.hiding import hidden
from realtime.metrics import Metrics
from realtime.openings import Openings
from realtime.passes import Passes
from realtime.presence import Presence
from realtime.prospects import Prospects
from realtime.protocol import Code
from realtime.reactions import Reactions
from realtime.rooms import Rooms
from realtime.threads import Threads
from realtime.writer import Writer
from services import clock, follows, hidden_people, sessions, tokens, user_administration
from services.actors import Actor, Role
from services.errors import ServiceError, Unauthorized
from services.standing import RememberedStandings
from services.topics import EVENTS, followers_topic, user_topic

RECHECK_S = 20


class Hall(msgspec.Struct, frozen=True):
    """The process as handlers see it."""

    threads: Threads
    rooms: Rooms
    openings: Openings
    writer: Writer
    presence: Presence
    attendance: Attendance
    reactions: Reactions
    passes: Passes
    standings: RememberedStandings
    prospects: Prospects
    doors: Doors
    metrics: Metrics

    async def sign_in(self, client: Client, token: str) -> Actor:
        """Give the client the identity that a token proves; raises Unauthorized."""
        try:
            actor, expires_at, people = await self.threads.query(_prove, token)
        except ServiceError as error:
            if error.code == Code.UNAVAILABLE:
                raise
            raise Unauthorized(error.message) from error
        identity = Identity(actor, expires_at, asyncio.get_running_loop().time(), hidden(people))
        if client.actor is not None and client.actor.user_id != actor.user_id:
            self._unlisten(client)  # whoever comes next is not to hear what is meant for the last
            self._become(client, identity)
            await self.doors.look_at(client)
        else:
            self._become(client, identity)
        return actor

    def sign_out(self, client: Client) -> None:
        """Make the client a guest again, who hears nothing private."""
        self._unlisten(client)
        self._become(client, None)
        self.doors.person_changed(client)

    async def actor_of(self, client: Client) -> Actor:
        """Who the client is, if the token still holds; raises Unauthorized for a guest.

        A revoked session is told by an event; asking again every RECHECK_S makes up for a lost one.
        """
        identity = client.identity
        if identity is None:
            raise Unauthorized("Sign in first.")
        now = asyncio.get_running_loop().time()
        if identity.expires_at <= clock.now():
            self.sign_out(client)
            raise Unauthorized("The token has expired.")
        if now - self.passes.seen_at(identity) > RECHECK_S and identity.actor.session_id is not None:
            if not await self.threads.query(sessions.is_session_live, identity.actor.session_id):
                self.sign_out(client)
                raise Unauthorized("The session has ended.")
            if client.identity is identity:
                client.identity = msgspec.structs.replace(identity, checked_at=now)
        return identity.actor

    def known_actor(self, client: Client) -> Actor | None:
        """Who the client is, where that is known without asking; None where `actor_of` has to find out."""
        identity = client.identity
        if identity is None or identity.expires_at <= clock.now():
            return None
        is_fresh = client.connection.last_heard_at - self.passes.seen_at(identity) <= RECHECK_S
        return identity.actor if is_fresh else None

    async def know_again(self, clients: Collection[Client]) -> None:
        """Look again whom the people behind these sockets block, and which office they hold."""
        people = {client.actor.user_id for client in clients if client.actor}
        blocked, roles = await self.threads.query(_known_of, people)
        for client in clients:
            identity = client.identity
            if identity is None or identity.actor.user_id not in roles:
                continue
            user_id, role = identity.actor.user_id, roles[identity.actor.user_id]
            actor, people_hidden = identity.actor, hidden(blocked.get(user_id, frozenset()))
            if actor.role is not role:
                actor = msgspec.structs.replace(actor, role=role)
                self.doors.person_changed(client)
            client.identity = msgspec.structs.replace(identity, actor=actor, hidden=people_hidden)
            client.connection.hidden = people_hidden

    async def hear_private(self, client: Client, actor: Actor) -> None:
        """Let the client hear what is meant for this person, and events and those whom they follow go live."""
        followed = await self.threads.query(follows.followed_by, actor.user_id)
        wanted = {EVENTS, user_topic(actor.user_id), *(followers_topic(user_id) for user_id in followed)}
        if not client.connection.is_open or client.identity is None:
            return
        gone, new = client.topics - wanted, wanted - client.topics
        client.topics = wanted
        for topic in gone:
            self.rooms.unlisten(client.connection, topic)
        await asyncio.gather(*(self.rooms.listen(client.connection, topic) for topic in new))

    def enter(self, client: Client, room_id: UUID) -> None:
        """Count the client as being in a room from now on."""
        self.presence.enter(room_id, client.viewer)
        self.attendance.enter(client, room_id)
        if client.identity is not None:
            self.prospects.expect(room_id, client.identity.actor.user_id)

    def leave(self, client: Client, room_id: UUID) -> None:
        """Count the client there no longer."""
        self.presence.leave(room_id, client.viewer)
        self.attendance.leave(client, room_id)

    def put_out(self, client: Client, room_id: UUID) -> None:
        """Take the client out of a room; does nothing where it is not in it."""
        if client.joined.pop(room_id, None) is not None:
            self.rooms.leave(client.connection, room_id)
            self.leave(client, room_id)

    def forget(self, client: Client) -> None:
        """The socket is gone: it hears and counts nowhere any more."""
        for room_id in client.joined:
            self.rooms.leave(client.connection, room_id)
            self.leave(client, room_id)
        self._unlisten(client)
        client.joined.clear()
        client.inbox = None

    def _unlisten(self, client: Client) -> None:
        """Let the client hear nothing any more that is meant for the person."""
        for topic in client.topics:
            self.rooms.unlisten(client.connection, topic)
        client.topics = frozenset()

    def _become(self, client: Client, identity: Identity | None) -> None:
        """Change who the client is, and as whom it is counted."""
        for room_id in client.joined:
            self.leave(client, room_id)
        client.identity = identity
        client.connection.hidden = identity.hidden if identity else frozenset()
        for room_id in client.joined:
            self.enter(client, room_id)


def _prove(token: str) -> tuple[Actor, datetime, frozenset[UUID]]:
    actor = sessions.verify_access_token(token)
    people = hidden_people.hidden_from([actor.user_id]).get(actor.user_id, frozenset())
    return actor, tokens.read_access_token(token).expires_at, people


def _known_of(people: Collection[UUID]) -> tuple[Mapping[UUID, frozenset[UUID]], Mapping[UUID, Role]]:
    return hidden_people.hidden_from(people), user_administration.roles_of(people)
