"""FLV bodies in, CMAF parts out: the source rendition, made without decoding anything."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from ingest import aac, cmaf, codecs, flv
from ingest.cmaf import VIDEO_TIMESCALE, Run, Sample
from ingest.flv import MediaKind, Packet
from ingest.parts import Description, Init, Part
from ingest.video import VideoConfig

PART_S: Final = 1 / 3
PATIENCE_MS: Final = 1_000
LARGEST_DRIFT_S: Final = 0.1
LONGEST_SILENCE_S: Final = 2
MAX_WAITING_BYTES: Final = 4 << 20

_TICKS_PER_MS = VIDEO_TIMESCALE // 1000
_USUAL_FRAME_TICKS = VIDEO_TIMESCALE // 30
# A frame that arrives this little before the part is full would make it too long.
_SLACK_TICKS = VIDEO_TIMESCALE // 60

Output: TypeAlias = Init | Part


class Remuxer:
    """Gathers frames into parts of about `PART_S` seconds, each keyframe beginning a new one.

    A part is given out when the frame after it arrives, since that tells how long
    its last frame is shown. When the codecs' parameters change, a new Init comes first.
    """

    def __init__(self) -> None:
        self._video = _VideoTrack()
        self._audio = _AudioTrack()
        self._wants = {MediaKind.VIDEO: True, MediaKind.AUDIO: True}
        self._begun = False
        self._first_ms: int | None = None
        self._fragments = 0

    def expect(self, *, video: bool, audio: bool) -> None:
        """Say which tracks the encoder announced, so that nothing else is waited for."""
        self._wants = {MediaKind.VIDEO: video, MediaKind.AUDIO: audio}

    def add(self, kind: MediaKind, time_ms: int, payload: bytes) -> list[Output]:
        """Take one tag body; return what is ready. Raises ProtocolError, UnsupportedMedia.

        Times are continuous milliseconds, as a Timeline gives them.
        """
        if self._first_ms is None:
            self._first_ms = time_ms
        if kind is MediaKind.VIDEO:
            return self._add_video(time_ms, flv.parse_video(payload))
        return self._add_audio(time_ms, flv.parse_audio(payload))

    def finish(self) -> list[Output]:
        """Return what is left, with a guess at how long the last frame is shown."""
        return self._cut(None) if self._video.waiting or self._audio.waiting else []

    def _add_video(self, time_ms: int, body: flv.VideoBody) -> list[Output]:
        out: list[Output] = []
        if body.packet is Packet.CONFIG:
            if self._video.is_new(body.data):
                out = self._begin_anew()
                self._video.config = codecs.parse_config(body.codec, body.data)
        elif body.packet is Packet.FRAME and self._video.accepts(body):
            if not self._begun and not self._video.waiting:
                self._audio.drop_before(time_ms)
            decode_time = self._video.decode_time(time_ms)
            if self._video.is_full(decode_time, body.keyframe) and self._ready(time_ms):
                out = self._cut(decode_time)
            self._video.add(decode_time, body)
        return out

    def _add_audio(self, time_ms: int, body: flv.AudioBody) -> list[Output]:
        out: list[Output] = []
        if body.packet is Packet.CONFIG:
            if self._audio.is_new(body.data):
                out = self._begin_anew()
                self._audio.config = aac.parse_config(body.data)
        elif body.packet is Packet.FRAME and self._audio.config is not None:
            self._audio.add(time_ms, body.data)
            due = self._audio.is_overdue() or (self._video.config is None and self._audio.is_full())
            if due and self._ready(time_ms):
                out = self._cut(None)
        return out

    def _ready(self, time_ms: int) -> bool:
        """Whether every track that may come has come, or has been waited for long enough."""
        if self._begun:
            return True
        missing = (self._wants[MediaKind.VIDEO] and self._video.config is None) or (
            self._wants[MediaKind.AUDIO] and self._audio.config is None
        )
        waited_ms = time_ms - (self._first_ms or 0)
        waiting = self._video.waiting_bytes + self._audio.waiting_bytes
        return not missing or waited_ms >= PATIENCE_MS or waiting > MAX_WAITING_BYTES

    def _begin_anew(self) -> list[Output]:
        """Close what was made with the parameters so far; the next part follows a new Init."""
        out = self.finish() if self._begun else []
        self._begun = False
        return out

    def _cut(self, next_decode_time: int | None) -> list[Output]:
        out: list[Output] = []
        if not self._begun:
            self._begun = True
            out.append(self._init())
        independent = self._video.begins_with_keyframe
        runs = [*self._video.take(next_decode_time), *self._audio.take()]
        if runs:
            self._fragments += 1
            out.append(self._part(runs, independent))
        return out

    def _part(self, runs: list[Run], independent: bool) -> Part:
        leading = runs[0]
        timescale = VIDEO_TIMESCALE if leading.track == cmaf.VIDEO_TRACK else self._audio.timescale
        began_s = leading.decode_time / timescale
        lasts_s = sum(sample.duration for sample in leading.samples) / timescale
        sound_ends_s = self._audio.ends_s(runs[-1])
        if sound_ends_s - began_s - lasts_s > LONGEST_SILENCE_S / 2:
            lasts_s = sound_ends_s - began_s  # the picture stands still, and the sound goes on
        return Part(cmaf.fragment(self._fragments, runs), began_s, lasts_s, independent)

    def _init(self) -> Init:
        video, audio = self._video.config, self._audio.config
        description = Description(
            tuple(config.codec for config in (video, audio) if config is not None),
            video.width if video else 0,
            video.height if video else 0,
            video.fps if video else None,
        )
        return Init(cmaf.init_segment(video, audio), description)


class _VideoTrack:
    """Frames that wait to become a part."""

    def __init__(self) -> None:
        self.config: VideoConfig | None = None
        self.waiting_bytes = 0
        self._frames: list[tuple[int, flv.VideoBody]] = []
        self._last = -1
        self._seen_keyframe = False

    @property
    def waiting(self) -> bool:
        return bool(self._frames)

    @property
    def begins_with_keyframe(self) -> bool:
        """True for no frames at all: sound alone can be joined anywhere."""
        return not self._frames or self._frames[0][1].keyframe

    def is_new(self, record: bytes) -> bool:
        new = self.config is None or self.config.record != record
        if new:
            self._seen_keyframe = False
        return new

    def accepts(self, body: flv.VideoBody) -> bool:
        """Frames count from the first keyframe after their parameters."""
        self._seen_keyframe = self._seen_keyframe or (body.keyframe and self.config is not None)
        return self._seen_keyframe and bool(body.data)

    def decode_time(self, time_ms: int) -> int:
        """Decode times must rise, whatever the encoder sends."""
        self._last = max(time_ms * _TICKS_PER_MS, self._last + 1)
        return self._last

    def is_full(self, decode_time: int, keyframe: bool) -> bool:
        if not self._frames:
            return False
        span = decode_time - self._frames[0][0]
        long_enough = span >= PART_S * VIDEO_TIMESCALE - _SLACK_TICKS
        return keyframe or long_enough or self.waiting_bytes > MAX_WAITING_BYTES

    def add(self, decode_time: int, body: flv.VideoBody) -> None:
        self._frames.append((decode_time, body))
        self.waiting_bytes += len(body.data)

    def take(self, next_decode_time: int | None) -> Iterable[Run]:
        frames = self._frames
        self._frames, self.waiting_bytes = [], 0
        if not frames:
            return
        times = [time for time, _ in frames]
        if next_decode_time is None:
            usual = times[-1] - times[-2] if len(times) > 1 else _USUAL_FRAME_TICKS
            next_decode_time = times[-1] + usual
        ends = [*times[1:], next_decode_time]
        samples = [
            Sample(end - time, body.composition_ms * _TICKS_PER_MS, body.keyframe, body.data)
            for (time, body), end in zip(frames, ends, strict=True)
        ]
        yield Run(cmaf.VIDEO_TRACK, times[0], samples)


class _AudioTrack:
    """AAC frames that wait to become a part, on a clock that counts their samples.

    Timestamps in milliseconds jitter around the true times; the clock follows them
    only when they differ by more than `LARGEST_DRIFT_S`.
    """

    def __init__(self) -> None:
        self.config: aac.AudioConfig | None = None
        self.waiting_bytes = 0
        self._samples: list[Sample] = []
        self._start = 0
        self._next: int | None = None

    @property
    def waiting(self) -> bool:
        return bool(self._samples)

    @property
    def timescale(self) -> int:
        return self.config.rate if self.config else 1

    def is_new(self, record: bytes) -> bool:
        new = self.config is None or self.config.record != record
        if new:
            self._next = None
        return new

    def is_full(self) -> bool:
        return len(self._samples) * aac.SAMPLES_PER_FRAME >= PART_S * self.timescale

    def is_overdue(self) -> bool:
        """Whether so much sound has come since the last picture that it must go on alone."""
        waiting_s = len(self._samples) * aac.SAMPLES_PER_FRAME / self.timescale
        return waiting_s > LONGEST_SILENCE_S or self.waiting_bytes > MAX_WAITING_BYTES

    def drop_before(self, time_ms: int) -> None:
        """Forget sound that came before the first picture."""
        start = time_ms * self.timescale // 1000
        while self._samples and self._start < start:
            self._start += self._samples.pop(0).duration

    def add(self, time_ms: int, data: bytes) -> None:
        heard_at = time_ms * self.timescale // 1000
        drift = 0 if self._next is None else heard_at - self._next
        if drift < -LARGEST_DRIFT_S * self.timescale:
            return  # time that has been filled already
        if self._next is None:
            self._next = heard_at
        elif drift > LARGEST_DRIFT_S * self.timescale:
            self._leave_gap(drift)
        if not self._samples:
            self._start = self._next
        self._samples.append(Sample(aac.SAMPLES_PER_FRAME, 0, True, data))
        self._next += aac.SAMPLES_PER_FRAME
        self.waiting_bytes += len(data)

    def _leave_gap(self, ticks: int) -> None:
        assert self._next is not None
        self._next += ticks
        if self._samples:
            last = self._samples[-1]
            self._samples[-1] = last._replace(duration=last.duration + ticks)

    def ends_s(self, run: Run) -> float:
        """When a run of sound ends; the beginning of time for a picture."""
        if run.track != cmaf.AUDIO_TRACK:
            return 0.0
        return (run.decode_time + sum(sample.duration for sample in run.samples)) / self.timescale

    def take(self) -> Iterable[Run]:
        samples = self._samples
        self._samples, self.waiting_bytes = [], 0
        if samples:
            yield Run(cmaf.AUDIO_TRACK, self._start, samples)
