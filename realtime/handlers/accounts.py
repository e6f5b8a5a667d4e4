"""Commands about who the client is."""

import msgspec

from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import Authenticate, Ping, Pong, SubscribeNotifications, encode
from realtime.router import Reply, command
from services import clock, follows
from services.topics import followers_topic, user_topic


class SignedIn(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to `authenticate`."""

    user_id: str
    role: str


@command("authenticate")
async def authenticate(client: Client, said: Authenticate, hall: Hall) -> Reply:
    """Sign in with a token; a bad one ends the connection."""
    actor = await hall.sign_in(client, said.token)
    return Reply(SignedIn(str(actor.user_id), actor.role))


@command("subscribe_notifications")
async def subscribe_notifications(client: Client, _said: SubscribeNotifications, hall: Hall) -> Reply:
    """Hear my notifications, and when those whom I follow go live."""
    actor = await hall.actor_of(client)
    followed = await hall.threads.query(follows.followed_by, actor.user_id)
    for topic in [user_topic(actor.user_id), *(followers_topic(user_id) for user_id in followed)]:
        if topic not in client.topics and client.connection.is_open:
            client.topics.add(topic)
            await hall.rooms.listen(client.connection, topic)
    client.has_joined = True
    return Reply()


@command("ping")
async def ping(_client: Client, said: Ping, _hall: Hall) -> Reply:
    """Answer with the server's time."""
    time = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Reply(event=encode(Pong(id=said.id, time=time)))
