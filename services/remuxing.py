"""One MP4 from the segments of a broadcast: copied where the picture kept its form, else encoded anew."""

from collections.abc import Sequence
from pathlib import Path

from services.gateways import ffmpeg
from services.gateways.ffmpeg import FfmpegError, MediaProbe
from services.segment_index import RecordedRendition

TIMEOUT_S = 1500.0
MOST_REENCODED_S = 3600.0
COPY = ("-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy")
ENCODE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-c:a", "aac", "-b:a", "160k")


class RemuxError(Exception):
    """No MP4 can be made of a broadcast; says why."""


def remux(binary: str, folder: Path, rendition: RecordedRendition, workplace: Path) -> Path:
    """Write an MP4 of a rendition into `workplace` and return it; raises RemuxError.

    Segments with equal initialisation segments are one file in pieces. An encoder that came back
    with other parameters begins a new run; several runs are joined by encoding them anew, in the
    size of the longest.
    """
    try:
        runs = _runs(binary, folder, rendition, workplace)
        return runs[0] if len(runs) == 1 else _joined(binary, runs, workplace / "joined.mp4")
    except FfmpegError as error:
        raise RemuxError(str(error)) from error


def join_filter(probes: Sequence[MediaProbe]) -> str:
    """A filter graph that puts files one after another, in the size and pace of the longest.

    Silence and black stand in where a file has no sound or no picture.
    """
    longest = max(probes, key=lambda probe: (probe.width is not None, probe.duration_s or 0))
    width, height = (longest.width or 640) // 2 * 2, (longest.height or 360) // 2 * 2
    size, fps = f"{width}:{height}", f"{longest.fps or 30:g}"
    tracks = [track for number, probe in enumerate(probes) for track in _tracks(number, probe, size, fps)]
    joined = "".join(f"[v{number}][a{number}]" for number in range(len(probes)))
    return ";".join([*tracks, f"{joined}concat=n={len(probes)}:v=1:a=1[v][a]"])


def _runs(binary: str, folder: Path, rendition: RecordedRendition, workplace: Path) -> list[Path]:
    runs: list[list[Path]] = []
    form_before = None
    for init, segments in rendition.runs():
        form = (folder / init).read_bytes()
        if form != form_before:
            runs.append([folder / init])
        runs[-1] += [folder / segment.uri for segment in segments]
        form_before = form
    return [_copied(binary, pieces, workplace / f"run-{number}.mp4") for number, pieces in enumerate(runs)]


def _copied(binary: str, pieces: Sequence[Path], target: Path) -> Path:
    ffmpeg.run_on_pieces(binary, ["-f", "mp4", "-i", "pipe:0", *COPY, *_to(target)], pieces, timeout_s=TIMEOUT_S)
    return target


def _joined(binary: str, runs: Sequence[Path], target: Path) -> Path:
    probes = [ffmpeg.probe(binary, run) for run in runs]
    total_s = sum(probe.duration_s or 0 for probe in probes)
    if total_s > MOST_REENCODED_S:
        raise RemuxError(f"the picture changed its form, and {total_s:.0f} s are too long to encode anew")
    inputs = [part for run in runs for part in ("-i", str(run))]
    command = [*inputs, "-filter_complex", join_filter(probes), "-map", "[v]", "-map", "[a]", *ENCODE, *_to(target)]
    ffmpeg.run(binary, command, timeout_s=TIMEOUT_S)
    return target


def _tracks(number: int, probe: MediaProbe, size: str, fps: str) -> list[str]:
    seconds = f"{probe.duration_s or 0:.3f}"
    fit = f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps={fps}"
    black = f"color=s={size.replace(':', 'x')}:r={fps}:d={seconds},setsar=1"
    sound = "aresample=48000,aformat=channel_layouts=stereo"
    picture = f"[{number}:v:0]{fit}" if probe.width else black
    heard = f"[{number}:a:0]{sound}" if probe.audio_codec else f"anullsrc=r=48000:cl=stereo,atrim=duration={seconds}"
    return [f"{picture},format=yuv420p[v{number}]", f"{heard}[a{number}]"]


def _to(target: Path) -> list[str]:
    return ["-movflags", "+faststart", "-f", "mp4", "-y", str(target)]
