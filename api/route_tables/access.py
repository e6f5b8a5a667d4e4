"""Short names for who may call a route, so that rows read as a table."""

from api.routing import Access

PUBLIC = Access.PUBLIC
OPTIONAL = Access.OPTIONAL
USER = Access.USER
STREAMER = Access.STREAMER
MODERATOR = Access.MODERATOR
ADMIN = Access.ADMIN
OWNER = Access.OWNER
SELF = Access.SELF
SIGNATURE = Access.SIGNATURE
SECRET = Access.SECRET
INTERNAL = Access.INTERNAL
