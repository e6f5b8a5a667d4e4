"""Who is asking: the person (or the system itself) on whose behalf a service acts."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Role(StrEnum):
    """Platform-wide power, rising."""

    VIEWER = "viewer"
    STREAMER = "streamer"
    MODERATOR = "moderator"
    ADMIN = "admin"


class Actor(msgspec.Struct, frozen=True):
    """A signed-in person and the session by which they are."""

    user_id: UUID
    role: Role
    session_id: UUID | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def is_moderator(self) -> bool:
        return self.role in (Role.MODERATOR, Role.ADMIN)


SYSTEM = Actor(user_id=UUID(int=0), role=Role.ADMIN)
