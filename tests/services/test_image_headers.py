"""What the first bytes of a picture say."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.image_headers import image_header
from tests.pictures import picture, png_bomb, telling_photo


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (300, 200), (17, 4000)])
def test_kind_and_size_are_read_from_the_beginning(kind: str, size: tuple[int, int]) -> None:
    header = image_header(io.BytesIO(picture(kind, size)))
    assert header is not None
    assert (header.content_type, header.width, header.height) == (f"image/{kind.lower()}", *size)


@pytest.mark.parametrize("lossless", [True, False])
def test_every_form_of_webp_is_understood(lossless: bool) -> None:
    written = io.BytesIO()
    Image.new("RGBA", (321, 123), (1, 2, 3, 4)).save(written, "WEBP", lossless=lossless, exif=b"Exif\0\0")
    header = image_header(io.BytesIO(written.getvalue()))
    assert header is not None and (header.width, header.height) == (321, 123)


def test_a_photo_with_metadata_before_its_frame_is_understood() -> None:
    header = image_header(io.BytesIO(telling_photo()))
    assert header is not None and (header.width, header.height) == (200, 300)


def test_a_bomb_tells_its_size_before_it_is_unpacked() -> None:
    header = image_header(io.BytesIO(png_bomb(20_000, 20)))
    assert header is not None and header.pixels == 400_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + b"\0" * 40,
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff" + b"\xff" * 10_000,
        b"\xff\xd8\xff\xe0\x00\x00",
        b"MZ" + b"\0" * 100,
    ],
)
def test_what_is_no_picture_is_known_as_none(content: bytes) -> None:
    assert image_header(io.BytesIO(content)) is None


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n"]))
def test_no_bytes_break_the_reading(content: bytes, start: bytes) -> None:
    header = image_header(io.BytesIO(start + content))
    assert header is None or header.pixels > 0
