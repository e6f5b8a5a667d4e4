"""Renditions of pictures: upright, bare of metadata, and made where a hostile picture harms nobody."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from services.gateways.pictures import PictureError, Rendition, render
from tests.pictures import lying_png, picture, png_bomb, telling_photo

SQUARE, INSIDE = Rendition("square", 64, 64, crop=True), Rendition("inside", 100, 100)


@pytest.fixture(autouse=True)
def _database() -> Iterator[None]:
    """Nothing here needs one."""
    yield


def rendered(tmp_path: Path, content: bytes) -> dict[str, Path]:
    (tmp_path / "source").write_bytes(content)
    return render(tmp_path / "source", tmp_path, [SQUARE, INSIDE])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_cut_to_a_square_or_kept_inside(kind: str, tmp_path: Path) -> None:
    made = rendered(tmp_path, picture(kind, (300, 200)))
    sizes = {}
    for name, path in made.items():
        with Image.open(path) as image:
            sizes[name] = (image.format, image.size)
    assert sizes == {"square": ("WEBP", (64, 64)), "inside": ("WEBP", (100, 67))}


def test_a_small_picture_is_not_enlarged_unless_a_square_is_wanted(tmp_path: Path) -> None:
    made = rendered(tmp_path, picture("PNG", (10, 10)))
    with Image.open(made["square"]) as square, Image.open(made["inside"]) as inside:
        assert (square.size, inside.size) == ((64, 64), (10, 10))


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("JPEG", "CMYK"), ("PNG", "RGBA")]
)
def test_every_colour_model_is_understood(kind: str, mode: str, tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.new("RGB", (90, 90), "red").convert(mode).save(written, kind)
    assert rendered(tmp_path, written.getvalue())["square"].stat().st_size > 0


def test_transparency_survives(tmp_path: Path) -> None:
    made = rendered(tmp_path, picture("PNG", (90, 90), "RGBA"))
    with Image.open(made["square"]) as image:
        assert image.mode in ("RGBA", "RGB")


def test_a_photo_is_turned_upright_and_tells_nothing_more(tmp_path: Path) -> None:
    made = rendered(tmp_path, telling_photo())
    with Image.open(made["inside"]) as image:
        assert image.size == (100, 67)
        assert not image.getexif() and "exif" not in image.info and "icc_profile" not in image.info
        red, _, blue = image.convert("RGB").getpixel((90, 30))  # type: ignore[misc]
    assert red > 200 > blue  # what lay on top is on the right now
    for path in made.values():
        content = path.read_bytes()
        assert b"EXIF" not in content and b"XMP" not in content and b"secret-comment" not in content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"GIF89a" + b"\0" * 40,
        picture("PNG")[:-40],
        picture("JPEG", (600, 600))[:900],
        picture("WEBP")[:60],
        lying_png(said=(400, 400), real=(4, 4)),
        b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n",
    ],
    ids=["empty", "text", "gif", "cut png", "cut jpeg", "cut webp", "lying png", "postscript"],
)
def test_what_cannot_be_decoded_is_said_in_one_line(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(PictureError) as refused:
        rendered(tmp_path, content)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", [(30_000, 30_000), (14_000, 14_000)])
def test_a_decompression_bomb_costs_its_decoder_alone(size: tuple[int, int], tmp_path: Path) -> None:
    bomb = png_bomb(*size)
    assert len(bomb) < 200_000
    with pytest.raises(PictureError):
        rendered(tmp_path, bomb)
    assert not list(tmp_path.glob("*.webp"))


def test_a_large_photo_is_still_made(tmp_path: Path) -> None:
    assert rendered(tmp_path, picture("JPEG", (8000, 6000)))["square"].exists()
