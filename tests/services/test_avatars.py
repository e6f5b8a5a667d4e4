"""Avatars: from a file that somebody handed in to three squares, in a folder and in a bucket."""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from db.models.file_uploads import FileUpload
from db.models.users import User
from services import avatars, clock, profiles, uploads
from services.actors import Actor
from services.bus import bus
from services.errors import Invalid, NotFound, Unavailable, WrongType
from services.gateways.storage import open_storage
from services.profiles import ProfilePatch
from services.uploads import ReceivedFile, UploadStatus, UploadView
from settings import Settings
from tests.bucket import bucket
from tests.configuring import configured
from tests.factories import actor_of, make_user
from tests.fakes import FakeJobs
from tests.pictures import lying_png, picture, png_bomb, telling_photo


@pytest.fixture(params=["folder", "bucket"])
def stored(request: pytest.FixtureRequest, tmp_path: Path, opened: Settings) -> Iterator[None]:
    with ExitStack() as stack:
        if request.param == "bucket":
            there = stack.enter_context(bucket(public="astro/avatars/*"))
            stack.enter_context(configured(media_storage="s3:astro", **there))
        else:
            stack.enter_context(configured(media_storage=f"file:{tmp_path / 'media'}"))
        yield


@pytest.fixture
def actor(stored: None) -> Actor:
    return actor_of(make_user())


def hand_in(actor: Actor, folder: Path, content: bytes) -> UploadView:
    path = folder / "handed-in"
    path.write_bytes(content)
    return avatars.upload_avatar(actor, ReceivedFile(path, len(content)))


def make(actor: Actor, folder: Path, content: bytes) -> UploadView:
    upload = hand_in(actor, folder, content)
    avatars.make_avatar(upload.id)
    return uploads.upload(actor, upload.id)


def kept(folder: str) -> list[str]:
    return open_storage(bus.settings).keys(folder)


def shown(actor: Actor) -> str | None:
    return User.get_by_id(actor.user_id).avatar


def test_a_picture_becomes_three_squares_and_is_shown(actor: Actor, tmp_path: Path, jobs: FakeJobs) -> None:
    waiting = hand_in(actor, tmp_path, telling_photo())
    assert (waiting.status, waiting.results) == (UploadStatus.PROCESSING, {})
    assert jobs.named("media.avatar")[0].arguments == {"upload_id": str(waiting.id)}
    avatars.make_avatar(waiting.id)
    ready = uploads.upload(actor, waiting.id)
    assert (ready.status, set(ready.results)) == (UploadStatus.READY, {"64", "256", "512"})
    assert shown(actor) == ready.results["256"]
    for key in kept(f"avatars/{actor.user_id}"):
        with open_storage(bus.settings).open(key) as file, Image.open(io.BytesIO(file.read())) as image:
            assert image.size == (int(key.rpartition("-")[2][:-5]),) * 2
            assert image.format == "WEBP" and not image.getexif()


def test_the_original_is_not_kept(actor: Actor, tmp_path: Path) -> None:
    hand_in(actor, tmp_path, picture())
    (original,) = kept("uploads")
    avatars.make_avatar(UUID(Path(original).name))
    assert kept("uploads") == []


def test_what_went_before_is_deleted(actor: Actor, tmp_path: Path) -> None:
    make(actor, tmp_path, picture())
    second = make(actor, tmp_path, picture("PNG"))
    assert {Path(key).name.rpartition("-")[0] for key in kept(f"avatars/{actor.user_id}")} == {str(second.id)}


def test_a_job_done_twice_changes_nothing(actor: Actor, tmp_path: Path) -> None:
    first = make(actor, tmp_path, picture())
    second = make(actor, tmp_path, picture())
    for upload in (first, second):
        avatars.make_avatar(upload.id)
    assert shown(actor) == second.results["256"]
    assert len(kept(f"avatars/{actor.user_id}")) == 3


def test_the_newer_picture_wins_whichever_is_made_first(actor: Actor, tmp_path: Path) -> None:
    older, newer = (hand_in(actor, tmp_path, picture()) for _ in range(2))
    avatars.make_avatar(newer.id)
    avatars.make_avatar(older.id)
    assert shown(actor) == uploads.upload(actor, newer.id).results["256"]
    assert len(kept(f"avatars/{actor.user_id}")) == 3


def test_taking_the_picture_away_deletes_it(actor: Actor, tmp_path: Path) -> None:
    make(actor, tmp_path, picture())
    profiles.edit_profile(actor, actor.user_id, ProfilePatch(avatar=None))
    assert shown(actor) is None
    assert kept(f"avatars/{actor.user_id}") == []


@pytest.mark.parametrize(
    "content",
    [picture("PNG")[:-40], lying_png(said=(300, 300), real=(3, 3)), png_bomb(7_900, 7_900)[:2_000]],
    ids=["cut off", "lying", "cut bomb"],
)
def test_a_picture_that_breaks_its_decoder_fails_its_upload_alone(actor: Actor, tmp_path: Path, content: bytes) -> None:
    good = make(actor, tmp_path, picture())
    failed = make(actor, tmp_path, content)
    assert (failed.status, failed.results) == (UploadStatus.FAILED, {})
    assert failed.error.startswith("The picture cannot be read")
    assert shown(actor) == good.results["256"]
    assert kept("uploads") == []


def test_a_bomb_is_refused_at_the_door(actor: Actor, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="64 million pixels"):
        hand_in(actor, tmp_path, png_bomb(40_000, 40_000))
    assert FileUpload.select().count() == 0
    assert kept("uploads") == []


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a....", b"#!/bin/sh\n", b"%PDF-1.7"])
def test_what_is_no_picture_is_refused_whatever_its_name(actor: Actor, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WrongType):
        hand_in(actor, tmp_path, content)


def test_nobody_follows_the_upload_of_another(actor: Actor, tmp_path: Path) -> None:
    upload = hand_in(actor, tmp_path, picture())
    with pytest.raises(NotFound):
        uploads.upload(actor_of(make_user()), upload.id)


def test_storage_that_is_away_is_said_and_tried_again(actor: Actor, tmp_path: Path) -> None:
    upload = hand_in(actor, tmp_path, picture())
    (tmp_path / "in-the-way").write_text("a file, no folder")
    with configured(media_storage=f"file:{tmp_path / 'in-the-way'}"):
        with pytest.raises(Unavailable):
            hand_in(actor, tmp_path, picture())
        with pytest.raises(Unavailable):
            avatars.make_avatar(upload.id)
    avatars.make_avatar(upload.id)
    assert uploads.upload(actor, upload.id).status is UploadStatus.READY


def test_an_upload_that_no_worker_finished_is_given_up(actor: Actor, tmp_path: Path) -> None:
    upload = hand_in(actor, tmp_path, picture())
    with clock.frozen(clock.now() + uploads.GIVEN_UP_AFTER * 2):
        assert uploads.tidy() == 1
    assert uploads.upload(actor, upload.id).status is UploadStatus.FAILED
    assert kept("uploads") == []
