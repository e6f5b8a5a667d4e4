"""What is left on the disk: the log, its summary, and streams that nobody finished."""

import os
import time
from pathlib import Path

import msgspec

from ingest import disk, sidecar
from ingest.leftovers import Leftovers
from ingest.parts import Description
from ingest.renditions import Segment

PICTURE = Description(("avc1.64001f", "mp4a.40.2"), 1280, 720, 30.0)


def log_of(segments: int) -> bytes:
    entries: list[sidecar.Entry] = [sidecar.init_entry("source", 0, PICTURE)]
    entries += [
        sidecar.segment_entry("source", Segment(number, 0, 2.0, 1e9 + 2 * number, 1000, 0, True), discontinuous=False)
        for number in range(segments)
    ]
    return b"".join(sidecar.encode_line(entry) for entry in entries)


def left_behind(folder: Path) -> Path:
    """A stream's folder that nobody has finished."""
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "index.m3u8").write_text("#EXTM3U\n#EXTINF:2.00000,\n0.m4s\n")
    (folder / sidecar.LOG_FILE).write_bytes(log_of(1))
    return folder


def test_the_log_says_what_there_is_and_a_cut_line_is_left_out() -> None:
    log = log_of(3)
    assert len(sidecar.decode_log(log)) == 4
    assert len(sidecar.decode_log(log[:-5])) == 3
    assert sidecar.decode_log(b"") == []


def test_the_summary_groups_by_rendition() -> None:
    summary = sidecar.summarise("stream", sidecar.decode_log(log_of(3)))
    (source,) = summary.renditions
    assert (source.name, source.duration_s, len(source.inits), len(source.segments)) == ("source", 6.0, 1, 3)
    assert msgspec.json.decode(msgspec.json.encode(summary))["renditions"][0]["segments"][2]["uri"] == "source/2.m4s"


def test_a_folder_without_a_log_is_new(tmp_path: Path) -> None:
    assert disk.read_log(tmp_path / "none") == []


def test_what_nobody_came_back_to_is_ended_once(tmp_path: Path) -> None:
    left, live = left_behind(tmp_path / "left"), left_behind(tmp_path / "live")
    leftovers = Leftovers(tmp_path, grace_s=60)
    assert [leftovers.end(0), leftovers.end(60)] == [0, 0]
    (live / sidecar.LOG_FILE).write_bytes(log_of(2))
    assert leftovers.end(120) == 1
    assert (left / "source" / "index.m3u8").read_text().endswith("0.m4s\n#EXT-X-ENDLIST\n")
    assert (left / sidecar.SUMMARY_FILE).exists()
    assert not (live / sidecar.SUMMARY_FILE).exists()
    assert leftovers.end(130) == 0
    assert leftovers.end(211) == 1
    assert (live / sidecar.SUMMARY_FILE).exists()


def test_what_is_live_is_not_ended_because_the_clock_was_set_forward(tmp_path: Path) -> None:
    live, leftovers = left_behind(tmp_path / "live"), Leftovers(tmp_path, grace_s=60)
    leftovers.end(0)
    an_hour_ago = time.time() - 3600
    os.utime(live / sidecar.LOG_FILE, (an_hour_ago, an_hour_ago))
    assert [leftovers.end(60), leftovers.end(120)] == [0, 0]
    assert "#EXT-X-ENDLIST" not in (live / "source" / "index.m3u8").read_text()
