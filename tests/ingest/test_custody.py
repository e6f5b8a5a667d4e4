"""One process writes a stream's folder, and one that has lost it writes no more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest import disk, sidecar
from ingest.custody import Custody, CustodyLost
from ingest.disk import DiskWriter
from tests.ingest.test_folder import PICTURE, log_of


def test_whoever_takes_a_folder_last_has_it(tmp_path: Path) -> None:
    before, after = Custody(tmp_path / "stream", "one"), Custody(tmp_path / "stream", "two")
    before.take()
    assert before.is_held()
    after.take()
    assert (before.is_held(), after.is_held()) == (False, True)
    with pytest.raises(CustodyLost):
        disk.close_folder(before)
    assert not (tmp_path / "stream" / sidecar.SUMMARY_FILE).exists()
    disk.close_folder(after)


def test_a_process_that_came_again_under_its_name_has_not_what_it_had(tmp_path: Path) -> None:
    before, after = Custody(tmp_path, "one"), Custody(tmp_path, "one")
    before.take()
    after.take()
    assert not before.is_held()


def test_a_line_that_a_dead_process_left_unfinished_spoils_no_other(tmp_path: Path) -> None:
    log = tmp_path / sidecar.LOG_FILE
    log.write_bytes(log_of(2) + b'{"type":"segment","rendi')
    assert len(disk.take_over(Custody(tmp_path, "two"))) == 3
    assert log.read_bytes() == log_of(2)


def test_nothing_is_written_into_a_folder_that_another_process_has(tmp_path: Path) -> None:
    failures: list[OSError] = []

    async def write() -> None:
        with ThreadPoolExecutor(1) as executor:
            custody = Custody(tmp_path, "one")
            custody.take()
            writer = DiskWriter(custody, executor, failures.append)
            writer.put("source/init-0.mp4", b"ours", sidecar.init_entry("source", 0, PICTURE))
            await writer.drained()
            Custody(tmp_path, "two").take()
            writer.put("source/init-1.mp4", b"ours", sidecar.init_entry("source", 1, PICTURE))
            writer.replace("source/index.m3u8", "ours")
            await writer.drained()

    asyncio.run(write())
    assert [type(failure) for failure in failures] == [CustodyLost]
    assert [path.name for path in (tmp_path / "source").iterdir()] == ["init-0.mp4"]
    assert len(disk.read_log(tmp_path)) == 1
