"""A backup file that is not what was written is found out before anything is replaced."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded import EmbeddedError
from operations import archive
from tests.folders import open_folder

FILES = {
    archive.DUMP: b"dump" * 500,
    "media/hls/a/0.m4s": b"picture",
    "media/\N{SNOWMAN}.mp4": b"",
    "secrets.env": b"A=b\n",
}
SIZE = 14 * 1024


def written(folder: Path) -> Path:
    source, path = folder / "source", folder / "backup.tar"
    with archive.created(path) as backup:
        for name, content in FILES.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
            backup.add_file(source / name, name)
    return path


def unpacked(path: Path, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    archive.unpack(path, folder)
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != archive.DIGESTS)
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def test_what_is_unpacked_is_what_was_saved(tmp_path: Path) -> None:
    assert unpacked(written(tmp_path), tmp_path / "there") == FILES


@given(kept=st.integers(min_value=0, max_value=SIZE))
def test_a_file_cut_short_anywhere_is_refused_or_whole(kept: int) -> None:
    with open_folder("astrotv-archive-") as folder:
        path = written(folder)
        path.write_bytes(path.read_bytes()[:kept])
        try:
            found = unpacked(path, folder / "there")
        except EmbeddedError as refusal:
            assert "backup.tar is" in str(refusal)
        else:
            assert found == FILES


@given(place=st.integers(min_value=0, max_value=SIZE), bit=st.integers(min_value=0, max_value=7))
def test_a_file_with_a_wrong_bit_anywhere_is_refused_or_whole(place: int, bit: int) -> None:
    with open_folder("astrotv-archive-") as folder:
        path = written(folder)
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= 1 << bit
        path.write_bytes(content)
        try:
            found = unpacked(path, folder / "there")
        except EmbeddedError as refusal:
            assert "backup.tar is" in str(refusal)
        else:
            assert found == FILES


def test_what_goes_away_while_it_is_saved_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "stays.m4s").write_bytes(b"stays")
    (tmp_path / "media" / "gone.m4s").symlink_to("nowhere")
    with archive.created(tmp_path / "backup.tar") as backup:
        backup.add_file(tmp_path / "never-there", archive.DUMP)
        backup.add_folder(tmp_path / "media", "media")
        backup.add_folder(tmp_path / "nor-this", "storage")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert tar.getnames() == ["media", "media/stays.m4s", archive.DIGESTS]


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "media/../../outside"])
def test_an_archive_that_would_write_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "backup.tar", "w") as tar:
        entry = tarfile.TarInfo(name)
        tar.addfile(entry)
    (tmp_path / "there").mkdir()
    with pytest.raises(EmbeddedError, match=r"damaged|not a backup"):
        archive.unpack(tmp_path / "backup.tar", tmp_path / "there")
    assert not (tmp_path / "outside").exists()
