from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from services.gateways.storage import FolderStorage, Storage, StorageError
from services.gateways.storage_s3 import S3Storage
from tests.bucket import fake_bucket


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "folder":
        yield FolderStorage(tmp_path / "media")
        return
    with fake_bucket() as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="eu-central-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(s3={"addressing_style": "path"}),
        )
        yield S3Storage(client, "media", "astro")
        client.close()


def test_what_was_put_is_found_again(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"from a file")
    storage.put("recordings/1/a.mp4", tmp_path / "local")
    storage.put_bytes("recordings/1/b.mp4", b"from memory")
    storage.put_bytes("recordings/10/c.mp4", b"another")
    with storage.open("recordings/1/a.mp4") as file:
        assert file.read() == b"from a file"
    assert storage.size("recordings/1/b.mp4") == 11
    assert storage.keys("recordings/1") == ["recordings/1/a.mp4", "recordings/1/b.mp4"]


def test_putting_again_replaces(storage: Storage) -> None:
    storage.put_bytes("a/b", b"old")
    storage.put_bytes("a/b", b"new")
    with storage.open("a/b") as file:
        assert file.read() == b"new"


def test_what_was_deleted_is_gone(storage: Storage) -> None:
    storage.put_bytes("a/1", b"1")
    storage.put_bytes("a/2", b"2")
    storage.delete("a/1")
    storage.delete("a/1")
    assert storage.keys("a") == ["a/2"]
    storage.delete_prefix("a")
    storage.delete_prefix("a")
    assert storage.keys("a") == []
    assert storage.size("a/2") is None
    with pytest.raises(StorageError), storage.open("a/2"):
        pass


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a/./../..", "a\0b"])
def test_a_key_never_leaves_its_place(storage: Storage, key: str) -> None:
    with pytest.raises(StorageError):
        storage.put_bytes(key, b"x")


def test_a_file_appears_whole_and_leaves_no_scraps(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError):
        storage.put_bytes("taken", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert storage.url("thumbs/a.webp") == "/media/thumbs/a.webp"
