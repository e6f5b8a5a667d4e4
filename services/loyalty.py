"""Points that gifts earn, and the levels that they lead to: the platform's, and each streamer's own."""

from bisect import bisect_right
from uuid import UUID

import msgspec

from db.connection import acting_as_system, query

PLATFORM_LADDER = (0, 100, 500, 2_000, 10_000, 50_000, 250_000)
"""All points ever earned that each platform-wide level asks for; everybody begins on level 1."""


class Standing(msgspec.Struct, frozen=True):
    """What a viewer has earned with one streamer; level 0 is below the first that they set up."""

    points: int
    level: int


def platform_level(points: int) -> int:
    """The platform-wide level of somebody who earned `points` in all."""
    return bisect_right(PLATFORM_LADDER, points)


@acting_as_system("points are counted by the platform")
def add_points(viewer_id: UUID, streamer_id: UUID, points: int) -> Standing:
    """Credit points in the caller's transaction; returns where that leaves the viewer."""
    [(total,)] = query(_ADD, (viewer_id, streamer_id, points))
    return Standing(total, streamer_level(streamer_id, total))


def standing_with(viewer_id: UUID, streamer_id: UUID) -> Standing:
    """What a viewer has with a streamer."""
    rows = query(_POINTS, (viewer_id, streamer_id))
    points = rows[0][0] if rows else 0
    return Standing(points, streamer_level(streamer_id, points))


def streamer_level(streamer_id: UUID, points: int) -> int:
    """How many of the streamer's own levels `points` reach."""
    [(level,)] = query(_LEVEL, (streamer_id, points))
    return int(level)


_ADD = """
INSERT INTO loyalty_points (viewer_id, streamer_id, points) VALUES (%s, %s, %s)
ON CONFLICT ON CONSTRAINT loyalty_points_pkey
DO UPDATE SET points = loyalty_points.points + excluded.points RETURNING points"""

_POINTS = "SELECT points FROM loyalty_points WHERE viewer_id = %s AND streamer_id = %s"

_LEVEL = "SELECT count(*) FROM loyalty_levels WHERE streamer_id = %s AND required_points <= %s"
