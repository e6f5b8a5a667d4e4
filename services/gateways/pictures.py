"""Renditions of pictures that people handed in, decoded where a hostile one can do no harm."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

CHILD = Path(__file__).with_name("picture_child.py")
LEASH = Path(__file__).with_name("leash.py")
TIMEOUT_S = 30.0
#: A picture of this many pixels decodes within the child's memory.
MOST_PIXELS = 64_000_000


class PictureError(Exception):
    """Nothing could be made of a picture; says why in one line."""


class Rendition(msgspec.Struct, frozen=True, array_like=True):
    """A wanted WebP: `crop` fills width and height (pixels) exactly, else the picture stays within them."""

    name: str
    width: int
    height: int
    crop: bool = False


def render(source: Path, folder: Path, wanted: Sequence[Rendition]) -> dict[str, Path]:
    """Make the wanted renditions of a local JPEG, PNG or WebP in `folder`; returns them by name.

    Raises PictureError for a picture that cannot be decoded within the bounds. The decoder runs
    in a child process, so that neither its memory nor its crash is the caller's.
    """
    words = [str(source), str(folder), json.dumps(msgspec.to_builtins(wanted))]
    leashed = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
    try:
        done = subprocess.run(
            [*leashed, sys.executable, "-I", str(CHILD), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PictureError(f"the decoder did not finish ({type(error).__name__})") from error
    if done.returncode != 0:
        raise PictureError(_reason(done.returncode, done.stderr))
    return {rendition.name: folder / f"{rendition.name}.webp" for rendition in wanted}


def _reason(code: int, complaints: str) -> str:
    lines = complaints.strip().splitlines()
    return lines[-1][:300] if code > 0 and lines else f"the decoder died (exit code {code})"
