"""Where a stream plays: plain addresses for public ones, addresses with a token for the others."""

from urllib.parse import quote
from uuid import UUID

import msgspec

from services import playback_tokens
from services.bus import bus
from services.dash_manifests import MANIFEST


class Playback(msgspec.Struct, frozen=True, rename="camel"):
    """Addresses for players; None where there is nothing to play. `preview` is a recording's WebVTT of pictures."""

    hls: str | None = None
    low_latency: str | None = None
    dash: str | None = None
    recording: str | None = None
    preview: str | None = None


NOTHING = Playback()


def of_stream(
    stream_id: UUID,
    status: str,
    recording_hls: str | None,
    recording_mp4: str | None,
    visibility: str = "UNLISTED",
    preview: str | None = None,
) -> Playback:
    """What can be played of a stream of our own: the live playlist while it is on air, then its recording.

    For whoever may watch it: the addresses of a stream that is not public carry a token.
    """
    if status == "LIVE":
        return _live(stream_id, visibility)
    if status == "ENDED" and recording_hls:
        return Playback(
            hls=media_url(recording_hls, stream_id, visibility),
            dash=media_url(f"{recording_hls.rpartition('/')[0]}/{MANIFEST}", stream_id, visibility),
            recording=media_url(recording_mp4 or recording_hls, stream_id, visibility),
            preview=media_url(preview, stream_id, visibility) if preview else None,
        )
    return NOTHING


def of_source(source_type: str, source_url: str) -> Playback:
    """What can be played of a stream that comes from elsewhere."""
    return Playback(hls=source_url) if source_type in ("HLS", "RTMP") and "://" in source_url else NOTHING


def of_media_server(source_type: str, status: str, name: str) -> Playback:
    """What can be played of a stream that another media server takes in, under its name there."""
    template = bus.settings.hook_hls_url
    if status != "LIVE" or source_type != "RTMP" or not template:
        return NOTHING
    return Playback(hls=template.replace("{name}", quote(name, safe="/")))


def media_url(path: str, stream_id: UUID, visibility: str) -> str:
    """The whole address of a kept file of a stream (`/media/…`), with a token unless it is public."""
    if visibility == "PUBLIC" or not path.startswith("/media/"):
        return whole_url(path)
    token = playback_tokens.sign(stream_id).token
    return whole_url(f"/media/t/{token}/{path.removeprefix('/media/')}")


def whole_url(address: str) -> str:
    """An address of ours as a page on another origin can use it."""
    return address if "://" in address else f"{bus.settings.public_url}/{address.lstrip('/')}"


def _live(stream_id: UUID, visibility: str) -> Playback:
    settings = bus.settings
    opening = "" if visibility == "PUBLIC" else f"t/{playback_tokens.sign(stream_id).token}/"
    folder = f"/hls/{opening}{stream_id}"
    return Playback(
        hls=f"{settings.public_url}{folder}/index.m3u8",
        low_latency=f"{settings.public_relay_url}{folder}/ll.m3u8",
        dash=f"{settings.public_url}{folder}/{MANIFEST}",
    )
