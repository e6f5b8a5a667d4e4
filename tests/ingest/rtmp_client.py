"""The publisher's side of RTMP, spelled by hand: what encoders send, and what they hear back."""

from ingest.rtmp import amf0
from ingest.rtmp.chunks import ChunkReader, write_message
from ingest.rtmp.messages import Message, MessageType

C0_C1 = b"\x03" + bytes(8) + bytes(range(256)) * 5 + bytes(248)
C2 = bytes(1536)
SERVER_HANDSHAKE_BYTES = 1 + 2 * 1536


def command(name: str, transaction: float, *arguments: amf0.Encodable, stream_id: int = 0) -> bytes:
    """A command message in chunks of 128 bytes, as every connection begins."""
    payload = amf0.encode(name, transaction, *arguments)
    return write_message(Message(MessageType.COMMAND, 0, stream_id, payload), 3, 128)


def opening(key: str = "live_abc") -> bytes:
    """All that ffmpeg and OBS say up to publish, in one go."""
    return b"".join(
        (
            C0_C1,
            C2,
            command("connect", 1, {"app": "live", "type": "nonprivate", "flashVer": "FMLE/3.0"}),
            command("releaseStream", 2, None, key),
            command("FCPublish", 3, None, key),
            command("createStream", 4, None),
            command("publish", 5, None, key, "live", stream_id=1),
        )
    )


def media(kind: int, timestamp: int, payload: bytes) -> bytes:
    return write_message(Message(kind, timestamp, 1, payload), 6, 128)


def replies(data: bytes) -> list[list[amf0.Value]]:
    """The commands in what a server sent after its handshake."""
    reader = ChunkReader(1 << 20)
    reader.push(data[SERVER_HANDSHAKE_BYTES:])
    found = []
    while (message := reader.next_message()) is not None:
        if message.type == MessageType.COMMAND:
            found.append(amf0.decode(message.payload))
    return found


def descriptions(data: bytes) -> list[str]:
    """What the onStatus commands say in words."""
    said = [reply[3] for reply in replies(data) if reply[0] == "onStatus"]
    return [str(status["description"]) for status in said if isinstance(status, dict)]


def status_codes(data: bytes) -> list[str]:
    """The codes of the onStatus commands in what a server sent."""
    return [str(reply[3]["code"]) for reply in replies(data) if reply[0] == "onStatus" and isinstance(reply[3], dict)]
