from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from services.gateways.storage import FolderStorage, Storage, StorageError, open_storage
from settings import Settings
from tests.bucket import bucket


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, opened: Settings) -> Iterator[Storage]:
    if request.param == "folder":
        yield FolderStorage(tmp_path / "media")
        return
    with bucket() as there:
        yield open_storage(msgspec.structs.replace(opened, media_storage="s3:astro", **there))


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


def test_a_browser_finds_what_the_bucket_shows_and_nothing_private(opened: Settings) -> None:
    with bucket(public="astro/avatars/*") as there:
        storage = open_storage(msgspec.structs.replace(opened, media_storage="s3:astro", **there))
        storage.put_bytes("avatars/a.webp", b"picture")
        storage.put_bytes("identity/b", b"passport")
        found = requests.get(storage.url("avatars/a.webp"), timeout=10)
        private = requests.get(storage.url("identity/b"), timeout=10)
    assert (found.content, found.headers["Content-Type"]) == (b"picture", "image/webp")
    assert "immutable" in found.headers["Cache-Control"]
    assert private.status_code == 403


def test_a_bucket_that_is_away_says_so(opened: Settings) -> None:
    with bucket() as there:
        pass
    storage = open_storage(msgspec.structs.replace(opened, media_storage="s3:", **there))
    with pytest.raises(StorageError):
        storage.put_bytes("a/b", b"x")
