"""What `restore` does not even try: one plain line, and nothing is touched."""

import argparse
from pathlib import Path

import pytest

from embedded import EmbeddedError
from operations import restore


@pytest.mark.parametrize("name", ["missing.tar", "notes.txt", "."])
def test_what_is_no_backup_is_refused_before_anything_starts(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a backup")
    with pytest.raises(EmbeddedError, match="is not a backup"):
        restore.run(argparse.Namespace(file=tmp_path / name, yes=True), {"DATA_DIR": str(tmp_path / "data")})
    assert not (tmp_path / "data").exists()


def test_nothing_is_replaced_without_a_yes(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="--yes"):
        restore.run(argparse.Namespace(file=tmp_path, yes=False), {"DATA_DIR": str(tmp_path / "data")})
