"""Whom a broadcast's beginning and end concern, and by which name it goes there."""

from uuid import UUID

from db.connection import query
from db.models.channels import Channel
from services.events import StreamerRef
from services.topics import followers_topic, room_topic


def streamer_ref(channel_id: UUID) -> StreamerRef:
    """A channel's streamer as events name them; an organised event goes by its slug."""
    [(username, avatar)] = query(
        """SELECT coalesce(u.username, e.slug), u.avatar FROM channels c
           LEFT JOIN users u ON u.id = c.user_id LEFT JOIN events e ON e.id = c.event_id WHERE c.id = %s""",
        (channel_id,),
    )
    return StreamerRef(username, avatar)


def hearers(channel: Channel) -> list[str]:
    """The topics of those who follow what happens on a channel: its room, and followers or the event's rooms."""
    if channel.event_id is not None:
        return event_topics(channel.event_id)
    assert channel.user_id is not None  # a channel is an event's or a person's
    return [room_topic(channel.room_id), followers_topic(channel.user_id)]


def event_topics(event_id: UUID) -> list[str]:
    """The topics of every room of an organised event."""
    rows = query("SELECT room_id FROM event_rooms WHERE event_id = %s", (event_id,))
    return [room_topic(row[0]) for row in rows]
