"""Emotes: checked by content, kept as WebP, one code of a streamer's at a time."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from db.connection import connection
from services import emotes
from services.actors import Actor, Role
from services.bus import bus
from services.emotes import EmoteDraft, EmoteView
from services.errors import Conflict, Forbidden, Invalid, NotFound, ServiceError, WrongType
from services.gateways.storage import open_storage
from services.ids import new_id
from services.uploads import ReceivedFile
from settings import Settings
from tests.factories import actor_of, make_user
from tests.pictures import lying_png, picture, png_bomb, telling_photo


def _streamer() -> Actor:
    return actor_of(make_user(role=Role.STREAMER))


def _file(folder: Path, content: bytes) -> ReceivedFile:
    path = folder / f"{new_id()}.png"
    path.write_bytes(content)
    return ReceivedFile(path=path, size=len(content), name="picture.png")


def _add(actor: Actor, folder: Path, code: str = "wave", content: bytes | None = None) -> EmoteView:
    return emotes.add_emote(actor, EmoteDraft(code=code), _file(folder, content or picture("PNG")))


def _kept(actor: Actor) -> list[str]:
    return open_storage(bus.settings).keys(f"emotes/{actor.user_id}")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_webp_within_three_sizes(tmp_path: Path, kind: str) -> None:
    actor = _streamer()
    emote = _add(actor, tmp_path, content=picture(kind))
    assert set(emote.images) == {"28", "56", "112"}
    assert emote.image == emote.images["112"]
    for side, url in emote.images.items():
        with open_storage(bus.settings).open(url.removeprefix("/media/")) as file:
            made = Image.open(io.BytesIO(file.read()))
            assert (made.format, max(made.size)) == ("WEBP", int(side))


def test_what_a_picture_told_of_its_maker_is_gone(tmp_path: Path) -> None:
    emote = _add(_streamer(), tmp_path, content=telling_photo())
    with open_storage(bus.settings).open(emote.image.removeprefix("/media/")) as file:
        content = file.read()
    assert b"secret-comment" not in content
    assert not Image.open(io.BytesIO(content)).getexif()


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"GIF89a" + b"\0" * 100, WrongType),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", WrongType),
        (picture("PNG")[:60], Invalid),
        (png_bomb(20_000, 20_000), Invalid),
        (lying_png((4_000, 4_000), (10, 10)), Invalid),
    ],
)
def test_what_is_no_good_picture_is_refused_and_leaves_nothing(
    tmp_path: Path, content: bytes, refusal: type[ServiceError]
) -> None:
    actor = _streamer()
    with pytest.raises(refusal):
        _add(actor, tmp_path, content=content)
    assert (emotes.emotes_of(actor.user_id), _kept(actor)) == ([], [])


def test_a_code_is_one_streamers_once(tmp_path: Path) -> None:
    actor = _streamer()
    emote = _add(actor, tmp_path, "Wave")
    with pytest.raises(Conflict) as refusal:
        _add(actor, tmp_path, "wAVE")
    assert refusal.value.code == "emote_code_taken"
    assert _add(_streamer(), tmp_path, "Wave").code == "Wave"
    assert emotes.emotes_of(actor.user_id) == [emote]
    assert len(_kept(actor)) == 3


def test_of_many_emotes_of_one_code_at_a_time_one_is_made(committed_db: Settings, tmp_path: Path) -> None:
    actor = _streamer()

    def add(_: int) -> str:
        with connection():
            try:
                _add(actor, tmp_path)
            except Conflict as refusal:
                return refusal.code
        return "added"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(add, range(4)))
    assert sorted(outcomes) == ["added", *["emote_code_taken"] * 3]
    assert len(_kept(actor)) == 3


def test_a_removed_emote_is_gone_with_its_pictures(committed_db: Settings, tmp_path: Path) -> None:
    actor = _streamer()
    gone, left = _add(actor, tmp_path, "gone"), _add(actor, tmp_path, "left")
    emotes.remove_emote(actor, gone.id)
    assert emotes.emotes_of(actor.user_id) == [left]
    assert len(_kept(actor)) == 3
    with pytest.raises(NotFound):
        emotes.remove_emote(actor, gone.id)


def test_only_the_owner_and_administrators_remove_an_emote(tmp_path: Path) -> None:
    actor = _streamer()
    emote = _add(actor, tmp_path)
    with pytest.raises(Forbidden):
        emotes.remove_emote(_streamer(), emote.id)
    emotes.remove_emote(actor_of(make_user(role=Role.ADMIN)), emote.id)
    assert emotes.emotes_of(actor.user_id) == []


def test_an_emote_needs_a_channel(tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        _add(actor_of(make_user()), tmp_path)
    with pytest.raises(NotFound):
        emotes.emotes_of(make_user().id)
