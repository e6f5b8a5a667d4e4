"""One publisher's media in one place: what a new reader needs first, and who is reading."""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from ingest import aac, codecs, flv
from ingest.flv import MediaKind, Packet
from ingest.rtmp import amf0
from ingest.statistics import Meter
from ingest.timeline import Timeline
from ingest.video import VideoConfig
from services.media_facts import MediaFacts

MAX_GOP_BYTES: Final = 16 << 20
MAX_GOP_TAGS: Final = 20_000
MAX_BACKLOG_BYTES: Final = 4 << 20
SOUND_ALONE_AFTER_MS: Final = 1_000
SOUND_REMEMBERED_MS: Final = 2_000


class Reader(Protocol):
    """Somebody who wants the media as FLV tags."""

    def backlog(self) -> int:
        """Return how many bytes wait to be sent."""
        ...

    def write(self, data: bytes) -> None:
        """Send whole tags."""
        ...

    def close(self) -> None:
        """Send what waits, then end."""
        ...


class Item(NamedTuple):
    """One media tag on the hub's timeline; a joinable one can be the first that a reader sees.

    `arrived_at` is in seconds since 1970.
    """

    kind: MediaKind
    time_ms: int
    payload: bytes
    packet: Packet
    joinable: bool
    arrived_at: float

    @property
    def tag(self) -> bytes:
        """The item as an FLV tag."""
        return flv.write_tag(self.kind, self.time_ms, self.payload)


