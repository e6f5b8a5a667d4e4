"""The transcoding ladder: which renditions a source deserves, and the ffmpeg command that makes them.

Everything here is pure. The facts about ffmpeg were measured: see the comments beside the options.
"""

from collections.abc import Callable, Sequence

import msgspec

KEYFRAME_INTERVAL_S = 1
PART_DURATION_US = 350_000  # three parts to a one-second segment, none of them a single frame
LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S = 4.0
FAST_FRAMES_PER_S = 40
SHARE_OF_SOURCE_BITRATE = 0.8
LEAST_VIDEO_KBPS = 150
RELAY_SILENCE_US = 15_000_000
#: Without it ffmpeg takes the relay's normal end of a chunked answer for an input error.
WHOLE_END = ("-multiple_requests", "1")

ENCODERS: dict[str, tuple[str, ...]] = {
    "libx264": ("-preset", "veryfast", "-tune", "zerolatency", "-sc_threshold", "0"),
    "h264_nvenc": ("-preset", "p4", "-tune", "ull", "-rc", "cbr", "-forced-idr", "1", "-no-scenecut", "1"),
    "h264_qsv": ("-preset", "veryfast", "-forced_idr", "1", "-look_ahead", "0"),
    "h264_vaapi": ("-rc_mode", "CBR"),
    "h264_videotoolbox": ("-realtime", "1"),
}
HARDWARE_INPUT = {"h264_vaapi": ("-vaapi_device", "/dev/dri/renderD128")}
HARDWARE_UPLOAD = {"h264_vaapi": ",format=nv12,hwupload"}


class Rung(msgspec.Struct, frozen=True):
    """One rendition; `height` is that of the shorter side in pixels, 0 for audio alone."""

    name: str
    height: int
    video_kbps: int
    audio_kbps: int


