"""Commands about who the client is."""

import msgspec

from realtime.answers import Pong, encode
from realtime.client import Client
from realtime.hall import Hall
from realtime.protocol import Authenticate, Ping, SubscribeNotifications
from realtime.router import Reply, command
from services import clock


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
    await hall.hear_private(client, await hall.actor_of(client))
    client.has_joined = True
    return Reply()


@command("ping")
async def ping(_client: Client, said: Ping, _hall: Hall) -> Reply:
    """Answer with the server's time."""
    time = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Reply(event=encode(Pong(id=said.id, time=time)))
