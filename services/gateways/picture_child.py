"""Decode one picture that may be hostile, in a process of its own whose memory and time are bounded.

Run as a script: `python picture_child.py SOURCE FOLDER WANTED`, where WANTED is JSON, a list of
`[name, width, height, crop]`. Each becomes FOLDER/name.webp, upright, in sRGB or RGBA, and without
any metadata: only the first frame's pixels are carried over.
"""

import json
import resource
import sys
import warnings
from pathlib import Path

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_MEMORY = 1 << 30
MOST_CPU_S = 20
MOST_OUTPUT = 64 << 20
QUALITY = 82


def main(source: str, folder: str, wanted: str) -> None:
    """Make every wanted rendition, or leave with one line on standard error."""
    _bound()
    try:
        picture = _opened(source, json.loads(wanted))
        for name, width, height, crop in json.loads(wanted):
            _fitted(picture, (width, height), crop).save(
                Path(folder) / f"{name}.webp", "WEBP", quality=QUALITY, method=4
            )
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError, Warning) as error:
        sys.exit(f"{type(error).__name__}: {error}"[:300])


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_OUTPUT, MOST_OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _opened(source: str, wanted: list[tuple[str, int, int, bool]]) -> Image.Image:
    """The first frame's pixels alone, upright."""
    with Image.open(source, formats=FORMATS) as file:
        largest = max(max(width, height) for _, width, height, _ in wanted)
        file.draft("RGB", (largest, largest))
        upright = ImageOps.exif_transpose(file)
        has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        pixels = upright.convert("RGBA" if has_alpha else "RGB")
    pixels.info.clear()
    return pixels


def _fitted(picture: Image.Image, size: tuple[int, int], crop: bool) -> Image.Image:
    """Filling the size exactly, what is over cut off evenly; or inside of it, never enlarged."""
    if crop:
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    smaller = picture.copy()
    smaller.thumbnail(size, Image.Resampling.LANCZOS)
    return smaller


if __name__ == "__main__":
    main(*sys.argv[1:4])
