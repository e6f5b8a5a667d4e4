"""Media of posts: what a worker makes of files, good and hostile."""

import io
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import imageio_ffmpeg
import pytest
from PIL import Image

from services import post_media, posts
from services.actors import Actor
from services.bus import bus
from services.gateways.storage import open_storage
from services.post_views import PostView
from services.posts import PostDraft
from services.uploads import ReceivedFile
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def received(path: Path) -> ReceivedFile:
    return ReceivedFile(path=path, size=path.stat().st_size)


def picture(folder: Path, name: str = "a.jpg", size: tuple[int, int] = (3000, 2000), **how: Any) -> Path:
    path = folder / name
    Image.new("RGB", size, "teal").save(path, **how)
    return path


def video(folder: Path, name: str, *more: str) -> Path:
    path = folder / name
    source = ["-f", "lavfi", "-i", "testsrc2=size=322x242:rate=15", "-t", "1", *more]
    subprocess.run([FFMPEG, "-loglevel", "error", "-y", *source, str(path)], check=True)
    return path


def posted(paths: list[Path], jobs: FakeJobs) -> tuple[Actor, PostView]:
    """A post with these files, after a worker has looked at all of them."""
    author = actor_of(make_user())
    made = posts.create_post(author, PostDraft(text="Look"), [received(path) for path in paths])
    for job in jobs.named("posts.process_media"):
        post_media.process(UUID(str(job.arguments["media_id"])))
    return author, posts.post(made.id, author)


def stored(address: str | None) -> bytes:
    assert address is not None
    with open_storage(bus.settings).open(urlsplit(address).path.removeprefix("/media/")) as file:
        return file.read()


def test_a_picture_is_shown_in_two_sizes_without_what_it_told_of_its_maker(tmp_path: Path, jobs: FakeJobs) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Secret Camera", 6
    _, post = posted([picture(tmp_path, exif=exif)], jobs)
    (media,) = post.media
    assert (media.status, media.kind, media.width, media.height) == ("READY", "IMAGE", 1280, 1920)
    large, small = stored(media.url), stored(media.thumbnail)
    assert b"Secret Camera" not in large + small
    assert Image.open(io.BytesIO(small)).size == (320, 480)
    assert open_storage(bus.settings).keys(f"uploads/posts/{post.id}") == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.mkv"])
def test_a_video_becomes_an_mp4_with_a_poster(name: str, tmp_path: Path, jobs: FakeJobs) -> None:
    codec = ["-c:v", "libvpx"] if name == "a.webm" else ["-c:v", "libx264"]
    _, post = posted([video(tmp_path, name, *codec)], jobs)
    (media,) = post.media
    assert (media.status, media.kind, media.width, media.height) == ("READY", "VIDEO", 322, 242)
    assert stored(media.url)[4:8] == b"ftyp"
    assert stored(media.url).index(b"moov") < stored(media.url).index(b"mdat")
    assert stored(media.thumbnail)[8:12] == b"WEBP"


def test_a_file_that_only_begins_like_one_fails_alone(tmp_path: Path, jobs: FakeJobs) -> None:
    broken, false_video = tmp_path / "b.jpg", tmp_path / "b.mp4"
    broken.write_bytes(picture(tmp_path).read_bytes()[:400])
    false_video.write_bytes(b"\0\0\0\x18ftypmp42" + b"#EXTM3U\nfile:///etc/passwd\n" * 20)
    _, post = posted([broken, false_video, picture(tmp_path, "c.png")], jobs)
    assert [media.status for media in post.media] == ["FAILED", "FAILED", "READY"]
    assert [media.url is None for media in post.media] == [True, True, False]


def test_a_sound_without_a_picture_is_no_video(tmp_path: Path, jobs: FakeJobs) -> None:
    path = tmp_path / "a.mp4"
    subprocess.run([FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", "sine", "-t", "1", str(path)], check=True)
    _, post = posted([path], jobs)
    assert post.media[0].status == "FAILED"


def test_processing_twice_changes_nothing(tmp_path: Path, jobs: FakeJobs) -> None:
    author, post = posted([picture(tmp_path)], jobs)
    post_media.process(post.media[0].id)
    assert posts.post(post.id, author) == post


def test_files_go_with_their_post(tmp_path: Path, jobs: FakeJobs) -> None:
    author, post = posted([picture(tmp_path)], jobs)
    kept = open_storage(bus.settings)
    assert len(kept.keys(f"posts/{post.id}")) == 2
    post_media.tidy(post.id)
    assert len(kept.keys(f"posts/{post.id}")) == 2, "a post that is there keeps its files"
    posts.delete_post(author, post.id)
    (job,) = jobs.named("posts.tidy_media")
    post_media.tidy(UUID(str(job.arguments["post_id"])))
    assert kept.keys(f"posts/{post.id}") == []


def test_files_of_a_post_that_goes_away_meanwhile_are_deleted(tmp_path: Path, jobs: FakeJobs) -> None:
    author = actor_of(make_user())
    made = posts.create_post(author, PostDraft(text="Look"), [received(picture(tmp_path))])
    posts.delete_post(author, made.id)
    for job in (*jobs.named("posts.process_media"), *jobs.named("posts.tidy_media")):
        work = post_media.process if job.name == "posts.process_media" else post_media.tidy
        work(UUID(str(next(iter(job.arguments.values())))))
    assert open_storage(bus.settings).keys(f"uploads/posts/{made.id}") == []
