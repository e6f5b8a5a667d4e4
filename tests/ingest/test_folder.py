"""What is left on the disk: the log, its summary, and streams that nobody finished."""

import os
import time
from pathlib import Path

import msgspec

from ingest import disk, sidecar
from ingest.leftovers import end_leftovers
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


def left_behind(folder: Path, *, age_s: float) -> Path:
    """A stream's folder that was last written `age_s` seconds ago."""
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "index.m3u8").write_text("#EXTM3U\n#EXTINF:2.00000,\n0.m4s\n")
    log = folder / sidecar.LOG_FILE
    log.write_bytes(log_of(1))
    os.utime(log, (time.time() - age_s,) * 2)
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
    old, recent = left_behind(tmp_path / "old", age_s=200), left_behind(tmp_path / "recent", age_s=20)
    assert end_leftovers(tmp_path, grace_s=60) == 1
    assert (old / "source" / "index.m3u8").read_text().endswith("0.m4s\n#EXT-X-ENDLIST\n")
    assert (old / sidecar.SUMMARY_FILE).exists()
    assert not (recent / sidecar.SUMMARY_FILE).exists()
    assert end_leftovers(tmp_path, grace_s=60) == 0
