"""A stream's folder as the packager leaves it, with real media in it."""

from pathlib import Path
from uuid import UUID

import msgspec

from services.gateways import ffmpeg
from services.segment_index import InitEntry, SegmentEntry

CODECS = ("avc1.42c01e", "mp4a.40.2")


class Broadcast:
    """The folder of one stream, which began at a time in seconds since 1970."""

    def __init__(self, hls_path: Path, stream_id: UUID, began_at: float = 1e9) -> None:
        self.stream_id = stream_id
        self.folder = hls_path / "hls" / str(stream_id)
        self._began_at = began_at
        self._inits: dict[str, int] = {}
        self._numbers: dict[str, int] = {}

    def record(self, rendition: str, seconds: int, size: str = "320x240", *, audio: bool = True) -> None:
        """Append a run of one-second segments."""
        folder = self.folder / rendition
        folder.mkdir(parents=True, exist_ok=True)
        init, first = self._inits.get(rendition, 0), self._numbers.get(rendition, 0)
        _segments(folder, f"init-{init}.mp4", first, seconds, size, audio)
        width, height = map(int, size.split("x"))
        self._note(InitEntry(rendition, f"{rendition}/init-{init}.mp4", CODECS, width, height, 15.0))
        for number in range(first, first + seconds):
            uri = f"{rendition}/{number}.m4s"
            length = (self.folder / uri).stat().st_size
            is_break = number == first > 0
            self._note(
                SegmentEntry(
                    rendition, uri, f"{rendition}/init-{init}.mp4", 1.0, self._began_at + number, length, is_break
                )
            )
        self._inits[rendition], self._numbers[rendition] = init + 1, first + seconds

    def complete(self) -> None:
        (self.folder / "segments.json").write_text("{}")

    def _note(self, entry: InitEntry | SegmentEntry) -> None:
        with (self.folder / "segments.jsonl").open("ab") as log:
            log.write(msgspec.json.encode(entry) + b"\n")


def _segments(folder: Path, init: str, first: int, seconds: int, size: str, audio: bool) -> None:
    sound = ["-f", "lavfi", "-i", "sine=r=48000", "-c:a", "aac"] if audio else []
    ffmpeg.run(
        ffmpeg.find_binary(),
        [
            *("-f", "lavfi", "-i", f"testsrc2=s={size}:r=15", *sound, "-t", str(seconds), "-c:v", "libx264"),
            *("-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-pix_fmt", "yuv420p"),
            *("-output_ts_offset", str(first), "-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4"),
            *("-hls_list_size", "0", "-start_number", str(first), "-hls_fmp4_init_filename", init),
            *("-hls_segment_filename", f"{folder}/%d.m4s", f"{folder}/unused.m3u8"),
        ],
        timeout_s=30,
    )
