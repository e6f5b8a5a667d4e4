"""Codec headers as encoders really write them (libx264 and ffmpeg's AAC), and FLV bodies around them."""

from ingest.flv import MediaKind

AVC_1080P = bytes.fromhex(
    "01640028ffe1001b67640028acd940780227e5c044000003000400000300f03c60c65801000668ebe3cb22c0fdf8f800"
)
AVC_360P = bytes.fromhex("0142c01effe100196742c01ed900a02ff970110000030001000003003c0f162e4801000568cb83cb20")
AVC_444 = bytes.fromhex("01f4000cffe1001967f4000c919b2820276022000003000200000300781e28532c01000668ebe3c44844fff8f800")
AVC_INTERLACED = bytes.fromhex(
    "01640015ffe1001a67640015acd941410fcb8088000003000800000301e0f8a14cb001000668fba3cb22c0fdf8f800"
)
#: By libx265, plain and with two temporal layers in 4:2:2 of ten bits; by SVT-AV1 and libaom (ten bits). 638 by 358.
HEVC_MAIN = bytes.fromhex(
    "0101600000009000000000003ff000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003f9594092100010"
    "02c42010101600000030090000003000003003fa005020171d4d965654a4c2f016808000003000800000300f0402200010006440"
    "1c073c189"
)
HEVC_422 = bytes.fromhex(
    "0104080000009d08000000003ff000fcfefafa00001303200001001b40010c02ffff0408000003009d0800000300003f00009594aca0482"
    "10001002f4201020408000003009d0800000300003f0000b005020171d45b659594aca94985e02d010000030001000003001e08"
    "22000100064401c073c189"
)
AV1_MAIN = bytes.fromhex("81010c000a0c0200000d2627db2805f00080")
AV1_10_BIT = bytes.fromhex("81014c000a0b0000000cc4fb6536be5010")
AAC_44100_MONO = bytes.fromhex("120856e500")
AAC_48000_STEREO = bytes.fromhex("1190")

VIDEO_CONFIG = b"\x17\x00\x00\x00\x00" + AVC_360P
AUDIO_CONFIG = b"\xaf\x00" + AAC_48000_STEREO


def video(*, key: bool = False, composition_ms: int = 0, data: bytes = b"\x00\x00\x00\x01\x41") -> bytes:
    """One frame's tag body."""
    return (b"\x17" if key else b"\x27") + b"\x01" + composition_ms.to_bytes(3, "big", signed=True) + data


def audio(data: bytes = b"\x21\x10") -> bytes:
    """One AAC frame's tag body."""
    return b"\xaf\x01" + data


VIDEO, AUDIO = MediaKind.VIDEO, MediaKind.AUDIO
Tag = tuple[MediaKind, int, bytes]


def broadcast(seconds: float, *, fps: int = 30, gop: int = 30, sound: bool = True, start_ms: int = 0) -> list[Tag]:
    """Tags of a picture and AAC sound at 48 kHz, in order of time."""
    tags: list[Tag] = [(VIDEO, start_ms, VIDEO_CONFIG)]
    if sound:
        tags.append((AUDIO, start_ms, AUDIO_CONFIG))
    frames: list[Tag] = [
        (VIDEO, start_ms + 1000 * n // fps, video(key=n % gop == 0)) for n in range(int(seconds * fps))
    ]
    if sound:
        frames += [(AUDIO, start_ms + n * 1024 // 48, audio()) for n in range(int(seconds * 46.875))]
    return tags + sorted(frames, key=lambda tag: tag[1])
