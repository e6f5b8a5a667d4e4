"""The ffmpeg of the embedded default: the binary in imageio-ffmpeg's wheel."""

from embedded.errors import EmbeddedError
from embedded.wheels import package_folder


def embedded_binary() -> str:
    """Return the path of the binary; raises EmbeddedError on a platform whose wheel has none."""
    binaries = package_folder("imageio_ffmpeg", "FFMPEG_BINARY") / "binaries"
    found = sorted(binaries.glob("ffmpeg-*"))
    if not found:
        raise EmbeddedError("FFMPEG_BINARY: no ffmpeg comes with the packages on this machine; set it to yours")
    return str(found[-1])