class Source(msgspec.Struct, frozen=True):
    """What a publisher sends, as far as it is known."""

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    bitrate_kbps: int | None = None
    keyframe_interval_s: float | None = None

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side: what the names of rungs count, also for upright pictures."""
        return min(self.width or 0, self.height or 0)

    @property
    def is_upright(self) -> bool:
        return (self.height or 0) > (self.width or 0)

    @property
    def is_fast(self) -> bool:
        return (self.fps or 0) > FAST_FRAMES_PER_S

    @property
    def is_playable(self) -> bool:
        """Whether players can be given the source as it is."""
        interval_s = self.keyframe_interval_s or 0
        return self.video_codec in (None, "h264") and interval_s <= LONGEST_PLAYABLE_KEYFRAME_INTERVAL_S


VIDEO_RUNGS = (
    Rung("1080p", 1080, 4500, 160),
    Rung("720p", 720, 2500, 128),
    Rung("480p", 480, 1200, 128),
    Rung("360p", 360, 700, 96),
)
AUDIO_RUNG = Rung("audio", 0, 0, 96)


def ladder(source: Source) -> list[Rung]:
    """Renditions for a source, highest first; never larger, nor of more bits, than the source.

    A rung is strictly below the source, unless the source itself cannot be played (its codec, or
    keyframes too far apart): then one of the same size stands in for it, also for the smallest.
    """
    tallest = source.short_side - (1 if source.is_playable else 0)
    rungs = [rung for rung in VIDEO_RUNGS if rung.height <= tallest]
    if not rungs and source.short_side and not source.is_playable:
        rungs = [msgspec.structs.replace(VIDEO_RUNGS[-1], height=source.short_side // 2 * 2)]
    return [_within_bitrate(rung, source) for rung in rungs] + ([AUDIO_RUNG] if source.audio_codec else [])


def shed(rungs: Sequence[Rung], count: int) -> tuple[list[Rung], list[Rung]]:
    """Take up to `count` video rungs off the top; returns what is kept and what is shed.

    Audio is kept always: it costs next to nothing.
    """
    video = [rung for rung in rungs if rung.height]
    return [rung for rung in rungs if rung not in video[:count]], video[:count]


def transcode_command(
    input_url: str, source: Source, rungs: Sequence[Rung], output_url: Callable[[Rung], str], encoder: str
) -> list[str]:
    """Arguments of one ffmpeg that reads the relay and posts every rung as fragmented MP4.

    Timestamps stay those of the source (`-copyts`), so that renditions line up in the playlists
    and a restarted ladder goes on where the picture is.
    """
    video = [rung for rung in rungs if rung.height]
    command = [*HARDWARE_INPUT.get(encoder, ()), *_input(input_url)]
    if video:
        command += ["-filter_complex", _filters(video, source, encoder)]
    for rung in rungs:
        command += _video(rung, source, encoder) if rung.height else []
        command += _audio(rung, source)
        command += _output(output_url(rung))
    return command


def _within_bitrate(rung: Rung, source: Source) -> Rung:
    wanted = int(rung.video_kbps * (1.4 if source.is_fast else 1.0))
    if source.bitrate_kbps:
        wanted = min(wanted, max(LEAST_VIDEO_KBPS, int(source.bitrate_kbps * SHARE_OF_SOURCE_BITRATE)))
    return msgspec.structs.replace(rung, video_kbps=wanted)


def _input(url: str) -> list[str]:
    # No `-fflags nobuffer`: it throws the probed packets away and costs two seconds.
    # A shorter analysis loses the audio's parameters.
    return [
        "-copyts",
        "-rw_timeout",
        str(RELAY_SILENCE_US),
        "-analyzeduration",
        "1000000",
        *WHOLE_END,
        "-f",
        "flv",
        "-i",
        url,
    ]


def _filters(video: Sequence[Rung], source: Source, encoder: str) -> str:
    upload = HARDWARE_UPLOAD.get(encoder, "")
    split = f"[0:v:0]split={len(video)}" + "".join(f"[in{rung.name}]" for rung in video)
    scaled = [f"[in{rung.name}]scale={_size(rung, source)},setsar=1{upload}[{rung.name}]" for rung in video]
    return ";".join([split, *scaled])


def _size(rung: Rung, source: Source) -> str:
    return f"{rung.height}:-2" if source.is_upright else f"-2:{rung.height}"


def _video(rung: Rung, source: Source, encoder: str) -> list[str]:
    gop = round((source.fps or 30) * KEYFRAME_INTERVAL_S * 2)  # only a ceiling: keyframes are forced
    pixels = [] if encoder in HARDWARE_UPLOAD else ["-pix_fmt", "yuv420p"]
    return [
        *("-map", f"[{rung.name}]", "-c:v", encoder, *ENCODERS[encoder], *pixels, "-bf", "0"),
        *("-b:v", f"{rung.video_kbps}k", "-maxrate", f"{int(rung.video_kbps * 1.1)}k"),
        *("-bufsize", f"{rung.video_kbps}k", "-g", str(gop)),
        *("-force_key_frames", f"expr:gte(t,n_forced*{KEYFRAME_INTERVAL_S})"),
    ]


def _audio(rung: Rung, source: Source) -> list[str]:
    if not source.audio_codec:
        return ["-an"]
    if rung.height and source.audio_codec == "aac":
        return ["-map", "0:a:0", "-c:a", "copy"]
    # The encoder's priming reaches back before the first sample: a decode time below zero would
    # wrap around, so the first moment of a stream is left out.
    gapless = "atrim=start=0.1,aresample=async=1000"
    return ["-map", "0:a:0", "-c:a", "aac", "-b:a", f"{rung.audio_kbps}k", "-ac", "2", "-af", gapless]


def _output(url: str) -> list[str]:
    # frag_discont without an edit list keeps the source's times in every fragment.
    flags = "empty_moov+default_base_moof+frag_keyframe+frag_discont+skip_trailer"
    return [
        *("-avoid_negative_ts", "disabled", "-use_editlist", "0", "-movflags", flags),
        *("-frag_duration", str(PART_DURATION_US), "-flush_packets", "1", "-f", "mp4"),
        *(() if not url.startswith("http") else ("-method", "POST", "-content_type", "video/mp4")),
        url,
    ]
