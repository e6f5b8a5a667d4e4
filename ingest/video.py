"""A picture's parameters, of whichever codec."""

from typing import Final, NamedTuple

from ingest.errors import ProtocolError

MAX_DIMENSION: Final = 8192


class VideoConfig(NamedTuple):
    """A video stream's parameters; `record` is the codec's own configuration record.

    `width` and `height` are in pixels, after cropping; `fps` is None where it is not told. `name` is what
    people call the codec, `entry` and `box` are how ISO media files do (ISO/IEC 14496-12, 8.5.2).
    """

    record: bytes
    width: int
    height: int
    fps: float | None
    codec: str
    name: str = "h264"
    entry: bytes = b"avc1"
    box: bytes = b"avcC"


def checked(config: VideoConfig) -> VideoConfig:
    """Return a config whose picture is possible; raises ProtocolError for another."""
    if not (0 < config.width <= MAX_DIMENSION and 0 < config.height <= MAX_DIMENSION):
        raise ProtocolError(f"a picture of {config.width} by {config.height} pixels is not possible")
    return config
