"""What AAC's configuration says of the sound: its rate, its channels and its codec string.

Source: ISO/IEC 14496-3, 1.6.2.1 (AudioSpecificConfig); RFC 6381 (the codec string).
"""

from typing import Final, NamedTuple

from ingest.bits import BitReader
from ingest.errors import ProtocolError

SAMPLES_PER_FRAME: Final = 1024

_RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
_EXPLICIT_RATE = 15
_ESCAPED_TYPE = 31


class AudioConfig(NamedTuple):
    """An AAC stream's parameters; `record` is the AudioSpecificConfig itself.

    `rate` is in samples a second, of the core coder where there is an extension.
    """

    record: bytes
    rate: int
    channels: int
    codec: str


def parse_config(record: bytes) -> AudioConfig:
    """Read an AudioSpecificConfig; raises ProtocolError."""
    if not 2 <= len(record) <= 64:
        raise ProtocolError("the AAC configuration is malformed")
    bits = BitReader(record)
    object_type = bits.bits(5)
    if object_type == _ESCAPED_TYPE:
        object_type = 32 + bits.bits(6)
    index = bits.bits(4)
    rate = bits.bits(24) if index == _EXPLICIT_RATE else _rate(index)
    channels = bits.bits(4)
    if not 7350 <= rate <= 96000:
        raise ProtocolError(f"an AAC sample rate of {rate} is not possible")
    return AudioConfig(record, rate, channels or 2, f"mp4a.40.{object_type}")


def _rate(index: int) -> int:
    if index >= len(_RATES):
        raise ProtocolError("the AAC sample rate is reserved")
    return _RATES[index]
