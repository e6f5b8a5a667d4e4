import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.gateways import ffmpeg
from services.gateways.ffmpeg import FfmpegError, LiveProcess, ProgressReader
from tests.relay import eventually, make_flv

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64:r=10", "-f", "null", "-"]


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


@pytest.fixture(scope="module")
def binary() -> str:
    return ffmpeg.find_binary()


def test_a_configured_binary_must_be_a_program(tmp_path: Path) -> None:
    with pytest.raises(FfmpegError, match="not a program"):
        ffmpeg.find_binary(str(tmp_path / "ffmpeg"))
    assert ffmpeg.find_binary(sys.executable) == sys.executable


def test_a_file_is_described_by_what_is_in_it(binary: str, tmp_path: Path) -> None:
    (tmp_path / "a clip.flv").write_bytes(make_flv(1, "320x240"))
    found = ffmpeg.probe(binary, tmp_path / "a clip.flv")
    assert (found.video_codec, found.width, found.height, found.audio_codec) == ("h264", 320, 240, "aac")
    assert found.fps == 15
    assert found.duration_s == pytest.approx(1, abs=0.1)


def test_what_is_not_a_video_is_refused(binary: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(FfmpegError):
        ffmpeg.probe(binary, tmp_path / "text")


def test_work_that_takes_too_long_is_ended(binary: str) -> None:
    with pytest.raises(FfmpegError, match="longer than"):
        ffmpeg.run(binary, ENDLESS, timeout_s=0.3)


def test_output_is_bounded(binary: str) -> None:
    with pytest.raises(FfmpegError, match="more than 10"):
        arguments = ["-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1", "-f", "rawvideo", "pipe:1"]
        ffmpeg.run(binary, arguments, timeout_s=10, most_bytes=10)


def test_a_failure_says_why(binary: str) -> None:
    with pytest.raises(FfmpegError, match="No such file"):
        ffmpeg.run(binary, ["-i", "/nowhere.mp4", "-f", "null", "-"], timeout_s=10)


def test_a_live_process_reports_its_progress_and_stops_when_told(binary: str) -> None:
    with LiveProcess(binary, ENDLESS) as process:
        eventually(lambda: any(report.frame > 2 for report in process.listen(0.1)))
        assert process.exit_code is None
        process.stop()
        assert process.exit_code is not None
    assert not psutil.pid_exists(process.pid)


def test_a_live_process_that_fails_leaves_its_complaints(binary: str) -> None:
    with LiveProcess(binary, ["-i", "/nowhere.mp4", "-f", "null", "-"]) as process:
        eventually(lambda: process.listen(0.1) is None or process.exit_code is not None)
        process.listen(0.1)
    assert "No such file" in process.complaints


@pytest.mark.parametrize("last_words", [signal.SIGKILL, signal.SIGTERM])
def test_ffmpeg_dies_with_the_process_that_started_it(binary: str, last_words: signal.Signals) -> None:
    program = (
        "import sys, threading\n"
        "from services.gateways.ffmpeg import LiveProcess\n"
        f"with LiveProcess({binary!r}, {ENDLESS!r}) as process:\n"
        "    print(process.pid, flush=True)\n"
        "    while True: process.listen(1)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path.cwd()) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        eventually(lambda: "ffmpeg" in Path(f"/proc/{child}/cmdline").read_text())
        os.kill(parent.pid, last_words)
        parent.wait(10)
        eventually(lambda: _is_gone(child), limit_s=5)


def test_reports_are_read_however_they_are_cut() -> None:
    text = (
        b"frame=12\nfps=29.9\nout_time_us=400000\nspeed=1.01x\nprogress=continue\nframe=N/A\nspeed=N/A\nprogress=end\n"
    )
    reader = ProgressReader()
    found = [report for byte in text for report in reader.feed(bytes([byte]))]
    assert found == [ffmpeg.Progress(12, 29.9, 0.4, 1.01), ffmpeg.Progress(0, 0.0, None, None)]


def test_starting_is_quick(binary: str) -> None:
    started = time.monotonic()
    ffmpeg.run(binary, ["-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1", "-f", "null", "-"], timeout_s=10)
    assert time.monotonic() - started < 2


def _is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
