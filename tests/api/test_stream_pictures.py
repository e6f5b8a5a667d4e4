"""A stream's picture, handed in with the stream: over a form, in place of an address."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from falcon import testing
from PIL import Image

from services import thumbnails
from services.actors import Role
from services.bus import bus
from services.gateways.storage import open_storage
from services.ids import new_id
from services.stream_pictures import FOLDER
from tests.factories import bearer, make_stream, make_user
from tests.forms import MULTIPART, form
from tests.pictures import picture

Client = testing.TestClient
Kept = Callable[[], list[str]]
PATHS = ["/api/streams", "/api/stream/create"]


@pytest.fixture
def headers() -> dict[str, str]:
    return bearer(make_user(role=Role.STREAMER))


def send(client: Client, headers: dict[str, str], *parts: tuple[str, str | None, bytes], path: str = PATHS[0]) -> Any:
    return client.simulate_post(path, body=form(*parts), headers=headers | MULTIPART)


def in_storage() -> list[str]:
    return open_storage(bus.settings).keys(FOLDER)


@pytest.fixture
def kept() -> Kept:
    """What is kept since the test began."""
    before = set(in_storage())
    return lambda: [key for key in in_storage() if key not in before]


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_is_made_of_a_form_with_a_picture(client: Client, headers: dict[str, str], path: str) -> None:
    said = [("title", None, "Mond über Köln 🌙".encode()), ("tags", None, b"Moon"), ("visibility", None, b"UNLISTED")]
    made = send(client, headers, *said, ("thumbnail", "moon.png", picture("PNG")), path=path)
    assert made.status_code == 201, made.text
    stream = made.json["data"]
    assert made.headers["location"] == f"/api/streams/{stream['id']}"
    assert (stream["title"], stream["tags"], stream["visibility"]) == ("Mond über Köln 🌙", ["moon"], "UNLISTED")
    shown = client.simulate_get(urlsplit(stream["thumbnail"]).path)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(shown.content)).format == "WEBP"


def test_several_tags_come_one_by_one_and_the_picture_may_be_an_address_or_none(
    client: Client, headers: dict[str, str], kept: Kept
) -> None:
    tags = [("tags", None, b"a"), ("tags", None, b"b")]
    made = send(client, headers, ("title", None, b"t"), *tags, ("thumbnail", None, b"https://example.org/a.png"))
    assert made.status_code == 201, made.text
    assert (made.json["data"]["tags"], made.json["data"]["thumbnail"]) == (["a", "b"], "https://example.org/a.png")
    assert send(client, headers, ("title", None, b"t")).json["data"]["thumbnail"] is None
    assert kept() == []


@pytest.mark.parametrize(
    ("parts", "status", "field"),
    [
        ([("thumbnail", "a.png", picture("PNG"))], 400, "title"),
        ([("title", None, b"x" * 141), ("thumbnail", "a.png", picture("PNG"))], 400, "title"),
        ([("title", None, b"t"), ("colour", None, b"red")], 400, "colour"),
        ([("title", None, b"t"), ("thumbnail", "a.png", picture("PNG")[:60])], 400, "thumbnail"),
        ([("title", None, b"t"), ("thumbnail", None, b"https://example.org/a.png"),
          ("thumbnail", "a.png", picture("PNG"))], 400, "thumbnail"),
        ([("title", None, b"t"), ("thumbnail", "a.svg", b"<svg/>")], 415, None),
        ([("title", None, b"t"), ("thumbnail", "a.png", b"\0" * (10 * 2**20 + 1))], 413, None),
        ([("title", None, b"t"), ("categoryId", None, b"nowhere"), ("thumbnail", "a.png", picture("PNG"))], 400,
         "categoryId"),
    ],
)  # fmt: skip
def test_a_bad_form_makes_no_stream_and_leaves_no_picture(
    client: Client,
    headers: dict[str, str],
    kept: Kept,
    parts: list[tuple[str, str | None, bytes]],
    status: int,
    field: str | None,
) -> None:
    refused = send(client, headers, *parts)
    assert refused.status_code == status, refused.text
    assert [detail["field"] for detail in refused.json.get("details", [])] == ([field] if field else [])
    assert client.simulate_get("/api/stream/info", headers=headers).status_code == 404
    assert kept() == []


def test_only_streamers_hand_pictures_in(client: Client, kept: Kept) -> None:
    parts = [("title", None, b"t"), ("thumbnail", "a.png", picture("PNG"))]
    assert send(client, {}, *parts).status_code == 401
    assert send(client, bearer(make_user()), *parts).status_code == 403
    assert kept() == []


def test_a_picture_stays_until_its_streamer_shows_another_and_is_gone_then(
    client: Client, headers: dict[str, str], kept: Kept
) -> None:
    made = send(client, headers, ("title", None, b"t"), ("thumbnail", "a.png", picture("PNG"))).json["data"]
    thumbnails.show_picture(made["id"], Image.new("RGB", (640, 360)))
    path = f"/api/streams/{made['id']}"
    assert client.simulate_get(path).json["data"]["thumbnail"] == made["thumbnail"]
    assert client.simulate_patch(path, json={"title": "u"}, headers=headers).status_code == 200
    assert len(kept()) == 1
    client.simulate_patch(path, json={"thumbnail": "https://example.org/a.png"}, headers=headers)
    assert client.simulate_get(path).json["data"]["thumbnail"] == "https://example.org/a.png"
    assert kept() == []


def test_a_picture_of_one_stream_is_none_of_anothers(client: Client, headers: dict[str, str], kept: Kept) -> None:
    made = send(client, headers, ("title", None, b"t"), ("thumbnail", "a.png", picture("PNG"))).json["data"]
    other = make_stream()
    assert kept() == [f"{FOLDER}/{made['id']}.webp"]
    assert client.simulate_get(f"/media/{FOLDER}/{other.id}.webp").status_code == 404
    assert client.simulate_get(f"/media/{FOLDER}/{new_id()}.webp").status_code == 404
