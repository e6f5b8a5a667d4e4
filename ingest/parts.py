"""What the packager is made of: initialisation segments and the short parts that follow them."""

from typing import NamedTuple

from ingest.h264 import uncommon_profile


class Description(NamedTuple):
    """What a master playlist says of a rendition; sizes in pixels, None or 0 where unknown."""

    codecs: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    fps: float | None = None

    @property
    def has_picture(self) -> bool:
        """Whether there is video in it."""
        return self.width > 0

    @property
    def plays_everywhere(self) -> bool:
        """Whether its picture is of a kind that every player can show."""
        return not self.is_for_few and not any(uncommon_profile(codec) for codec in self.codecs)

    @property
    def is_for_few(self) -> bool:
        """Whether it is in a codec that players are not given at all, but as a transcode."""
        return any(codec.startswith(("hvc1", "av01")) for codec in self.codecs)


class Init(NamedTuple):
    """An initialisation segment (ftyp and moov) and what it describes."""

    data: bytes
    description: Description


class Part(NamedTuple):
    """One fragment (moof and mdat); `decode_time_s` and `duration_s` are in seconds.

    An independent part begins with a keyframe, or has no picture at all.
    """

    data: bytes
    decode_time_s: float
    duration_s: float
    independent: bool
