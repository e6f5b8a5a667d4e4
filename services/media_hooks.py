"""Other media servers in the place of our ingest: what their hooks mean for a broadcast.

A hook names a publishing by what stays the same from its first call to its last (nginx-rtmp's
client, MediaMTX's path, SRS's client); what is known of it is kept in Redis meanwhile. Servers
are expected to call `update` every few seconds: one that died stops doing so.
"""

from uuid import UUID

import msgspec

from services import broadcasts, open_streams
from services.broadcasts import Elsewhere, Grant
from services.bus import bus
from services.errors import Conflict, Forbidden, NotFound
from services.media_facts import MediaFacts
from services.streams import StreamView

#: The claim of a publisher whose server says nothing more; nginx-rtmp says something every 30 s by default.
LEASE_S = 75
KEPT_S = 24 * 3600


class Publishing(msgspec.Struct, frozen=True, kw_only=True):
    """One publishing at another server: `handle` names it there, `client` says who, `name` what."""

    server: str
    handle: str
    client: str
    name: str
    remote_address: str = ""


class _Session(msgspec.Struct, frozen=True):
    """What is kept of a publishing between its hooks."""

    grant: Grant
    client: str
    name: str
    remote_address: str
    stream_id: UUID | None = None


def admit(publishing: Publishing, key: str) -> None:
    """Let somebody in before any media; raises Forbidden for a bad key, Conflict where another publishes."""
    before = _session(publishing)
    grant = broadcasts.authorize(key, server=publishing.server, remote_address=publishing.remote_address)
    broadcasts.claim(grant, server=publishing.server, publisher=publishing.client, ttl_s=LEASE_S)
    stream_id = before.stream_id if before and before.grant.channel_id == grant.channel_id else None
    _keep(publishing, _Session(grant, publishing.client, publishing.name, publishing.remote_address, stream_id))


def begin(publishing: Publishing) -> StreamView:
    """The picture of somebody who was let in arrives; raises NotFound, Forbidden, Conflict."""
    session = _needed(publishing)
    server = publishing.server
    stream = broadcasts.go_live(
        session.grant,
        MediaFacts(),
        server=server,
        remote_address=session.remote_address,
        elsewhere=Elsewhere(server, session.name),
    )
    _keep(publishing, msgspec.structs.replace(session, stream_id=stream.id))
    return stream


def admit_and_begin(publishing: Publishing, key: str) -> StreamView:
    """Both at once, for servers that say nothing in between; what was admitted is let go where it cannot begin."""
    admit(publishing, key)
    try:
        return begin(publishing)
    except (Forbidden, Conflict):
        _let_go(publishing, _needed(publishing))
        raise


def rename(publishing: Publishing, name: str) -> None:
    """Note what the server will call the stream from now on, which tells nobody the key."""
    session = _needed(publishing)
    _keep(publishing, msgspec.structs.replace(session, name=name))
    if session.stream_id is not None:
        broadcasts.rename_elsewhere(session.stream_id, name)


def update(publishing: Publishing) -> None:
    """They still publish; raises NotFound for whom we do not know, Forbidden for one whose stream is over."""
    session = _needed(publishing)
    if not broadcasts.renew(
        session.grant.channel_id, server=publishing.server, publisher=session.client, ttl_s=LEASE_S
    ):
        broadcasts.claim(session.grant, server=publishing.server, publisher=session.client, ttl_s=LEASE_S)
    if session.stream_id is not None and not broadcasts.go_on(session.stream_id):
        raise Forbidden("The stream is over.", "stream_over")
    _keep(publishing, session)


def end(publishing: Publishing) -> None:
    """They have stopped. Nothing happens for whom we never let in, or for somebody else's publishing."""
    session = _session(publishing)
    if session is None:
        return
    if session.stream_id is not None:
        broadcasts.end(session.stream_id, "finished")
    _let_go(publishing, session)


def may_read(publishing: Publishing, token: str) -> bool:
    """Whether a viewer may be sent what is published, with a playback token or without one."""
    session = _session(publishing)
    if session is None or session.stream_id is None:
        return False
    return open_streams.may_fetch(session.stream_id, token or None)


def _let_go(publishing: Publishing, session: _Session) -> None:
    broadcasts.release(session.grant.channel_id, server=publishing.server, publisher=session.client)
    bus.redis.delete(_key(publishing))


def _needed(publishing: Publishing) -> _Session:
    session = _session(publishing)
    if session is None:
        raise NotFound("Nobody was let in under that name.", "unknown_publisher")
    return session


def _session(publishing: Publishing) -> _Session | None:
    kept = bus.redis.get(_key(publishing))
    return msgspec.json.decode(kept, type=_Session) if isinstance(kept, bytes) else None


def _keep(publishing: Publishing, session: _Session) -> None:
    bus.redis.set(_key(publishing), msgspec.json.encode(session), ex=KEPT_S)


def _key(publishing: Publishing) -> str:
    return f"hook:{publishing.server}:{publishing.handle}"
