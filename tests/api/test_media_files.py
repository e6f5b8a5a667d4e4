import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from falcon import testing

from services.bus import bus
from settings import Settings

STREAM = "0190a0b0-0000-7000-8000-000000000001"
SEGMENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def media(opened: Settings, tmp_path: Path) -> Iterator[Path]:
    """A media folder with one live stream, a thumbnail, and things that are nobody's business."""
    root = tmp_path / "media"
    files = {
        f"hls/{STREAM}/index.m3u8": b"#EXTM3U\n",
        f"hls/{STREAM}/source/0.m4s": SEGMENT,
        f"hls/{STREAM}/source/empty.m4s": b"",
        f"hls/{STREAM}/source/.1.m4s.part": b"half",
        f"hls/{STREAM}/segments.jsonl": b"{}",
        f"recordings/{STREAM}/source.mp4": SEGMENT,
        f"thumbs/{STREAM}/1.webp": b"webp",
        f"open/{STREAM}": b"",
        "private/passport.jpg": b"secret",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (tmp_path / "outside.mp4").write_bytes(b"secret")
    before = bus.settings
    bus.settings = msgspec.structs.replace(before, hls_path=root, media_storage=f"file:{root}")
    yield root
    bus.settings = before


def test_a_playlist_is_fresh_and_open_to_every_player(client: testing.TestClient) -> None:
    answer = client.simulate_get(f"/hls/{STREAM}/index.m3u8", headers={"Origin": "https://player.example"})
    assert (answer.status_code, answer.content) == (200, b"#EXTM3U\n")
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"/hls/{STREAM}/source/0.m4s", "video/mp4"),
        (f"/media/recordings/{STREAM}/source.mp4", "video/mp4"),
        (f"/media/thumbs/{STREAM}/1.webp", "image/webp"),
    ],
)
def test_what_never_changes_may_be_kept_for_ever(client: testing.TestClient, path: str, kind: str) -> None:
    answer = client.simulate_get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, 10240), ("bytes=-5", 10235, 10240), ("bytes=10000-99999", 10000, 10240)],
)
def test_a_range_is_answered_with_that_part(client: testing.TestClient, asked: str, start: int, stop: int) -> None:
    answer = client.simulate_get(f"/media/recordings/{STREAM}/source.mp4", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == SEGMENT[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10240"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=20000-30000", "bytes=-0"])
def test_a_range_past_the_end_is_refused(client: testing.TestClient, asked: str) -> None:
    answer = client.simulate_get(f"/hls/{STREAM}/source/0.m4s", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10240"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=" + "9" * 5000 + "-"])
def test_a_range_that_is_not_understood_gets_the_whole(client: testing.TestClient, asked: str) -> None:
    answer = client.simulate_get(f"/hls/{STREAM}/source/0.m4s", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, SEGMENT)


def test_what_the_caller_has_already_is_not_sent_again(client: testing.TestClient) -> None:
    path = f"/hls/{STREAM}/source/0.m4s"
    etag = client.simulate_get(path).headers["etag"]
    again = client.simulate_get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    changed = client.simulate_get(path, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert changed.status_code == 200


def test_head_says_the_same_without_the_bytes(client: testing.TestClient) -> None:
    answer = client.simulate_head(f"/hls/{STREAM}/source/0.m4s")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10240")


def test_an_empty_file_is_a_file(client: testing.TestClient) -> None:
    answer = client.simulate_get(f"/hls/{STREAM}/source/empty.m4s")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        f"/hls/{STREAM}/source/1.m4s",
        f"/hls/{STREAM}/source/.1.m4s.part",
        f"/hls/{STREAM}/segments.jsonl",
        f"/hls/{STREAM}",
        f"/hls/{STREAM}/source",
        "/hls/",
        "/hls/../../outside.mp4",
        "/hls/%2e%2e/%2e%2e/outside.mp4",
        "/hls/..%2f..%2foutside.mp4",
        f"/hls/t/{'1' * 33}/{STREAM}/../../recordings/{STREAM}/source.mp4",
        f"/hls/t/{STREAM}",
        f"/media/recordings/{STREAM}",
        f"/media/recordings/{STREAM.upper()}/source.mp4",
        "/media/recordings/x/source.mp4",
        f"/media/open/{STREAM}",
        f"/hls/{STREAM}/../../recordings/{STREAM}/source.mp4",
        "/hls//etc/passwd",
        "/hls/x\\..\\outside.mp4",
        "/hls/a%00.mp4",
        "/media/private/passport.jpg",
        "/media/thumbs/../private/passport.jpg",
        f"/media/hls/{STREAM}/index.m3u8",
        "/media/" + "a/" * 50 + "b.mp4",
    ],
)
def test_nothing_else_can_be_reached(client: testing.TestClient, path: str) -> None:
    answer = client.simulate_get(path)
    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_no_link_is_followed(client: testing.TestClient, media: Path, tmp_path: Path) -> None:
    folder = media / "hls" / STREAM
    (folder / "link.mp4").symlink_to(tmp_path / "outside.mp4")
    (folder / "linked").symlink_to(media / "private")
    os.mkfifo(folder / "pipe.mp4")
    for name in ("link.mp4", "linked/passport.jpg", "pipe.mp4"):
        assert client.simulate_get(f"/hls/{STREAM}/{name}").status_code == 404


def test_media_kept_in_a_bucket_are_not_looked_for_here(client: testing.TestClient) -> None:
    bus.settings = msgspec.structs.replace(bus.settings, media_storage="s3:")
    assert client.simulate_get(f"/media/thumbs/{STREAM}/1.webp").status_code == 404
    assert client.simulate_get(f"/hls/{STREAM}/index.m3u8").status_code == 200
