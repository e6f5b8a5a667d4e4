"""What the first bytes of a file say of the video in it, so that ffmpeg is told and never guesses.

A guess could be a playlist, which may name other files and addresses. MP4 and QuickTime: ISO/IEC
14496-12, 4.3. Matroska and WebM: RFC 8794, 11.2.1.
"""

from typing import IO

#: ffmpeg's names of the two demuxers.
MOV, MATROSKA = "mov", "matroska"


def video_format(file: IO[bytes]) -> str | None:
    """The demuxer of an MP4, QuickTime, Matroska or WebM file; None for anything else."""
    start = file.read(12)
    if start[4:8] == b"ftyp":
        return MOV
    return MATROSKA if start.startswith(b"\x1a\x45\xdf\xa3") else None
