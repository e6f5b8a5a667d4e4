"""Where a stream plays."""

from uuid import UUID

import msgspec

from services.bus import bus


class Playback(msgspec.Struct, frozen=True, rename="camel"):
    """Addresses for players; None where there is nothing to play."""

    hls: str | None = None
    low_latency: str | None = None
    dash: str | None = None
    recording: str | None = None


NOTHING = Playback()


def of_stream(stream_id: UUID, status: str, recording_hls: str | None, recording_mp4: str | None) -> Playback:
    """What can be played of a stream: the live playlist while it is on air, then its recording."""
    base = bus.settings.public_url
    if status == "LIVE":
        return Playback(hls=f"{base}/hls/{stream_id}/index.m3u8")
    if status == "ENDED" and recording_hls:
        return Playback(hls=whole_url(recording_hls), recording=whole_url(recording_mp4 or recording_hls))
    return NOTHING


def whole_url(address: str) -> str:
    """An address of ours as a page on another origin can use it."""
    return address if "://" in address else f"{bus.settings.public_url}/{address.lstrip('/')}"
