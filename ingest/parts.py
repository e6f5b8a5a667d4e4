"""What the packager is made of: initialisation segments and the short parts that follow them."""

from typing import NamedTuple


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
