"""Pictures to hand in: plain ones, and such as are made to do harm."""

import io
import struct
import zlib

from PIL import Image

GPS_IFD = 0x8825
ORIENTATION = 0x0112


def picture(kind: str = "JPEG", size: tuple[int, int] = (300, 200), mode: str = "RGB") -> bytes:
    """A picture whose left half is red and right half blue."""
    image = Image.new(mode, size, "blue")
    image.paste(Image.new(mode, (size[0] // 2, size[1]), "red"), (0, 0))
    return _saved(image, kind)


def telling_photo() -> bytes:
    """A JPEG, stored on its side, that says where it was taken."""
    image = Image.new("RGB", (200, 300), "blue")
    image.paste(Image.new("RGB", (200, 150), "red"), (0, 0))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS_IFD)[2] = (59.0, 54.0, 50.0)
    return _saved(image, "JPEG", exif=exif, comment=b"secret-comment")


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that unpacks to width times height pixels of nothing."""
    row = zlib.compressobj(9)
    packed = b"".join(row.compress(b"\0" * (1 + (width + 7) // 8)) for _ in range(height)) + row.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def lying_png(said: tuple[int, int], real: tuple[int, int]) -> bytes:
    """A PNG whose header says another size than its data have."""
    whole = bytearray(png_bomb(*real))
    whole[16:24] = struct.pack(">II", *said)
    whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
    return bytes(whole)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()