class Hub:
    """Keeps the metadata, the codecs' configuration and everything since the last keyframe.

    A reader that falls behind misses whole groups of pictures: it is given
    nothing until the next keyframe after it has caught up.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` is the time of day, in seconds since 1970."""
        self._now = now
        self.gop: list[Item] = []
        self.meter = Meter()
        self.metadata: Mapping[str, amf0.Value] = {}
        self.dropped_tags = 0
        self._timeline = Timeline()
        self._metadata_tag = b""
        self._configs: dict[MediaKind, Item] = {}
        self._video: VideoConfig | None = None
        self._audio: aac.AudioConfig | None = None
        self._gop_bytes = 0
        self._readers: dict[Reader, bool] = {}

    @property
    def readers(self) -> int:
        """How many are reading."""
        return len(self._readers)

    @property
    def has_begun(self) -> bool:
        """Whether a stream can be made of this: a keyframe, or sound where no picture is to be expected."""
        if self._video is not None or self._announces("video"):
            return any(item.kind is MediaKind.VIDEO and item.joinable for item in self.gop[:1])
        if self._audio is None or not self.gop:
            return False
        return bool(self.metadata) or self.gop[-1].time_ms - self.gop[0].time_ms >= SOUND_ALONE_AFTER_MS

    def facts(self) -> MediaFacts:
        """Return what is known and measured so far."""
        fps = self.meter.fps or self.meter.nominal_fps
        return MediaFacts(
            video_codec=self._video.name if self._video else None,
            audio_codec="aac" if self._audio else None,
            width=self._video.width if self._video else None,
            height=self._video.height if self._video else None,
            fps=round(fps, 2) if fps and self._video else None,
            bitrate_kbps=self.meter.bitrate_kbps,
            keyframe_interval_s=self.meter.keyframe_interval_s,
            dropped_frames=self.meter.dropped_frames,
        )

    def set_metadata(self, fields: Mapping[str, amf0.Value], payload: bytes) -> None:
        """Keep onMetaData. Its time is always 0: ffmpeg takes a later one for a subtitle stream."""
        self.metadata = fields
        announced = fields.get("framerate")
        self.meter.nominal_fps = announced if isinstance(announced, float) and 1 <= announced <= 500 else None
        self._metadata_tag = flv.write_tag(MediaKind.METADATA, 0, payload)
        for reader in self._readers:
            reader.write(self._metadata_tag)

    def expected_tracks(self) -> tuple[bool, bool]:
        """Return whether video and audio are to be waited for, going by the metadata."""
        if not self.metadata:
            return True, True
        return self._announces("video"), self._announces("audio")

    def publish(self, kind: MediaKind, timestamp: int, payload: bytes) -> Item:
        """Take one tag body; raises ProtocolError, UnsupportedMedia."""
        item = self._item(kind, self._timeline.at(timestamp), payload)
        if item.packet is Packet.CONFIG:
            self._configs[kind] = item
        else:
            self._remember(item)
        frame = kind is MediaKind.VIDEO and item.packet is Packet.FRAME
        self.meter.count(item.time_ms, len(payload), frame=frame, keyframe=frame and item.joinable)
        if self._readers:
            self._deliver(item)
        return item

    def restart(self) -> None:
        """Prepare for the encoder's next connection: times go on, pictures begin anew."""
        self._timeline.restart()
        self.meter.restart()
        self._forget_gop()
        self._configs.clear()

    def begin_at(self, time_ms: int) -> None:
        """Move the timeline, and what is remembered, to go on after an earlier process."""
        self._timeline.shift(time_ms)
        self.gop = [item._replace(time_ms=item.time_ms + time_ms) for item in self.gop]

    def remembered(self) -> list[Item]:
        """Return the configurations and everything since the last keyframe."""
        start_ms = self.gop[0].time_ms if self.gop else self._timeline.latest_ms
        configs = [item._replace(time_ms=start_ms) for item in self._configs.values()]
        return [*configs, *self.gop]

    def join(self, reader: Reader) -> None:
        """Send a reader the file header and what is remembered, and then all that comes."""
        tags = b"".join(item.tag for item in self.remembered())
        reader.write(flv.file_header(*self._tracks()) + self._metadata_tag + tags)
        self._readers[reader] = not self.gop

    def leave(self, reader: Reader) -> None:
        """Send a reader nothing more."""
        self._readers.pop(reader, None)

    def keyframe_file(self) -> bytes | None:
        """Return the last keyframe as an FLV file of its own, None where there is no picture."""
        config = self._configs.get(MediaKind.VIDEO)
        frame = next((item for item in self.gop if item.kind is MediaKind.VIDEO and item.joinable), None)
        if config is None or frame is None:
            return None
        first, second = config._replace(time_ms=0), frame._replace(time_ms=0)
        return flv.file_header(video=True, audio=False) + first.tag + second.tag

    def close(self) -> None:
        """End all readers."""
        for reader in tuple(self._readers):
            reader.close()
        self._readers.clear()

    def _item(self, kind: MediaKind, time_ms: int, payload: bytes) -> Item:
        if kind is MediaKind.VIDEO:
            video = flv.parse_video(payload)
            if video.packet is Packet.CONFIG and not self._is_known(kind, payload):
                self._video = codecs.parse_config(video.codec, video.data)
            is_joinable = video.packet is Packet.FRAME and video.keyframe
            return Item(kind, time_ms, payload, video.packet, is_joinable, self._now())
        audio = flv.parse_audio(payload)
        if audio.packet is Packet.CONFIG and not self._is_known(kind, payload):
            self._audio = aac.parse_config(audio.data)
        is_joinable = self._video is None and audio.packet is Packet.FRAME
        return Item(kind, time_ms, payload, audio.packet, is_joinable, self._now())

    def _is_known(self, kind: MediaKind, payload: bytes) -> bool:
        known = self._configs.get(kind)
        return known is not None and known.payload == payload

    def _remember(self, item: Item) -> None:
        if item.joinable and (item.kind is MediaKind.VIDEO or self._is_long_sound(item)):
            self._forget_gop()
        if not self.gop and not item.joinable:
            return
        self.gop.append(item)
        self._gop_bytes += len(item.payload)
        if self._gop_bytes > MAX_GOP_BYTES or len(self.gop) > MAX_GOP_TAGS:
            self._forget_gop()

    def _is_long_sound(self, item: Item) -> bool:
        return bool(self.gop) and item.time_ms - self.gop[0].time_ms >= SOUND_REMEMBERED_MS

    def _forget_gop(self) -> None:
        self.gop = []
        self._gop_bytes = 0

    def _deliver(self, item: Item) -> None:
        tag = item.tag
        is_config = item.packet is Packet.CONFIG
        for reader, waits in tuple(self._readers.items()):
            backlog = reader.backlog()
            if waits and not is_config and not (item.joinable and backlog < MAX_BACKLOG_BYTES // 4):
                self.dropped_tags += 1
            elif backlog > MAX_BACKLOG_BYTES and not is_config:
                self._readers[reader] = True
                self.dropped_tags += 1
            else:
                reader.write(tag)
                self._readers[reader] = waits and is_config

    def _announces(self, what: str) -> bool:
        return bool(self.metadata.get(f"{what}codecid") or self.metadata.get(f"has{what.capitalize()}"))

    def _tracks(self) -> tuple[bool, bool]:
        return self._video is not None, self._audio is not None
