"""The kinds of picture that are taken, by the four characters that name them."""

from collections.abc import Callable, Mapping
from typing import Final

from ingest import av1, h264, hevc
from ingest.video import VideoConfig

PARSERS: Final[Mapping[bytes, Callable[[bytes], VideoConfig]]] = {
    b"avc1": h264.parse_config,
    b"hvc1": hevc.parse_config,
    b"av01": av1.parse_config,
}


def parse_config(codec: bytes, record: bytes) -> VideoConfig:
    """Read the configuration record of a codec; raises ProtocolError."""
    return PARSERS[codec](record)
